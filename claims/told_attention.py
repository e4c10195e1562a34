"""What telling attention the truth is worth in places and in pictures, by seeds.

Trained by benchmarks/ablations.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "ablations.json"
ARMS = ("told", "untold")
FINEST = ("warps.0", "warps.1")


def measure(seed: int) -> dict[str, float]:
    """``ARM_ssim``: masked SSIM of pictures painted in one step; ``ARM_error``: of the better of the two finest
    attentions, in pixels of 64x48.

    ``told_gain`` is how much better the told model paints than the untold, ``place_gain`` how much less it errs.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    found: dict[str, float] = {}
    for arm in ARMS:
        run = runs[f"{arm}-{seed}"]
        found[f"{arm}_ssim"] = run["masked_ssim_1"]
        found[f"{arm}_error"] = min(run[name] for name in FINEST)
    return found | {
        "told_gain": found["told_ssim"] - found["untold_ssim"],
        "place_gain": found["untold_error"] - found["told_error"],
    }
