"""The ladder's last rung in the one table: augmentation, and total variation in the last fifth.

Trained by benchmarks/one_table.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored
from claims.one_table import BENCHMARK, cells


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds(BENCHMARK, ("moved-variation", "moved"))


def measure(seed: int) -> dict[str, float]:
    """``moved_variation_CELL`` and ``moved_variation_CELL_pm`` as in claims/one_table.py; ``nearer``: by how much less
    it errs than with augmentation alone."""
    found = cells("moved-variation", seed)
    return found | {"nearer": cells("moved", seed)["moved_best"] - found["moved_variation_best"]}
