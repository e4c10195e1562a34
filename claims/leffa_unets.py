"""What Leffa's loss does to its pair of UNets, told nothing about places, once the pair looks already.

Trained by benchmarks/leffa.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "leffa_pair.json"
ARMS = ("none", "control", "leffa")
OTHERS = {"mid": "mid_block.attentions.0", "first": "down_blocks.0.attentions.0"}
UP = ("up_blocks.1.attentions.0", "up_blocks.1.attentions.1")
READINGS = ("epe", "strongest", "pck", "mass", "all_mass", "share", "swaps", "entropy", "spread", "reach")


def arms_of(seed: int, names: Iterable[str], results: Path = RESULTS) -> dict[str, float]:
    """``ARM_READING`` and what each arm gains over the control."""
    runs = json.loads(results.read_text(encoding="utf8"))["runs"]
    arms = {}
    for arm in names:
        run = runs[f"{arm}-{seed}"]
        arms[arm] = {name: sum(run[block][name] for block in UP) / len(UP) for name in READINGS}
        arms[arm] |= {"ssim": run["masked_ssim"], "fid": run["fid"], "kid": run["kid"]}
        arms[arm] |= {f"{name}_{r}": run[block][r] for name, block in OTHERS.items() for r in ("epe", "share", "mass")}
        arms[arm]["best_epe"] = min(run[block]["epe"] for block in UP)
    found = {f"{arm}_{name}": value for arm, scores in arms.items() for name, value in scores.items()}
    for arm in arms.keys() - {"control"}:
        for name, reading in {"gain": "epe", "mid_gain": "mid_epe", "first_gain": "first_epe"}.items():
            found[f"{arm}_{name}"] = arms["control"][reading] - arms[arm][reading]
        for name in ("mass", "ssim"):
            found[f"{arm}_{name}_gain"] = arms[arm][name] - arms["control"][name]
    return found


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING``, garments laid anyhow: ``none`` is the preset's base, 2,400 steps without a loss, one for all
    seeds; the others go on from it for 60: ``control`` without a loss, ``leffa`` with Leffa's on all attentions.

    Readings (benchmarks/readings.py) are the means of the two attentions of the upper half, 16x12 tokens, of the
    reference's part of the keys, lengths in tokens; ``best_epe`` is the error of the better one, ``share`` the weight
    on the reference, ``all_mass`` the mass near the truth of all keys, ``pck`` the share of places within a token.
    ``mid_...`` are of the coarse attention, 8x6 tokens, ``first_...`` of the first. ``ssim`` is masked SSIM of pictures
    painted in one step; ``fid`` and ``kid`` are of the features of the world's classifier. ``ARM_gain``,
    ``ARM_mid_gain``, ``ARM_first_gain``, ``ARM_mass_gain`` and ``ARM_ssim_gain`` are over the control.
    """
    return arms_of(seed, ARMS)
