"""What total variation does to a StableVITON that was told nothing about places, switched on where it looks already.

Trained by benchmarks/shaping.py, where the hypotheses were written down first. Found: V1 and T hold. V2
and V5 fail: centres move away, a little at the released weight too. V3 fails, and says little: what was told paints no
better either.
"""

from __future__ import annotations

from claims import stored

ARMS = ("none", "control", "variation", "released", "told")
READINGS = (
    "epe",
    "strongest",
    "mass",
    "spread",
    "entropy",
    "variation",
    "slope",
    "shared",
    "reach",
    "swaps",
    "likeness",
)


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("shaping", (f"anyhow-{arm}" for arm in ARMS))


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING``, garments laid anyhow: ``none`` is the base, 400 steps without a loss; the others go on from it
    for 100, ``control`` without a loss.

    Readings (benchmarks/readings.py) are the means of the two attentions, lengths in tokens; ``best_epe`` is the error
    of the better one, ``ssim`` the masked SSIM of pictures painted in one step. ``ARM_gain`` is how much less an arm
    errs than the control, ``ARM_ssim_gain`` how much better it paints; ``ARM_slope_change`` and ``ARM_shared_change``
    are differences to the control.
    """
    arms = stored.shaped("anyhow", seed, ARMS, READINGS)
    found = stored.told_of(arms)
    for arm in ("variation", "released"):
        found |= {f"{arm}_{name}_change": arms[arm][name] - arms["control"][name] for name in ("slope", "shared")}
    truth = stored.run("shaping", f"anyhow-control-{seed}")[stored.FINEST[0]]
    return found | stored.references("anyhow") | {"truth_shared": truth["truth_shared"]}
