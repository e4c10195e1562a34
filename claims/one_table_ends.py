"""The ladder's ends in the one table, and VITON-HD's three stages.

Trained by benchmarks/one_table.py, where the hypotheses were written down first.
"""

from __future__ import annotations

from claims import stored
from claims.one_table import BENCHMARK, cells, growth, over_attention

ROWS = ("addition", "blind", "told", "stages")
LOOKING = ("attention", "variation", "entropy", "both", "leffa", "moved")


def seeds() -> list[int]:
    """Those of which every row is stored."""
    return stored.seeds(BENCHMARK, (*ROWS, *LOOKING))


def measure(seed: int) -> dict[str, float]:
    """``ROW_CELL``, ``ROW_CELL_pm``, ``ROW_gain`` and ``ROW_nearer`` as in claims/one_table.py, for feature addition,
    the blind twin, the model that was told the truth, and VITON-HD's three stages. ``stages_growth`` and
    ``attention_growth``: how much more the painted background errs before streets than in the studio; ``..._kept``:
    that which need not be painted, where nothing is put back; ``growth_gap``: their difference. ``masks_nearer``: by
    how much less two masks laid over each other err than the best StableVITON that was told nothing.
    """
    found: dict[str, float] = {}
    for row in ROWS:
        found |= cells(row, seed)
    for row in ("stages", "attention"):
        found[f"{row}_growth"] = growth(row, seed, "ground", "street")
        found[f"{row}_growth_kept"] = growth(row, seed, "kept", "street_kept")
    for kind in ("", "_kept"):
        found[f"growth_gap{kind}"] = found[f"stages_growth{kind}"] - found[f"attention_growth{kind}"]
    best = min(cells(row, seed)[f"{row}_best"] for row in LOOKING)
    found["masks_nearer"] = best - cells("masks", seed)["masks_best"]
    return found | over_attention(seed, ROWS)
