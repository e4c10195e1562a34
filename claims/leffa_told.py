"""A told Leffa beside told StableVITONs that were trained alike: benchmarks/leffa_tiny.py and the speed run's entry."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"
ENTRY = "flat and wide, shorter"
"""The speed run's with the same settings, three seeds."""


def measure(seed: int) -> dict[str, float]:
    """Masked SSIM and error in percent of the height of one Leffa; of the StableVITONs the best of each, and the means;
    and of the shipped models, ``leffa-tiny``, which was told nothing, and ``stableviton-tiny``, which was."""
    run = json.loads((RESULTS / "leffa_tiny.json").read_text(encoding="utf8"))["runs"][str(seed)]
    entries = json.loads((RESULTS / "trials.json").read_text(encoding="utf8"))["entries"]
    others = next(entry["runs"] for entry in entries if entry["name"] == ENTRY)
    likeness, error = ([other[name] for other in others] for name in ("masked_ssim", "epe_percent"))
    found = {
        "ssim": run["masked_ssim"],
        "epe": run["epe_percent"],
        "other_ssim": sum(likeness) / len(likeness),
        "other_epe": sum(error) / len(error),
        "best_ssim": max(likeness),
        "best_epe": min(error),
        "less_error": 1 - run["epe_percent"] / min(error),
    }
    weights = Path(__file__).resolve().parents[1] / "vtonlib" / "weights"
    for name in ("leffa", "stableviton"):
        record = json.loads((weights / f"{name}-tiny" / "provenance.json").read_text(encoding="utf8"))
        scores = record["scores"]["unpaired, laid anyhow"]
        found |= {f"{name}_ssim": scores["masked SSIM"], f"{name}_epe": scores["EPE of height"]}
    return found
