"""Selecting without routing, routing without selecting, two attentions, windows misread: in trainings of their own.

Trained by benchmarks/translation_rules.py, whose docstring says what was asked of these rules, and when.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "translation_rules.json"
RULES = ("base", "cut", "global", "local", "selection_only", "routing_only", "own", "official")
READ = ("kid", "striped", "outside", "pose")


def measure(seed: int) -> dict[str, float]:
    """``RULE_SCORE`` as in the benchmark. ``RULE_gain`` is by how much the KID is below CUT's; ``selection_costs``,
    ``routing_costs`` and ``own_costs`` are by how much it is above that of ``global``, which does both and reads
    through one attention; ``official_costs`` by how much above that of windows that are read as windows.
    """
    stored = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    found = {f"{rule}_{what}": stored[f"{rule}-{seed}"][what] for rule in RULES for what in READ}
    found |= {f"{rule}_gain": found["cut_kid"] - found[f"{rule}_kid"] for rule in RULES[4:]}
    for name, rule in (("selection", "selection_only"), ("routing", "routing_only"), ("own", "own")):
        found[f"{name}_costs"] = found[f"{rule}_kid"] - found["global_kid"]
    return found | {"official_costs": found["official_kid"] - found["local_kid"]}
