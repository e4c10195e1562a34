"""What it is worth that the sharp reading of the short way teaches attention nothing, for a model that is told and one
that is not.

Trained by benchmarks/ablations.py, where the hypothesis was written down before the arms without it were measured.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "ablations.json"
ARMS = ("told", "untold", "told-mean", "untold-mean")
FINEST = ("warps.0", "warps.1")


def measure(seed: int) -> dict[str, float]:
    """``ARM_ssim``: masked SSIM of pictures painted in one step; ``ARM_error``: of the better of the two finest
    attentions, in pixels of 64x48; in the arms whose names end in ``mean`` the sharp reading teaches nothing.

    ``untold_gain``: how much less the model that is told nothing errs without it; ``painted_gain``: how much better it
    paints; ``told_cost``: how much worse the model that is told paints; ``told_gain``: how much better what is told
    paints than what is not, both without it.
    """
    stored = json.loads(RESULTS.read_text(encoding="utf8"))
    found: dict[str, float] = {"uniform_error": stored["references"]["uniform_error"]}
    for arm in ARMS:
        run, name = stored["runs"][f"{arm}-{seed}"], arm.replace("-", "_")
        found[f"{name}_ssim"] = run["masked_ssim_1"]
        found[f"{name}_error"] = min(run[block] for block in FINEST)
    return found | {
        "untold_gain": found["untold_error"] - found["untold_mean_error"],
        "painted_gain": found["untold_mean_ssim"] - found["untold_ssim"],
        "told_cost": found["told_ssim"] - found["told_mean_ssim"],
        "told_gain": found["told_mean_ssim"] - found["untold_mean_ssim"],
    }
