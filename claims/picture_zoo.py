"""What measures say of pictures whose errors are known: benchmarks/honest.py, where the hypotheses were written."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "honest_zoo.json"
MEASURES = ("ssim", "masked_ssim", "garment_ssim", "psnr", "l1", "distance", "texture", "colour", "fid", "kid")
NAMES = {
    "aside": "one pixel aside",
    "brighter": "brighter",
    "blurred": "blurred",
    "mirrored": "mirrored",
    "colours": "other colours",
    "missing": "pattern missing",
    "person": "another person",
    "matched": "nearest colour",
}


def measure(seed: int) -> dict[str, float]:
    """Of each measure the share of wrong pairs, and some values; ``seed`` is the world's."""
    run = json.loads(RESULTS.read_text(encoding="utf8"))["runs"][str(seed)]
    found = {f"{name}_wrong": run[f"{name}: wrong"] for name in MEASURES}
    for name in ("ssim", "garment_ssim", "distance", "fid"):
        found |= {f"{name}_{short}": run[f"{name}: {long}"] for short, long in NAMES.items()}
    return found | {
        "whole_over_masked": found["ssim_wrong"] - found["masked_ssim_wrong"],
        "masked_over_garment": found["masked_ssim_wrong"] - found["garment_ssim_wrong"],
        "blur_over_colours": found["fid_blurred"] - found["fid_colours"],
        "blur_over_mirrored": found["fid_blurred"] - found["fid_mirrored"],
    }
