"""What slips in preparing files cost trained models. Hypotheses were written down first, in benchmarks/slips.py."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "slips.json"
OTHERS = ("pose", "garment", "jpeg")
"""Beginnings of the names of slips of other files than the mask."""


def measure(seed: int) -> dict[str, float]:
    """``SLIP_ssim``: what a slip takes from masked SSIM, and ``SLIP_epe``, what it adds to the error, in percent of the
    height, over one group of people (the seed); ``sound_*`` are the scores without any, ``labels_*`` of alias-tiny.
    ``SLIP_whole`` is what a slip takes from the whole picture's SSIM."""
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    found = {name: value for name, value in runs[f"stableviton-tiny-{seed}"].items() if name != "seconds"}
    labels = {name: value for name, value in runs[f"alias-tiny-{seed}"].items() if name != "seconds"}
    found |= {name if name.startswith("labels") else f"labels_{name}": value for name, value in labels.items()}
    silent = {name: value for name, value in runs[f"silent-{seed}"].items() if name != "seconds"}
    others = [value for name, value in found.items() if name.endswith("_ssim") and name.startswith(OTHERS)]
    shifted = found["pose_nearest_ssim"] - silent["pose_nearest_of_three_ssim"]
    return (
        found
        | silent
        | {
            "mask_lead": min(found["mask_inverted_ssim"], found["mask_of_0_and_1_ssim"]) - max(others),
            "pose_lead": found["pose_anothers_ssim"] - found["garment_blue_first_ssim"],
            "black_lead": found["garment_on_black_ssim"] - found["garment_turned_ssim"],
            "turned_lead": found["garment_turned_epe"] - found["garment_mirrored_epe"],
            "nearest_shift": shifted,
            "nearest_over_bilinear": found["pose_nearest_ssim"] - found["pose_bilinear_ssim"],
        }
    )
