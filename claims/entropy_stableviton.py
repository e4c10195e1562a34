"""What entropy, and both losses, do to a StableVITON whose attention was told the true places, then left to itself.

Trained by benchmarks/shaping.py, where the hypotheses were written down first. Found: rows are sharper, but
E1 fails in one seed of three; E2 and B1 fail.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "shaping.json"
ARMS = ("told", "control", "entropy", "both")
FINEST = ("warps.0", "warps.1")
READINGS = ("epe", "strongest", "mass", "spread", "entropy", "variation", "swaps")


def readings(run: dict) -> dict[str, float]:
    """The pictures' masked SSIM, the error of the better of the two finest attentions, and the means over both."""
    finest = [run[block] for block in FINEST]
    found = {name: sum(block[name] for block in finest) / len(finest) for name in READINGS}
    return found | {
        "error": min(block["error"] for block in finest),
        "mean_error": sum(block["error"] for block in finest) / len(finest),
        "ssim": run["masked_ssim_1"],
        "ssim_ten": run["masked_ssim_10"],
    }


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING`` and ``ARM_gain`` as in claims/variation_stableviton.py; ``ARM_mass_gain`` is how much more of the
    attention lies near the truth than in the control, ``ARM_entropy_change`` the difference of entropies.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    arms = {arm: readings(runs[f"anyhow-{arm}-{seed}"]) for arm in ARMS}
    found = {f"{arm}_{name}": value for arm, scores in arms.items() for name, value in scores.items()}
    control = arms["control"]
    for arm in ("told", "entropy", "both"):
        scores = arms[arm]
        found |= {
            f"{arm}_gain": control["error"] - scores["error"],
            f"{arm}_mean_gain": control["mean_error"] - scores["mean_error"],
            f"{arm}_ssim_gain": scores["ssim"] - control["ssim"],
            f"{arm}_ten_gain": scores["ssim_ten"] - control["ssim_ten"],
            f"{arm}_mass_gain": scores["mass"] - control["mass"],
            f"{arm}_entropy_change": scores["entropy"] - control["entropy"],
        }
    return found
