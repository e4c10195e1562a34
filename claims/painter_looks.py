"""Where small StableVITONs look, on five groups of people: one told the true places in training, one told nothing.

Measured by benchmarks/looks.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "looks.json"
MODELS = ("shipped", "untold")
OF_MODEL = {
    "epe": "epe_1.0",
    "at_600": "epe_at_600",
    "at_200": "epe_at_200",
    "misled": "misled",
    "own": "own_attention",
    "across": "across_attention",
    "entropy": "entropy",
    "spread": "spread",
}
OF_PEOPLE = (
    *("chance", "copy", "aligned"),
    *(f"{whose}_{where}" for whose in ("own", "across") for where in ("truth", "copy", "chance")),
)


def measure(seed: int) -> dict[str, float]:
    """Errors of the centre in tokens at pure noise, at lower levels, and with another garment's pixels shown to the
    keys (``misled``); the shares of attention on a part's own and on its mirror image's place; for one group."""
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    found = {f"{m}_{name}": runs[m]["groups"][seed][key] for m in MODELS for name, key in OF_MODEL.items()}
    found |= {name: runs["shipped"]["groups"][seed][name] for name in OF_PEOPLE}
    for model in MODELS:
        lower = (found[f"{model}_at_600"], found[f"{model}_at_200"])
        found[f"{model}_drift"] = max(abs(error - found[f"{model}_epe"]) for error in lower)
        found[f"{model}_own_ratio"] = found[f"{model}_own"] / found["own_chance"]
    return found | {"misled_ratio": found["shipped_misled"] / found["shipped_epe"]}
