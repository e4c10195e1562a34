"""Total variation and entropy from the first step of a StableVITON that is told nothing about places.

Trained by benchmarks/shaping.py, where the hypotheses were written down first. Found: V4 and E4 hold.
"""

from __future__ import annotations

from claims import stored

ARMS = ("none", "variation-scratch", "entropy-scratch")
READINGS = ("epe", "strongest", "mass", "spread", "entropy", "slope", "shared", "reach", "swaps", "likeness")


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("shaping", (f"anyhow-{arm}" for arm in ARMS))


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING`` and ``ARM_gain`` as in claims/variation_stableviton.py, the gains over ``none``, which learned
    for as many steps, 400, without a loss; garments laid anyhow."""
    return stored.told_of(stored.shaped("anyhow", seed, ARMS, READINGS), "none")
