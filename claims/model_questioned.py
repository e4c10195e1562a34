"""The shipped StableVITON, asked what it uses, by seeds of people and start noise.

Measured by benchmarks/conditions.py, where the hypotheses were written down first. Five of the eight were refuted, in
whole or in part, and one holds by a hair; the conditions say which. The model answers at the first step and hardly
looks at the noisy latents.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "conditions.json"
PARTS = ("noisy", "garment", "token")


def measure(seed: int) -> dict[str, float]:
    """Masked SSIM by arm; ``lost``: less than with nothing exchanged."""
    found = json.loads(RESULTS.read_text(encoding="utf8"))["runs"][str(seed)]
    scores = {name: value for name, value in found.items() if name != "seconds"}
    lost = {f"lost_{name}": scores["with_all"] - scores[f"with_{name}"] for name in PARTS}
    differences = {
        "pose_over_garment": scores["with_garment"] - scores["with_pose"],
        "scale_gain": scores["scale_5"] - scores["scale_1"],
        "leak_gain": scores["start_leak"] - scores["with_all"],
        "other_gain": scores["start_other"] - scores["with_all"],
        "leak_over_other": scores["start_leak"] - scores["start_other"],
        "texture_growth": scores["texture_20"] - scores["texture_1"],
        "apart_growth": scores["apart_20"] - scores["apart_1"],
        "steps_gain": scores["steps_20"] - scores["steps_1"],
        "blend_loss": scores["with_all"] - scores["latents_blended"],
    }
    return {**scores, **lost, **differences}
