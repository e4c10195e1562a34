"""What total variation does to a matcher's attention: mild or strong, from the start or later, as printed, as released.

Trained by benchmarks/shaping_matcher.py, where the hypotheses were written down first. Found: V1, V3 and V4 hold. V2
holds for the mild dose by a fiftieth of the error only, and fails for the strong one.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "shaping_matcher.json"
ARMS = {
    "none": "none",
    "mild": "variation-mild",
    "strong": "variation-strong",
    "later": "variation-strong-later",
    "later_mild": "variation-mild-later",
    "released": "released-later",
    "paper": "paper-strong",
    "told": "told",
    "blind": "blind",
}
READINGS = ("epe", "strongest", "mass", "spread", "entropy", "variation", "slope", "shared", "reach", "swaps", "colour")


def readings(run: dict[str, dict[str, float]]) -> dict[str, float]:
    """The readings of every arm, and what each brings over the arm without a loss."""
    arms = {arm: run[stored] for arm, stored in ARMS.items()}
    found = {f"{arm}_{name}": scores[name] for arm, scores in arms.items() for name in READINGS}
    found |= {f"{arm}_gain": arms["none"]["epe"] - scores["epe"] for arm, scores in arms.items() if arm != "none"}
    known = run["baselines"]
    return found | {"uniform_epe": known["uniform_epe"], "copy_epe": known["copy_epe"]}


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING``, of garments laid anyhow.

    Readings are explained in benchmarks/readings.py. ``ARM_gain`` is how much less an arm errs than the one without a
    loss, in tokens; ``ARM_swaps_gain`` and ``ARM_strongest_gain`` say the same of left and right mistaken and of the
    strongest keys. ``ARM_slope_change`` and ``ARM_shared_change`` are differences to the arm without a loss.
    ``paper_pull`` is how much farther from the middle the code's form leaves centres than the paper's, as a share of
    the truth's distance.
    """
    run = json.loads(RESULTS.read_text(encoding="utf8"))["runs"][f"anyhow-{seed}"]
    found, known = readings(run), run["baselines"]
    for arm in ("mild", "strong", "later", "later_mild", "released", "paper"):
        found |= {f"{arm}_{n}_gain": found[f"none_{n}"] - found[f"{arm}_{n}"] for n in ("swaps", "strongest")}
        found |= {f"{arm}_{n}_change": found[f"{arm}_{n}"] - found[f"none_{n}"] for n in ("slope", "shared")}
    return found | {
        "paper_pull": found["strong_reach"] - found["paper_reach"],
        "truth_variation": known["truth_variation"],
        "truth_shared": known["truth_shared"],
    }
