"""The last stage of the shipped Leffa with its loss and without it; benchmarks/leffa_last_stage.py trained both."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "leffa_last_stage.json"
PAINTING = ("up_blocks.1.attentions.0", "up_blocks.1.attentions.1")
COARSE = "mid_block.attentions.0"


def measure(seed: int) -> dict[str, float]:
    """Of the base and both continuations, in pixels: the mean error of the two attentions that paint and the coarse
    one's, and the masked SSIM; one training each, of ``seed`` 0."""
    arms = json.loads(RESULTS.read_text(encoding="utf8"))["arms"]
    found = {}
    for name, arm in arms.items():
        found |= {
            f"{name}_epe": sum(arm[block] for block in PAINTING) / 2,
            f"{name}_mid_epe": arm[COARSE],
            f"{name}_ssim": arm["ssim"],
        }
    return found
