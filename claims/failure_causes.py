"""Failures cause by cause: the same people with one thing more, painted by the shipped models: benchmarks/honest.py."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "honest_causes.json"
MODELS = {"alias": "alias-tiny", "stableviton": "stableviton-tiny", "leffa": "leffa-tiny"}
CAUSES = {
    "necklace": "necklace",
    "bag": "bag",
    "hair": "long hair",
    "arms": "arms and hands",
    "tucked": "tucked in",
    "street": "street",
}


def measure(seed: int) -> dict[str, float]:
    """For every model and cause: the garment's absolute error with it less that without it (``more``), the same of
    places in tokens (``epe``) and of masked SSIM (``ssim``), the shares of the thing that are kept (``kept``) and are
    painted where the mask hides it (``guessed``); ``seed`` is the group of people."""
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    found: dict[str, float] = {}
    for model, name in MODELS.items():
        run = runs[f"{name}-{seed}"]
        for short, cause in CAUSES.items():
            found |= {
                f"{model}_{short}_more": run[f"{cause}: with: l1"] - run[f"{cause}: without: l1"],
                f"{model}_{short}_epe": run[f"{cause}: with: epe"] - run[f"{cause}: without: epe"],
                f"{model}_{short}_ssim": run[f"{cause}: with: masked_ssim"] - run[f"{cause}: without: masked_ssim"],
                f"{model}_{short}_kept": run[f"{cause}: kept"],
            }
            if f"{cause}: guessed" in run:
                found[f"{model}_{short}_guessed"] = run[f"{cause}: guessed"]
        found[f"{model}_without"] = run["necklace: without: l1"]
    first = runs[f"alias-tiny-{seed}"]
    return found | {f"{short}_gone": first[f"{cause}: gone"] for short, cause in CAUSES.items()}
