"""What entropy of raw dot products tells besides likeness: the length of features.

Measured by benchmarks/selection.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json

from claims.selection_garment import FEATURES, RESULTS

ENTROPIES = ("global", "local", "unit", "sharp")


def measure(seed: int) -> dict[str, float]:
    """``FEATURES_ENTROPY_norm``: rank correlation of low entropy with the length of a patch's features.

    ``_longest``: the share of the selected patches that are among as many longest ones, a quarter by chance. ``_tied``:
    the share of rows whose entropy is 0 in float32. ``_entropy``: the mean, in nats.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    kinds = {name: runs[f"{stored}-{seed}"] for name, stored in FEATURES.items()}
    read = {"norm": "norm_rank", "longest": "longest", "tied": "tied", "entropy": "entropy"}
    return {
        f"{kind}_{entropy}_{name}": run[f"{entropy}_{stored}"]
        for kind, run in kinds.items()
        for entropy in ENTROPIES
        for name, stored in read.items()
    }
