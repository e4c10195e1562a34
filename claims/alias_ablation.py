"""VITON-HD's figure 8 in numbers: seven arms on two grounds, trained by benchmarks/alias_ablation.py."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "alias_ablation.json"
ARMS = ("alias", "half", "instance_div", "instance", "spade", "filled", "strangers")
METRICS = tuple(f"{name}_{where}" for name in ("leak", "error", "swapped", "elsewhere") for where in ("near", "far"))


def measure(seed: int) -> dict[str, float]:
    """Leak and errors of every arm.

    ``won``: by how much instance norm (with the divided labels) exceeds ALIAS; ``half_won``: by how much *no mask*,
    whose fine blocks see the undivided labels as well, exceeds the arm with two masked blocks; ``below_grey``: by how
    much mid grey errs more than an arm, far, under random grounds. ``better``: the share of people whose far error
    under random grounds ALIAS makes smaller than instance norm does.
    """
    report = json.loads(RESULTS.read_text(encoding="utf8"))
    runs = {(g, arm): report["runs"][f"{g}/{arm}/{seed}"] for g in ("random", "white") for arm in ARMS}
    result = {f"{g}_{arm}_{metric}": run[metric] for (g, arm), run in runs.items() for metric in METRICS}
    for ground in ("random", "white"):
        for metric in METRICS:
            result[f"{ground}_won_{metric}"] = runs[ground, "instance_div"][metric] - runs[ground, "alias"][metric]
            result[f"{ground}_half_won_{metric}"] = runs[ground, "instance"][metric] - runs[ground, "half"][metric]
    pairs = zip(
        *(runs["random", arm]["people"]["error_far"] for arm in ("alias", "instance_div")),
        strict=True,
    )
    ahead = [alias < instance for alias, instance in pairs]
    result["better"] = sum(ahead) / len(ahead)
    result |= {
        name: report["untrained"][str(seed)][name] for name in ("mean_near", "mean_far", "grey_near", "grey_far")
    }
    result |= {f"{arm}_below_grey": result["grey_far"] - runs["random", arm]["error_far"] for arm in ARMS}
    return result | comparisons(runs)


def comparisons(runs: dict[tuple[str, str], dict[str, float]]) -> dict[str, float]:
    """Pairs of arms that the text sets side by side."""

    def exceeds(ground: str, more: str, less: str, metric: str) -> float:
        return runs[ground, more][metric] - runs[ground, less][metric]

    return {
        "half_over_alias_leak_far": exceeds("random", "half", "alias", "leak_far"),
        "instance_div_over_half_leak_far": exceeds("random", "instance_div", "half", "leak_far"),
        "instance_over_alias_swapped_near": exceeds("white", "instance", "alias", "swapped_near"),
        "instance_over_strangers_leak_far": exceeds("random", "instance", "strangers", "leak_far"),
        "instance_div_over_spade_elsewhere_far": exceeds("random", "instance_div", "spade", "elsewhere_far"),
        "alias_turned": runs["white", "alias"]["swapped_near"] - runs["white", "alias"]["error_near"],
    }
