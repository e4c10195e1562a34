"""What Leffa's loss does to chapter 7's matcher, whose base finds its places: garments laid anyhow, and a fence.

Trained by benchmarks/following.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored
from claims.leffa_matcher import readings

ARMS = ("base", "control", "later", "w1", "coarse", "alone")


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("following", ("fenced",))


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING`` and what goes with it as in claims/leffa_matcher.py, of the fenced setting; ``w1`` has Leffa's
    loss at a weight of 1.

    ``cloth_epe`` is the error of attention that is even over the cloth; ``alone_share`` that of ``alone`` as a share of
    it, and ``alone_slope`` the jumps between neighbours' centres, as a share of the true ones.
    """
    arms = stored.matched("fenced", seed)
    even = arms["baselines"]["cloth_epe"]
    alone = {"alone_share": arms["alone"]["epe"] / even, "alone_slope": arms["alone"]["slope"]}
    return readings(arms, ARMS) | alone | {"cloth_epe": even}
