"""Augmentation, total variation and entropy, added one after the other to a StableVITON that was told nothing.

Trained by benchmarks/shaping.py, where the hypotheses were written down first. Found: A1 fails.
"""

from __future__ import annotations

from claims import stored

ARMS = ("control", "moved-control", "moved-variation", "moved-both")
READINGS = ("epe", "strongest", "mass")


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("shaping", (f"anyhow-{arm}" for arm in ARMS))


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING`` and ``ARM_gain`` as in claims/variation_stableviton.py, garments laid anyhow: ``control`` learned
    for 500 steps by painting alone, ``moved_control`` with augmentation; ``moved_variation`` and ``moved_both`` had the
    losses, at a tenth's dose, in the last 100. ``variation_gain`` and ``entropy_gain`` are over the one before."""
    found = stored.told_of(stored.shaped("anyhow", seed, ARMS, READINGS))
    return found | {
        "variation_gain": found["moved_control_epe"] - found["moved_variation_epe"],
        "entropy_gain": found["moved_variation_epe"] - found["moved_both_epe"],
    }
