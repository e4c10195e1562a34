"""Does a base that is left intact carry a StableVITON to backgrounds that its own training did not show? By seeds.

Trained by benchmarks/intact_prior.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "intact_prior.json"
ARMS, REGIONS = ("base", "frozen", "unfrozen", "scratch"), ("masked", "garment", "around")


def measure(seed: int) -> dict[str, float]:
    """``ARM_test`` and ``ARM_cross``: masked SSIM on the two splits; ``ARM_drop``: from the one to the other.

    ``ARM_garment_drop`` and ``ARM_around_drop`` are the same inside the garment and in the rest of the mask,
    where ``ARM_around_cross`` is the level on cross;
    ``ARM_error`` is the error of places on the cross split in pixels of 64x48, ``ARM_error_rise`` how much larger it
    is than on test. ``over_X`` is how much less the frozen base drops than X, ``garment_over_scratch`` and
    ``around_over_scratch`` by region; ``at_home`` how much better the unfrozen base paints on test than the frozen;
    ``abroad`` how much better from scratch is on cross than the frozen. ``agnostic_``: nothing painted;
    ``ARM_kept``: of what painting gains over that on test, the share that it gains on cross.
    """
    stored = json.loads(RESULTS.read_text(encoding="utf8"))
    found: dict[str, float] = {}
    for arm in ARMS:
        test, cross = (stored["runs"][f"{arm}-{seed}"][split] for split in ("test", "cross"))
        found |= {f"{arm}_test": test["masked_ssim"], f"{arm}_cross": cross["masked_ssim"]}
        for region in REGIONS:
            name = f"{arm}_drop" if region == "masked" else f"{arm}_{region}_drop"
            found[name] = test[f"{region}_ssim"] - cross[f"{region}_ssim"]
        found[f"{arm}_around_cross"] = cross["around_ssim"]
        if arm != "base":
            found |= {f"{arm}_error": cross["error"], f"{arm}_error_rise": cross["error"] - test["error"]}
    found |= {f"over_{arm}": found[f"{arm}_drop"] - found["frozen_drop"] for arm in ("unfrozen", "scratch")}
    for region in REGIONS[1:]:
        found[f"{region}_over_scratch"] = found[f"scratch_{region}_drop"] - found[f"frozen_{region}_drop"]
    nothing = {f"agnostic_{split}": stored["references"][split]["agnostic_ssim"] for split in ("test", "cross")}
    for arm in ARMS:
        gains = [found[f"{arm}_{split}"] - nothing[f"agnostic_{split}"] for split in ("test", "cross")]
        found[f"{arm}_kept"] = gains[1] / gains[0]
    return (
        found
        | nothing
        | {
            "at_home": found["unfrozen_test"] - found["frozen_test"],
            "abroad": found["scratch_cross"] - found["frozen_cross"],
            "kept_gap": found["scratch_kept"] - found["frozen_kept"],
        }
    )
