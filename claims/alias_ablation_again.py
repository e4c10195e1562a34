"""Two of figure 8's arms trained again, ALIAS and instance norm with divided labels: does less leak under ALIAS?"""

from __future__ import annotations

from benchmarks.alias_ablation import means, trained_scores


def measure(seed: int) -> dict[str, float]:
    """Under random grounds and far shifts, the leak and the error of both, and the leak that ALIAS saves."""
    alias, instance = (means(trained_scores(arm, "random", seed)) for arm in ("alias", "instance_div"))
    return {
        "alias_leak": alias["leak_far"],
        "instance_leak": instance["leak_far"],
        "alias_error": alias["error_far"],
        "instance_error": instance["error_far"],
        "saved": instance["leak_far"] - alias["leak_far"],
    }
