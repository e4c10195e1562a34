"""Leffa's loss from the first step of a StableVITON that is told nothing about places.

Trained by benchmarks/leffa.py, where the hypothesis was written down first. Found: D6 holds in four
seeds of five, and on the mean, whose interval holds 0.
"""

from __future__ import annotations

from claims import stored

ARMS = ("none", "scratch")


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("leffa_stableviton", ARMS)


def measure(seed: int) -> dict[str, float]:
    """``ARM_epe`` in tokens, the mean of the two finest attentions, and ``ARM_ssim``, masked, of pictures painted in
    one step, after 400 steps: ``none`` without a loss, ``scratch`` with Leffa's at a tenth's dose from the first step
    on; garments laid anyhow. ``scratch_harm`` is how much farther off it is, ``scratch_ssim_gain`` what pictures gain.
    """
    found = {}
    for arm in ARMS:
        run = stored.run("leffa_stableviton", f"{arm}-{seed}")
        found[f"{arm}_epe"] = sum(run[block]["epe"] for block in stored.FINEST) / len(stored.FINEST)
        found[f"{arm}_ssim"] = run["masked_ssim"]
    found["scratch_harm"] = found["scratch_epe"] - found["none_epe"]
    found["scratch_ssim_gain"] = found["scratch_ssim"] - found["none_ssim"]
    return found
