"""VITON-HD's figure 8 in numbers; trained by benchmarks/alias_ablation.py, which takes minutes."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"
NORMS = ("alias", "instance", "spade")


def measure(seed: int) -> dict[str, float]:
    """Mean absolute errors inside the misaligned region, images in [-1, 1], and how much better ALIAS is (> 0).

    ``early``: after half as many steps, which was measured first.
    """
    report, early = (
        json.loads((RESULTS / name).read_text(encoding="utf8"))
        for name in ("alias_ablation.json", "alias_ablation_200.json")
    )
    runs = {norm: report["runs"][f"{norm}-{seed}"] for norm in NORMS}
    error = {norm: run["misaligned"] for norm, run in runs.items()}
    return {
        **error,
        **{f"{norm}_aligned": run["aligned"] for norm, run in runs.items()},
        **{f"early_{norm}": early["runs"][f"{norm}-{seed}"]["misaligned"] for norm in NORMS},
        "over_instance": error["instance"] - error["alias"],
        "over_spade": error["spade"] - error["alias"],
        **{name: report["untrained"][name]["misaligned"] for name in ("grey", "chance", "own_mean")},
    }
