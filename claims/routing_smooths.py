"""Does global routing smooth where there are many patches? How alike routed patches are, by their number.

Measured by benchmarks/routing.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json

from claims.routing_apart import RESULTS
from claims.routing_reach import FEATURES

ROUTES = ("none", "global", "local", "unit", "sharp", "subset")
NUMBERS = (192, 768, 3072)


def measure(seed: int) -> dict[str, float]:
    """``FEATURES_ROUTE_NUMBER_similarity``: the mean cosine of two different routed patches.

    ``_kept``: their variance, as a share of that of unrouted ones; ``_keys``: how many keys a row looks at. Numbers are
    those of the same people in larger pictures, and for ``subset`` of keys in the largest. ``FEATURES_ROUTE_rise`` is
    how much the similarity grows from 192 to 3,072, ``trained_smooths`` what routing adds to it at 192.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    found: dict[str, float] = {}
    for kind, stored in FEATURES.items():
        run = runs[f"{stored}-{seed}"]
        for route in ROUTES:
            read = ("similarity",) if route == "none" else ("similarity", "kept", "keys")
            found |= {f"{kind}_{route}_{n}_{what}": run[f"{route}_{n}_{what}"] for n in NUMBERS for what in read}
            found[f"{kind}_{route}_rise"] = run[f"{route}_3072_similarity"] - run[f"{route}_192_similarity"]
    found["trained_smooths"] = found["trained_global_192_similarity"] - found["trained_none_192_similarity"]
    return found
