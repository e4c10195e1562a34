"""Are sure queries right, and what does a temperature bring? Matchers, and the shipped model.

Measured by benchmarks/doubt.py, where the hypotheses were written down first. The shipped model was told the true
places in training; the matchers were told nothing.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "doubt.json"
ARMS = ("seeing", "blind", "shipped")
SCORES = {
    "error": "query_error",
    "strongest": "strongest",
    "mass": "mass",
    "entropy": "entropy",
    "mean_map": "mean_map_entropy",
    "rank": "doubt_rank",
    "rank_strongest": "doubt_rank_strongest",
    "rank_spread": "spread_rank",
    "surest": "surest",
    "unsurest": "unsurest",
    "epe": "epe",
    "cold": "epe_0.5",
    "cold_entropy": "entropy_0.5",
    "colder": "epe_0.25",
    "colder_entropy": "entropy_0.25",
    "hot": "epe_2.0",
    "hot_entropy": "entropy_2.0",
}

OF_SHIPPED = {
    "rank_within": "rank_within",
    "shown": "shown_error",
    "shown_entropy": "other_entropy",
    "blank_entropy": "blank_entropy",
}


def measure(seed: int) -> dict[str, float]:
    """For each model errors in tokens and entropies in nats; of the shipped model on the group ``seed`` of people.

    ``surest`` and ``unsurest`` are the mean errors of the quarter of the queries with the lowest and with the highest
    entropy, ``cold``, ``colder`` and ``hot`` are at a half, a quarter and twice the temperature. ``shown`` is the error
    of the shipped model when its keys see another garment, against the places of *that* one, ``blank`` is with a white
    page, ``rank_within`` the mean over pictures of the correlation within each. ``gap`` is what the entropy of the
    head-mean map has more than the heads, ``sorted`` what the least sure quarter errs more than the surest.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    found = {f"{arm}_{name}": runs[f"{arm}-{seed}"][key] for arm in ARMS for name, key in SCORES.items()}
    for arm in ARMS:
        found[f"{arm}_gap"] = found[f"{arm}_mean_map"] - found[f"{arm}_entropy"]
        found[f"{arm}_cold_takes"] = 1 - found[f"{arm}_cold_entropy"] / found[f"{arm}_entropy"]
        found[f"{arm}_cold_gain"] = found[f"{arm}_epe"] - found[f"{arm}_cold"]
        found[f"{arm}_sorted"] = found[f"{arm}_unsurest"] - found[f"{arm}_surest"]
    shipped = runs[f"shipped-{seed}"]
    found |= {f"shipped_{name}": shipped[key] for name, key in OF_SHIPPED.items()}
    return found | {"blind_surest_over": found["blind_surest"] - found["seeing_error"]}
