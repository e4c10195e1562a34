"""The ladder's ends in the one table: feature addition, the blind twin, and the model that was told the truth.

Trained by benchmarks/one_table.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored
from claims.one_table import BENCHMARK, cells, over_attention

ROWS = ("addition", "blind", "told")
LOOKING = ("attention", "variation", "entropy", "both", "leffa")


def seeds() -> list[int]:
    """Those of which every row is stored."""
    return stored.seeds(BENCHMARK, (*ROWS, *LOOKING))


def measure(seed: int) -> dict[str, float]:
    """``ROW_CELL``, ``ROW_CELL_pm``, ``ROW_gain`` and ``ROW_nearer`` as in claims/one_table.py, for feature addition,
    the blind twin and the model that was told the truth. ``masks_nearer``: by how much less two masks laid over each
    other err than the best StableVITON that was told nothing.
    """
    found: dict[str, float] = {}
    for row in ROWS:
        found |= cells(row, seed)
    best = min(cells(row, seed)[f"{row}_best"] for row in LOOKING)
    return found | over_attention(seed, ROWS) | {"masks_nearer": best - cells("masks", seed)["masks_best"]}
