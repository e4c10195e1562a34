"""VITON-HD's figure 8 in numbers: seven arms on two grounds, trained by benchmarks/alias_ablation.py."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "alias_ablation.json"
ARMS = ("alias", "half", "instance_div", "instance", "spade", "filled", "strangers")
METRICS = tuple(f"{name}_{where}" for name in ("leak", "error", "swapped", "elsewhere") for where in ("near", "far"))


def measure(seed: int) -> dict[str, float]:
    """Leak and errors of every arm, and by how much instance norm (with the divided labels) exceeds ALIAS.

    ``better``: the share of people whose far error under random grounds ALIAS makes smaller than instance norm does.
    """
    report = json.loads(RESULTS.read_text(encoding="utf8"))
    runs = {(g, arm): report["runs"][f"{g}/{arm}/{seed}"] for g in ("random", "white") for arm in ARMS}
    result = {f"{g}_{arm}_{metric}": run[metric] for (g, arm), run in runs.items() for metric in METRICS}
    for ground in ("random", "white"):
        for metric in METRICS:
            result[f"{ground}_won_{metric}"] = runs[ground, "instance_div"][metric] - runs[ground, "alias"][metric]
            result[f"{ground}_half_won_{metric}"] = runs[ground, "instance_div"][metric] - runs[ground, "half"][metric]
    pairs = zip(
        *(runs["random", arm]["people"]["error_far"] for arm in ("alias", "instance_div")),
        strict=True,
    )
    ahead = [alias < instance for alias, instance in pairs]
    result["better"] = sum(ahead) / len(ahead)
    return result | {name: report["untrained"][str(seed)][name] for name in ("mean_near", "mean_far", "grey_far")}
