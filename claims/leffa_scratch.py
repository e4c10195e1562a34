"""What Leffa's loss does beside painting from the first step of a small StableVITON that is told nothing.

Trained by benchmarks/leffa.py, where the hypothesis, D6, was written down first.
"""

from __future__ import annotations

from claims import stored

ARMS = ("none", "scratch")
READINGS = ("epe", "strongest", "pck", "mass", "swaps", "entropy", "spread", "reach")


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("leffa_stableviton", ARMS)


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING`` as in claims/leffa_stableviton.py, after 400 steps: ``none`` without a loss, ``scratch`` with
    Leffa's at a tenth's dose from the first. ``harm`` is how much more it errs, ``ssim_gain`` how much better it
    paints."""
    arms = {}
    for arm in ARMS:
        run = stored.run("leffa_stableviton", f"{arm}-{seed}")
        arms[arm] = {name: sum(run[block][name] for block in stored.FINEST) / len(stored.FINEST) for name in READINGS}
        arms[arm]["ssim"] = run["masked_ssim"]
    found = {f"{arm}_{name}": value for arm, scores in arms.items() for name, value in scores.items()}
    return found | {
        "harm": arms["scratch"]["epe"] - arms["none"]["epe"],
        "ssim_gain": arms["scratch"]["ssim"] - arms["none"]["ssim"],
    }
