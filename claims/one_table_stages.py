"""VITON-HD's three stages in the one table, and what streets do to backgrounds.

Trained by benchmarks/one_table.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored
from claims.one_table import BENCHMARK, cells, growth, over_attention


def seeds() -> list[int]:
    """Those that the benchmark has measured."""
    return stored.seeds(BENCHMARK, ("stages", "attention"))


def measure(seed: int) -> dict[str, float]:
    """``stages_CELL``, ``stages_CELL_pm``, ``stages_gain`` and ``stages_nearer`` as in claims/one_table.py.
    ``stages_growth`` and ``attention_growth``: how much more the painted background errs before streets than in the
    studio; ``..._kept``: that which need not be painted, where nothing is put back; ``growth_gap``: their difference.
    """
    found = cells("stages", seed) | over_attention(seed, ("stages",))
    for row in ("stages", "attention"):
        found[f"{row}_growth"] = growth(row, seed, "ground", "street")
        found[f"{row}_growth_kept"] = growth(row, seed, "kept", "street_kept")
    gaps = {
        f"growth_gap{kind}": found[f"stages_growth{kind}"] - found[f"attention_growth{kind}"] for kind in ("", "_kept")
    }
    return found | gaps
