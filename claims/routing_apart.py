"""Selection and routing apart: what PatchNCE says of pictures of which is known what they keep of the source.

Measured by benchmarks/routing.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "routing.json"
RULES = (
    *("cut", "selection_only", "routing_only", "global", "local", "local_global", "own"),
    *("sharp_global", "sharp_routing_only", "sharp_own"),
)
PICTURES = ("same", "striped", "shifted", "other")


def measure(seed: int) -> dict[str, float]:
    """``RULE_PICTURE``: the loss in nats of a translator that PatchNCE trained on random patches.

    Pictures are the source itself, its person in stripes, the source moved by one patch, and another person.
    ``RULE_told`` is the share of the source's own patches that are told from each other. ``own_costs`` is what two
    attentions cost more than one on the striped picture (``sharp_own_costs`` between features of length one),
    ``RULE_stripes`` what stripes cost more than the source itself, ``RULE_shift`` what moving costs more,
    ``RULE_adds`` what stripes cost more than they do under ``cut``, with its sign (``_moves``: without).
    ``self``: the share of rows of raw products whose strongest key is their own patch, ``distinct``: how many of the
    strongest keys are different ones. ``qs_...``: of a translator that was trained on the global rule.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    run, qs = runs[f"trained-{seed}"], runs[f"trained_global-{seed}"]
    found = {f"{rule}_{picture}": run[f"{rule}_{picture}"] for rule in RULES for picture in PICTURES}
    for rule in RULES:
        found[f"{rule}_told"] = run[f"{rule}_same_told"]
        found[f"{rule}_stripes"] = run[f"{rule}_striped"] - run[f"{rule}_same"]
        found[f"{rule}_shift"] = run[f"{rule}_shifted"] - run[f"{rule}_same"]
    return found | {
        "own_costs": run["own_striped"] - run["global_striped"],
        "sharp_own_costs": run["sharp_own_striped"] - run["sharp_global_striped"],
        "blur": found["cut_shift"] - found["routing_only_shift"],
        **{f"{rule}_adds": found[f"{rule}_stripes"] - found["cut_stripes"] for rule in RULES[1:4]},
        "selection_moves": abs(found["selection_only_stripes"] - found["cut_stripes"]),
        "routing_moves": abs(found["routing_only_stripes"] - found["cut_stripes"]),
        "qs_self": qs["global_192_self"],
        "qs_distinct": qs["global_192_distinct"],
        "qs_cut_told": qs["cut_same_told"],
        "qs_global_told": qs["global_same_told"],
        "qs_sharp_global_told": qs["sharp_global_same_told"],
        "self": run["global_192_self"],
        "distinct": run["global_192_distinct"],
        "sharp_self": run["sharp_192_self"],
        "sharp_distinct": run["sharp_192_distinct"],
    }
