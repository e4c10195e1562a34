"""Rules of query selection in short trainings that share a beginning, and differ in nothing else.

Trained by benchmarks/translation_rules.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "translation_rules.json"
RULES = ("base", "cut", "global", "local", "local_global", "sharp")
REFERENCES = ("identity", "start", "true", "shuffled")
READ = ("fid", "kid", "striped", "texture", "outside", "outside_ssim", "background", "person", "pose")


def measure(seed: int) -> dict[str, float]:
    """``RULE_SCORE`` as in the benchmark, ``base`` being the common beginning; and those of the sources as they are
    (``identity``), of an untrained network (``start``), of a ``true`` pattern and of other people (``shuffled``).

    ``RULE_precision`` and ``_recall``: how a rule selects in the last block of the translator that it trained;
    ``share`` is chance. ``_keys``: how many keys a selected row looks at, ``_self``: how many have their own patch
    for the strongest. ``RULE_gain`` is by how much its KID is below CUT's, ``RULE_outside_gain`` by how much less
    it changes outside the top; ``cut_global_precision`` is what global entropy would select in a translator trained
    on random patches (``cut_first_precision``: in its first block), ``_norm_precision`` what the longest features
    would, ``_other_precision`` the entropies of the next person, ``place_precision`` the mean place of all others'
    tops; ``_own`` is what one's own entropies have over another person's; ``begun`` whether the beginning paints
    stripes on at least half of the people.
    """
    stored = json.loads(RESULTS.read_text(encoding="utf8"))
    runs = {rule: stored["runs"][f"{rule}-{seed}"] for rule in RULES} | stored["references"]
    found = {f"{name}_{what}": runs[name][what] for name in (*RULES, *REFERENCES) for what in READ}
    found["share"] = runs["cut"]["share"]
    found["begun"] = float(runs["base"]["striped"] >= 0.5)
    for rule in RULES[2:]:
        by = "local" if rule == "local_global" else rule
        found[f"{rule}_precision"] = runs[rule][f"block_4_{by}_precision"]
        found[f"{rule}_recall"] = runs[rule][f"block_4_{by}_recall"]
        found[f"{rule}_gain"] = found["cut_kid"] - found[f"{rule}_kid"]
        found[f"{rule}_outside_gain"] = found["cut_outside"] - found[f"{rule}_outside"]
        found[f"{rule}_keys"] = runs[rule][f"block_4_{rule}_keys"]
        if rule != "local":
            found[f"{rule}_self"] = runs[rule][f"block_4_{rule}_self"]
    found["cut_global_precision"] = runs["cut"]["block_4_global_precision"]
    found["cut_first_precision"] = runs["cut"]["block_0_global_precision"]
    found |= {f"{rule}_other_precision": runs[rule]["block_4_other_precision"] for rule in ("base", "cut", "global")}
    found["place_precision"] = runs["cut"]["block_4_place_precision"]
    found["cut_own"] = found["cut_global_precision"] - found["cut_other_precision"]
    found["global_own"] = found["global_precision"] - found["global_other_precision"]
    found |= {f"{rule}_norm_precision": runs[rule]["block_4_norm_precision"] for rule in ("cut", "global")}
    found["norm_over_entropy"] = found["global_norm_precision"] - found["global_precision"]
    found["selected_anyhow"] = found["cut_global_precision"] - found["share"]
    found["global_found"] = found["global_precision"] - found["share"]
    found["local_global_over_global"] = found["global_kid"] - found["local_global_kid"]
    found["sharp_looseness"] = found["sharp_outside"] - found["global_outside"]
    return found
