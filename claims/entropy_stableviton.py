"""What entropy, and both losses, do to a StableVITON whose attention was told the true places, then left to itself.

Trained by benchmarks/shaping.py, where the hypotheses were written down first. Found: rows are sharper, but
E1 fails in one seed of three; E2 and B1 fail.
"""

from __future__ import annotations

import json

from claims.variation_stableviton import RESULTS, arms_of, told_of

ARMS = ("told", "control", "entropy", "both")
READINGS = ("epe", "strongest", "mass", "spread", "entropy", "variation", "swaps")


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING`` and ``ARM_gain`` as in claims/variation_stableviton.py; ``ARM_mass_gain`` is how much more of the
    attention lies near the truth than in the control, ``ARM_entropy_change`` the difference of entropies.
    """
    arms = arms_of(json.loads(RESULTS.read_text(encoding="utf8"))["runs"], seed, ARMS, READINGS)
    found = told_of(arms)
    for arm in ("told", "entropy", "both"):
        found[f"{arm}_mass_gain"] = arms[arm]["mass"] - arms["control"]["mass"]
        found[f"{arm}_entropy_change"] = arms[arm]["entropy"] - arms["control"]["entropy"]
    return found
