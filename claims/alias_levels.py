"""Inputs of the ALIAS generator at every size, at some, or at one; trained by benchmarks/alias_levels.py."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "alias_levels.json"


def measure(seed: int) -> dict[str, float]:
    """Errors on the garment and on the rest, and how well texture agrees; by how much the inputs at every size win.

    ``ends``: at the coarsest and the finest size alone.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    arms = {arm: runs[f"{arm}/{seed}"] for arm in ("every", "coarsest", "enlarged", "ends")}
    result = {f"{arm}_{part}": run[part] for arm, run in arms.items() for part in ("garment", "rest", "texture")}
    for other in ("coarsest", "enlarged", "ends"):
        result[f"over_{other}"] = arms[other]["garment"] - arms["every"]["garment"]
        result[f"texture_over_{other}"] = arms["every"]["texture"] - arms[other]["texture"]
    result["ends_over_coarsest"] = arms["coarsest"]["garment"] - arms["ends"]["garment"]
    result["texture_ends_over_coarsest"] = arms["ends"]["texture"] - arms["coarsest"]["texture"]
    return result
