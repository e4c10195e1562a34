"""VITON-HD's figure 8 in numbers; trained by benchmarks/alias_ablation.py, which takes minutes."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "alias_ablation.json"


def measure(seed: int) -> dict[str, float]:
    """Mean absolute errors inside the misaligned region, images in [-1, 1], and how much better ALIAS is (> 0)."""
    report = json.loads(RESULTS.read_text(encoding="utf8"))
    runs = {norm: report["runs"][f"{norm}-{seed}"] for norm in ("alias", "instance", "spade")}
    error = {norm: run["misaligned"] for norm, run in runs.items()}
    return {
        **error,
        **{f"{norm}_aligned": run["aligned"] for norm, run in runs.items()},
        "over_instance": error["instance"] - error["alias"],
        "over_spade": error["spade"] - error["alias"],
        **report["constant"],
    }
