"""The matcher in the one table: a sixteenth of the budget, and no painter.

Trained by benchmarks/one_table.py.
"""

from __future__ import annotations

from claims import stored
from claims.one_table import BENCHMARK, cells


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds(BENCHMARK, ("matcher",))


def measure(seed: int) -> dict[str, float]:
    """``matcher_CELL`` and ``matcher_CELL_pm`` as in claims/one_table.py; ``masks_nearer``: by how much less two masks
    laid over each other err, in percent of the height."""
    found = cells("matcher", seed)
    return found | {"masks_nearer": found["matcher_best"] - cells("masks", seed)["masks_best"]}
