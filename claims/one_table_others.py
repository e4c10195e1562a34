"""The other rows of the one table: query selection, Leffa's pair, and what needs no training.

Trained by benchmarks/one_table.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored
from claims.one_table import BENCHMARK, cells

TRAINED = ("selection", "pair", "pair-leffa")
ROWS = (*TRAINED, "copy", "masks", "uniform", "joints", "truth")


def seeds() -> list[int]:
    """Those of which every trained row is stored."""
    return stored.seeds(BENCHMARK, TRAINED)


def measure(seed: int) -> dict[str, float]:
    """``ROW_CELL`` and ``ROW_CELL_pm`` as in claims/one_table.py, for query selection, Leffa's pair without and with
    its loss, and what needs no training, whose interval is over people alone. ``joints``: a thin plate through the
    joints, told where they lie in the garment. ``pair_share``: the pair's error as a share of what uniform attention
    errs, ``pair_followed`` what Leffa's loss takes of it, ``selection_garment_gain``: SSIM inside the garment over the
    copy's.
    """
    found: dict[str, float] = {}
    for row in ROWS:
        found |= cells(row, seed)
    found["pair_share"] = found["pair_best"] / found["uniform_best"]
    found["pair_followed"] = 1 - found["pair_leffa_best"] / found["pair_best"]
    found["selection_garment_gain"] = found["selection_garment"] - found["copy_garment"]
    return found
