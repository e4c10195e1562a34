"""Total variation and entropy in a matcher on garments laid straight, where place on the body tells place in them.

Trained by benchmarks/shaping_matcher.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "shaping_matcher.json"
ARMS = {
    "none": "none",
    "variation": "variation-mild",
    "variation_later": "variation-mild-later",
    "variation_strong": "variation-strong",
    "variation_strong_later": "variation-strong-later",
    "released": "released-later",
    "paper": "paper-strong",
    "entropy": "entropy-mild",
    "entropy_later": "entropy-mild-later",
    "entropy_strong": "entropy-strong",
    "entropy_strong_later": "entropy-strong-later",
    "both_later": "both-mild-later",
    "cooled": "cooled-mild",
    "cooled_later": "cooled-mild-later",
    "told": "told",
    "blind": "blind",
}
READINGS = ("epe", "strongest", "mass", "slope", "swaps", "colour")


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING`` (see benchmarks/readings.py), in training and test on garments laid straight.

    ``variation``, ``entropy`` and ``both`` are mild doses where nothing else is said, ``cooled...`` the arm without a
    loss at the entropy of ``entropy`` or ``entropy_later``. ``ARM_gain`` is how much less an arm errs than the one
    without a loss, in tokens, ``ARM_swaps_gain`` how many fewer queries mistake left for right.
    ``mass_over_temperature`` is what ``entropy`` has more near the truth than ``cooled``.
    """
    run = json.loads(RESULTS.read_text(encoding="utf8"))["runs"][f"straight-{seed}"]
    arms = {arm: run[stored] for arm, stored in ARMS.items()}
    found = {f"{arm}_{name}": scores[name] for arm, scores in arms.items() for name in READINGS}
    for arm in ARMS.keys() - {"none"}:
        found[f"{arm}_gain"] = found["none_epe"] - found[f"{arm}_epe"]
        found[f"{arm}_swaps_gain"] = found["none_swaps"] - found[f"{arm}_swaps"]
    return found | {"mass_over_temperature": found["entropy_mass"] - found["cooled_mass"]}
