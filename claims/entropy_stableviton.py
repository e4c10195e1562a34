"""What entropy, and both losses, do to a StableVITON that was told nothing about places, beside a temperature.

Trained by benchmarks/shaping.py, where the hypotheses were written down first. Found: E3 holds. E1, E2
and B1 fail.
"""

from __future__ import annotations

from claims import stored

ARMS = ("none", "control", "cooled", "entropy", "both", "told")
READINGS = ("epe", "strongest", "mass", "spread", "entropy", "variation", "swaps")


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("shaping", (f"anyhow-{arm}" for arm in ARMS))


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING`` and ``ARM_gain`` as in claims/variation_stableviton.py; ``cooled`` is the control, read where its
    attention is as sure as that of ``entropy``.

    ``ARM_mass_gain`` is how much more of the attention lies near the truth than in the control, ``over_temperature``
    how much less ``entropy`` errs than ``cooled``, ``mass_over_temperature`` how much more of its attention lies near.
    """
    arms = stored.shaped("anyhow", seed, ARMS, READINGS)
    found = stored.told_of(arms)
    for arm in ("cooled", "entropy", "both", "told"):
        found[f"{arm}_mass_gain"] = arms[arm]["mass"] - arms["control"]["mass"]
        found[f"{arm}_entropy_change"] = arms[arm]["entropy"] - arms["control"]["entropy"]
    return found | {
        "over_temperature": arms["cooled"]["epe"] - arms["entropy"]["epe"],
        "mass_over_temperature": arms["entropy"]["mass"] - arms["cooled"]["mass"],
    }
