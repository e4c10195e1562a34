"""How painters are ranked, paired and unpaired, by pictures, sets and places: benchmarks/honest.py."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from vtonlib.evaluation.dispersion import partial_rank_correlation

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "honest_ranks.json"
HONEST = {
    "stableviton": "stableviton-tiny",
    "alias": "alias-tiny",
    "leffa": "leffa-tiny",
    "aligned": "masks aligned",
    "centre": "centre",
    "copy": "copy",
    "any": "any pixel",
}
CHEATS = {"returns": "returns the photograph", "remembers": "remembers"}
KEPT = ("masked_ssim", "garment_ssim", "fid", "epe")


def measure(seed: int) -> dict[str, float]:
    """``PAINTER_MEASURE`` unpaired, ``paired_PAINTER_MEASURE``, and rank correlations; ``seed`` is the group of people.

    Correlations are over the seven painters that do not cheat, and with the two cheats where they say so; their sign is
    such that 1 is the same order of merit.
    """
    run = json.loads(RESULTS.read_text(encoding="utf8"))["runs"][str(seed)]

    def of(setting: str, name: str, cheats: bool = False) -> torch.Tensor:
        painters = [*HONEST.values(), *(CHEATS.values() if cheats else ())]
        return torch.tensor([run[f"{setting}: {painter}: {name}"] for painter in painters])

    def agree(x: torch.Tensor, y: torch.Tensor) -> float:
        return partial_rank_correlation(x, y)

    truth, all_truth = of("unpaired", "garment_ssim"), of("unpaired", "garment_ssim", True)
    found = {
        f"{short}_{name}": run[f"unpaired: {long}: {name}"]
        for short, long in (HONEST | CHEATS).items()
        for name in KEPT
        if name != "epe" or short in HONEST
    }
    found |= {
        f"paired_{s}_{n}": run[f"paired: {p}: {n}"]
        for s, p in (HONEST | CHEATS).items()
        for n in ("masked_ssim", "fid")
    }
    found |= {
        "agree_fid": agree(-of("unpaired", "fid"), truth),
        "agree_kid": agree(-of("unpaired", "kid"), truth),
        "agree_epe": agree(-of("unpaired", "epe"), truth),
        "agree_paired": agree(of("paired", "masked_ssim"), truth),
        "agree_paired_garment": agree(of("paired", "garment_ssim"), truth),
        "agree_masked": agree(of("unpaired", "masked_ssim"), truth),
        "cheats_agree_fid": agree(-of("unpaired", "fid", True), all_truth),
        "cheats_agree_paired": agree(of("paired", "masked_ssim", True), all_truth),
        "returns_ahead": float(of("unpaired", "fid").min()) - found["returns_fid"],
        "returns_over_remembers": found["returns_garment_ssim"] - found["remembers_garment_ssim"],
        "returns_behind": float(truth.min()) - found["returns_garment_ssim"],
    }
    for truth_name, other in (("places", -of("unpaired", "epe")), ("features", -of("unpaired", "distance"))):
        found[f"{truth_name}_fid"] = agree(-of("unpaired", "fid"), other)
        found[f"{truth_name}_paired"] = agree(of("paired", "masked_ssim"), other)
    return found | {"paired_over_fid": found["agree_paired"] - found["agree_fid"]}
