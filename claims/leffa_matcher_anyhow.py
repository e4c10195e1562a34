"""What Leffa's loss does to chapter 7's matcher, whose base finds its places: garments laid anyhow, and a fence.

Trained by benchmarks/following.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims.leffa_matcher import arms_of, readings

ARMS = ("base", "control", "later", "w1", "coarse")


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING``, ``ARM_ratio``, ``ARM_gain`` and ``ARM_mass_gain`` as in claims/leffa_matcher.py, of the fenced
    setting."""
    return readings(arms_of("fenced", seed), ARMS)
