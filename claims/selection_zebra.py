"""The zebra: does low entropy find a striped garment better than a plain one, and one that fills the picture?

Measured by benchmarks/selection.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json

from claims.selection_garment import FEATURES, RESULTS

ENTROPIES = ("global", "unit", "sharp")


def measure(seed: int) -> dict[str, float]:
    """``FEATURES_plain`` and ``_striped``: precision of 48 of 192 patches on the garment, by global entropy.

    ``_closer`` and ``_closer_striped``: in a window of half the sides about the garment, where ``closer_share`` of the
    patches are on it. ``_gain`` is what stripes add, ``_closer_gain`` the precision over chance there.
    ``FEATURES_ENTROPY_alike`` is the rank correlation of low entropy with having few patches of nearly the same colour.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    kinds = {name: runs[f"{stored}-{seed}"] for name, stored in FEATURES.items()}
    kinds["sobel"] = {
        name.replace("sobel", "global"): value for name, value in kinds["pixels"].items() if "sobel" in name
    }
    found = {"share": runs[f"pixels-{seed}"]["share"], "closer_share": runs[f"pixels-{seed}"]["closer_share"]}
    for kind, run in kinds.items():
        found[f"{kind}_plain"] = run["global_precision"]
        found[f"{kind}_striped"] = run["striped_global_precision"]
        found[f"{kind}_gain"] = run["striped_global_precision"] - run["global_precision"]
        found[f"{kind}_closer"] = run["closer_global_precision"]
        found[f"{kind}_closer_striped"] = run["closer_striped_global_precision"]
        found[f"{kind}_closer_gain"] = run["closer_global_precision"] - found["closer_share"]
        if kind != "sobel":
            found |= {f"{kind}_{name}_alike": run[f"{name}_alike_rank"] for name in ENTROPIES}
    return found
