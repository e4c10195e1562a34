"""What the parts of the small StableVITON are worth: keys that see, a UNet that reads, the short way, all but a token.

Trained by benchmarks/ablations.py, where the hypotheses were written down first; the same model told the truth, whole,
is what each arm is compared with.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "ablations.json"
ARMS = ("told", "blind", "encoder", "no-short-way", "token")
FINEST, FABRICS = ("warps.0", "warps.1"), ("plain", "stripes", "checks", "lettering")


def measure(seed: int) -> dict[str, float]:
    """For each arm ``ARM_ssim``, masked SSIM of pictures painted in one step; ``ARM_FABRIC``, the SSIM inside garments
    of that fabric; ``ARM_error``, of the better of the two finest attentions, in pixels of 64x48 (not of the token's).

    ``ARM_gain`` is how much better the whole model paints, ``ARM_places`` how much less it errs; ``token_pattern`` how
    much more the token's arm loses on stripes, checks and lettering than on plain cloth. ``copy_ssim``,
    ``uniform_ssim`` and ``agnostic_ssim`` are those of baselines, ``copy_error`` and ``uniform_error`` their errors.
    """
    stored = json.loads(RESULTS.read_text(encoding="utf8"))
    found: dict[str, float] = dict(stored["references"])
    for arm in ARMS:
        run, name = stored["runs"][f"{arm}-{seed}"], arm.replace("-", "_")
        found[f"{name}_ssim"] = run["masked_ssim_1"]
        found |= {f"{name}_{fabric}": run[f"ssim_{fabric}"] for fabric in FABRICS}
        if arm != "token":
            found[f"{name}_error"] = min(run[block] for block in FINEST)
        if arm != "told":
            found[f"{name}_gain"] = found["told_ssim"] - found[f"{name}_ssim"]
        if arm not in ("told", "token"):
            found[f"{name}_places"] = found[f"{name}_error"] - found["told_error"]
    lost = {fabric: found[f"told_{fabric}"] - found[f"token_{fabric}"] for fabric in FABRICS}
    return found | {
        "token_pattern": sum(lost[fabric] for fabric in FABRICS[1:]) / 3 - lost["plain"],
        "reach": found["no_short_way_ssim"] - found["token_ssim"],
    }
