"""Total variation and entropy in a StableVITON that is told nothing about places, on garments laid straight.

Trained by benchmarks/shaping.py, where the hypotheses were written down first. Found: V1 and E3 hold. V2, V3, E1, E2
and B1 fail, in every seed but one of B1; V5 fails on average. Of T, the told model errs least; the copy errs no more
than the losses.
"""

from __future__ import annotations

from claims import stored

ARMS = ("none", "control", "cooled", "variation", "released", "entropy", "both", "told")
READINGS = ("epe", "strongest", "mass", "spread", "entropy", "slope", "swaps")


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("shaping", (f"straight-{arm}" for arm in ARMS))


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING`` and ``ARM_gain`` as in claims/variation_stableviton.py and claims/entropy_stableviton.py, of
    trainings and people whose garments lie straight."""
    arms = stored.shaped("straight", seed, ARMS, READINGS)
    return (
        stored.told_of(arms)
        | stored.references("straight")
        | {
            "variation_slope_change": arms["variation"]["slope"] - arms["control"]["slope"],
            "entropy_mass_gain": arms["entropy"]["mass"] - arms["control"]["mass"],
            "over_temperature": arms["cooled"]["epe"] - arms["entropy"]["epe"],
            "mass_over_temperature": arms["entropy"]["mass"] - arms["cooled"]["mass"],
        }
    )
