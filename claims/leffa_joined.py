"""What a softmax over 2n keys makes of Leffa's loss, beside copying, where the n more are a matcher's own queries.

Trained by benchmarks/following.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("following", ("open",))


def measure(seed: int) -> dict[str, float]:
    """``n_READING``, ``joined_READING`` and ``control_READING`` of the open setting, as in claims/leffa_matcher.py:
    Leffa's loss over n keys, over 2n, and none. ``joined_change``: how far the places' error over 2n is from none's.
    """
    arms, names = stored.matched("open", seed), {"n": "later", "joined": "joined", "control": "control"}
    found = {f"{name}_{r}": arms[arm][r] for name, arm in names.items() for r in ("epe", "mass", "reach", "pck")}
    return found | {"joined_change": abs(found["joined_epe"] - found["control_epe"])}
