"""Feature addition against zero cross-attention, from the stored runs of benchmarks/feature_addition.py."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "feature_addition.json"
ARMS = {"attention": "attention", "addition": "addition", "person": "addition-person", "blind": "blind"}


def measure(seed: int) -> dict[str, float]:
    """Errors of pattern, colour and places of every arm; what addition and the blind twin lose to zero cross-attention.

    ``person`` is addition from an encoder that sees the person; ``aligned``, ``copy`` and ``cloth`` are untrained.
    """
    found = json.loads(RESULTS.read_text(encoding="utf8"))
    arms = {name: found["runs"][f"{arm}-{seed}"] for name, arm in ARMS.items()} | found["untrained"]
    scores = {f"{name}_{what}": arm[what] for name, arm in arms.items() for what in ("pattern", "colour", "places")}
    return scores | {
        "gap": scores["addition_pattern"] - scores["attention_pattern"],
        "person_gap": scores["person_pattern"] - scores["attention_pattern"],
        "blind_gap": scores["blind_pattern"] - scores["attention_pattern"],
        "person_helps": scores["addition_pattern"] - scores["person_pattern"],
        "person_over_blind": scores["person_pattern"] - scores["blind_pattern"],
    }
