"""Rules of query selection in short trainings of one translator: five seeds, nothing else differs.

Trained by benchmarks/translation_rules.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "translation_rules.json"
RULES = ("cut", "global", "local", "local_global", "sharp")
REFERENCES = ("identity", "start", "true", "shuffled")
READ = ("fid", "kid", "striped", "texture", "outside", "outside_ssim", "background", "person", "pose")


def measure(seed: int) -> dict[str, float]:
    """``RULE_SCORE`` as in the benchmark, and those of the sources as they are (``identity``), of the network as
    training begins (``start``), of a ``true`` pattern and of other people (``shuffled``).

    ``RULE_precision`` and ``_recall``: how a rule selects in the last block of the translator that it trained, for
    ``cut`` at random; ``share`` is chance. ``_keys``: how many keys a selected row looks at. ``RULE_gain`` is by how
    much its KID is below CUT's, ``RULE_outside_gain`` by how much less it changes outside the top.
    """
    stored = json.loads(RESULTS.read_text(encoding="utf8"))
    runs = {rule: stored["runs"][f"{rule}-{seed}"] for rule in RULES} | stored["references"]
    found = {f"{name}_{what}": runs[name][what] for name in (*RULES, *REFERENCES) for what in READ}
    found["share"] = runs["cut"]["share"]
    for rule in RULES[1:]:
        by = "local" if rule == "local_global" else rule
        found[f"{rule}_precision"] = runs[rule][f"block_4_{by}_precision"]
        found[f"{rule}_recall"] = runs[rule][f"block_4_{by}_recall"]
        found[f"{rule}_gain"] = found["cut_kid"] - found[f"{rule}_kid"]
        found[f"{rule}_outside_gain"] = found["cut_outside"] - found[f"{rule}_outside"]
        found[f"{rule}_keys"] = runs[rule][f"block_4_{'global' if by == 'local' and rule != 'local' else by}_keys"]
    found["cut_global_precision"] = runs["cut"]["block_4_global_precision"]
    found["global_gain_in_precision"] = found["global_precision"] - found["share"]
    found["sharp_looseness"] = found["sharp_outside"] - found["global_outside"]
    return found
