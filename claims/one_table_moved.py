"""The rung of augmentation in the one table.

Trained by benchmarks/one_table.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored
from claims.one_table import BENCHMARK, cells, over_attention


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds(BENCHMARK, ("moved", "attention"))


def measure(seed: int) -> dict[str, float]:
    """``moved_CELL``, ``moved_CELL_pm``, ``moved_gain`` and ``moved_nearer`` as in claims/one_table.py."""
    return cells("moved", seed) | over_attention(seed, ("moved",))
