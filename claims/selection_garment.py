"""Where the patches of the lowest entropy lie: on the garment that must change, or elsewhere?

Measured by benchmarks/selection.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "selection.json"
FEATURES = {
    "pixels": "pixels",
    "latents": "latents",
    "untrained": "untrained",
    "trained": "trained",
    "qs": "trained_global",
}
SCORED = ("global", "local", "narrow", "official", "unit", "sharp", "norm", "shuffled", "double", "last", "other")
REGIONS = ("garment", "edge", "person", "background")


def measure(seed: int) -> dict[str, float]:
    """``FEATURES_SCORING_precision`` and ``_recall`` of 48 of 192 patches on a plain garment; ``share`` is chance.

    Features are of the last block; ``qs`` was trained on QS-Attn's global selection. ``narrow`` are windows of 3,
    ``unit`` features of length one, ``sharp`` the same at the temperature 0.07, ``double`` global entropy in
    float64, ``last`` with the last of equals first. ``FEATURES_on_REGION`` is the share of the 12 patches of the
    lowest global entropy there. ``trained_gain`` is what global entropy has over chance, ``trained_over_sobel``
    over edge energy, ``shuffled_off`` how far the control is from chance. ``other`` are the entropies of the next
    person, ``place_precision`` what the mean place of all others' garments selects; ``trained_own`` is what one's
    own entropies have over another person's. ``KIND_order`` is what the order among equals changes.
    ``official_agrees`` is the share that released windows select in common with right ones.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    kinds = {name: runs[f"{stored}-{seed}"] for name, stored in FEATURES.items()}
    found = {f"{kind}_{name}_precision": run[f"{name}_precision"] for kind, run in kinds.items() for name in SCORED}
    found |= {f"{kind}_on_{region}": run[f"global_on_{region}"] for kind, run in kinds.items() for region in REGIONS}
    found |= {
        f"{kind}_{name}_recall": kinds[kind][f"{name}_recall"] for kind in ("untrained", "trained") for name in SCORED
    }
    trained = kinds["trained"]
    return found | {
        "share": trained["share"],
        "chance_recall": trained["chance_recall"],
        "sobel_precision": trained["sobel_precision"],
        "oracle_recall": trained["oracle_recall"],
        "official_agrees": trained["official_agrees"],
        "trained_gain": trained["global_precision"] - trained["share"],
        "trained_over_sobel": trained["global_precision"] - trained["sobel_precision"],
        "place_precision": trained["place_precision"],
        "trained_own": trained["global_precision"] - trained["other_precision"],
        "trained_order": abs(trained["last_precision"] - trained["global_precision"]),
        "untrained_order": abs(kinds["untrained"]["last_precision"] - kinds["untrained"]["global_precision"]),
        "shuffled_off": abs(trained["shuffled_precision"] - trained["share"]),
    }
