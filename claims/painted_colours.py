"""Does a painted colour go wrong where a painter looks about? Two small StableVITONs, on five groups of people.

Measured by benchmarks/looks.py, where the hypotheses were written down first. Three of them fail.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "looks.json"
KEPT = {
    "off": "error_off",
    "spread": "error_spread",
    "lively": "error_lively",
    "spread_given": "error_spread_given",
    "off_given": "error_off_given",
    "wide": "near_wide",
    "narrow": "near_narrow",
    "half": "painted_0.5",
    "whole": "painted_1.0",
    "double": "painted_2.0",
}


def measure(seed: int) -> dict[str, float]:
    """Rank correlations of the painted colour's squared error over tokens with other quantities, that error where the
    place is right and the look wide or narrow, and at three temperatures of the finest blocks; for one group."""
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    found = {f"{m}_{name}": runs[m]["groups"][seed][key] for m in ("untold", "shipped") for name, key in KEPT.items()}
    for model in ("untold", "shipped"):
        found[f"{model}_half_saves"] = 1 - found[f"{model}_half"] / found[f"{model}_whole"]
        found[f"{model}_double_costs"] = found[f"{model}_double"] / found[f"{model}_whole"] - 1
        found[f"{model}_ratio"] = found[f"{model}_wide"] / found[f"{model}_narrow"]
    return found
