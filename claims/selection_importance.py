"""Does low entropy rank patches by how much they matter? Rank correlations with three truths.

Measured by benchmarks/selection.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json

from claims.selection_garment import FEATURES, RESULTS

SCORED = ("global", "local", "official", "unit", "sharp", "norm", "sobel")


def measure(seed: int) -> dict[str, float]:
    """``FEATURES_SCORING_garment``, ``_texture`` and ``_change``: rank correlations within a picture.

    Of low entropy (or long features, or edge energy) with lying on the garment, with the energy of edges, and with how
    much stripes would change the patch.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    kinds = {
        name: runs[f"{stored}-{seed}"] for name, stored in FEATURES.items() if name in ("latents", "trained", "qs")
    }
    return {
        f"{kind}_{name}_{what}": run[f"{name}_{what}_rank"]
        for kind, run in kinds.items()
        for name in SCORED
        for what in ("garment", "texture", "change")
    }
