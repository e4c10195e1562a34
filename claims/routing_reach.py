"""How far a patch sees before and after routing: the extent of its gradient.

Measured by benchmarks/routing.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json

from claims.routing_apart import RESULTS

FEATURES = {"pixels": "pixels", "untrained": "untrained", "trained": "trained", "qs": "trained_global"}
ROUTES = ("none", "global", "local", "narrow", "unit", "sharp")


def measure(seed: int) -> dict[str, float]:
    """``FEATURES_ROUTE_reach``: root mean squared distance of the gradient from its patch, in patches of 4 pixels.

    ``_patches``: over how many patches it is spread. ``none`` is the patch itself; windows have 7 patches, ``narrow``
    ones 3. ``global_farther`` and ``local_farther`` are what routing adds to the reach of *trained*.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    found = {
        f"{kind}_{route}_{what}": runs[f"{stored}-{seed}"][f"{route}_{what}"]
        for kind, stored in FEATURES.items()
        for route in ROUTES
        for what in ("reach", "patches")
    }
    reach = {route: found[f"trained_{route}_reach"] for route in ROUTES}
    return found | {f"{route}_farther": reach[route] - reach["none"] for route in ("global", "local")}
