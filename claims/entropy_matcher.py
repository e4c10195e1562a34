"""What a loss on entropy does to a matcher's attention, beside a temperature that makes it as sharp without training.

Trained by benchmarks/shaping_matcher.py, where the hypotheses were written down first. Found: E4 holds. E1 and E2
hold for the mild dose, E3 for every dose: the temperature even does better. Strong doses leave less of the attention
near the truth. B1 fails: mild doses of both change places by nothing that can be told, strong ones harm.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "shaping_matcher.json"
ARMS = {
    "none": "none",
    "mild": "entropy-mild",
    "strong": "entropy-strong",
    "later": "entropy-strong-later",
    "later_mild": "entropy-mild-later",
    "cooled": "cooled-strong",
    "cooled_mild": "cooled-mild",
    "cooled_later": "cooled-strong-later",
    "cooled_later_mild": "cooled-mild-later",
    "both": "both-strong",
    "both_later": "both-strong-later",
    "both_later_mild": "both-mild-later",
    "told": "told",
    "blind": "blind",
}
READINGS = ("epe", "strongest", "mass", "spread", "entropy", "variation", "swaps", "colour")
TEMPERED = ("mild", "strong", "later", "later_mild")


def readings(run: dict[str, dict[str, float]]) -> dict[str, float]:
    """The readings of every arm, what each brings over the arm without a loss, and over a temperature."""
    arms = {arm: run[stored] for arm, stored in ARMS.items()}
    found = {f"{arm}_{name}": scores[name] for arm, scores in arms.items() for name in READINGS}
    for arm, scores in arms.items():
        if arm != "none":
            found[f"{arm}_gain"] = arms["none"]["epe"] - scores["epe"]
            found[f"{arm}_mass_gain"] = scores["mass"] - arms["none"]["mass"]
    for arm in TEMPERED:
        cooled, before = arms["cooled" if arm == "strong" else f"cooled_{arm}"], "" if arm == "strong" else f"{arm}_"
        found[f"{before}over_temperature"] = cooled["epe"] - arms[arm]["epe"]
        found[f"{before}mass_over_temperature"] = arms[arm]["mass"] - cooled["mass"]
        found[f"{before}temperature"] = cooled["temperature"]
    return found


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING``, of garments laid anyhow.

    Readings are explained in benchmarks/readings.py. ``cooled...`` is the arm without a loss, its scores sharpened
    after training to the entropy of ``strong``, or of the arm that is named. ``ARM_gain`` is how much less an arm errs
    than the one without a loss, in tokens, ``ARM_mass_gain`` how much more of its attention lies near the truth. The
    same over the temperature: ``over_temperature`` of ``strong``, ``ARM_over_temperature`` of the others, and their
    ``mass_over_temperature``; ``temperature`` is the one used.
    """
    return readings(json.loads(RESULTS.read_text(encoding="utf8"))["runs"][f"anyhow-{seed}"])
