"""What the three stages of VITON-HD reach at size tiny; trained by benchmarks/alias_tiny.py, which takes minutes."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "alias_tiny.json"


def measure(seed: int) -> dict[str, float]:
    """Masked SSIM of the pipeline's pictures and of two that need no training, on 64 paired test examples."""
    run = json.loads(RESULTS.read_text(encoding="utf8"))["runs"][str(seed)]
    scores, epe = run["masked_ssim"], run["epe"]
    return {
        "ssim": scores["ALIAS"],
        "agnostic": scores["agnostic"],
        "copy": scores["copy"],
        "margin": scores["ALIAS"] - max(scores["agnostic"], scores["copy"]),
        "epe": epe["geometric matching"],
        "uniform": epe["uniform"],
        "copy_epe": epe["copy"],
    }
