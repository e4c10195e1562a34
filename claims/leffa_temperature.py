"""At which temperature Leffa's loss should read attention, and what another person's target and a large weight do.

Trained by benchmarks/following.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored

ARMS = {"t05": "t05", "t1": "t1", "t2": "later", "t4": "t4", "other": "other", "w1": "w1", "control": "control"}


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds("following", ("open",))


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING`` of the open setting, as in claims/leffa_matcher.py: Leffa's loss beside copying at temperatures
    of 1/2, 1, 2 and 4 (``t05``, ``t1``, ``t2``, ``t4``); at 2 with another person's target (``other``) and at a weight
    of 1 (``w1``); and without it. ``ARM_gain`` is how much less the error is than the control's.
    """
    arms = stored.matched("open", seed)
    found = {f"{n}_{r}": arms[arm][r] for n, arm in ARMS.items() for r in ("epe", "pck", "mass", "entropy", "swaps")}
    return found | {f"{n}_gain": found["control_epe"] - found[f"{n}_epe"] for n in ARMS if n != "control"}
