"""What claims read of stored benchmarks: runs by name, the arms of three families, and which seeds are there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"
FINEST = ("warps.0", "warps.1")
"""Of a StableVITON."""
UP = ("up_blocks.1.attentions.0", "up_blocks.1.attentions.1")
"""The upper half's, of Leffa's pair."""
OTHERS = {"mid": "mid_block.attentions.0", "first": "down_blocks.0.attentions.0"}
JOINED = ("epe", "strongest", "pck", "mass", "all_mass", "share", "swaps", "entropy", "spread", "reach")
"""Readings of attention to a reference that is joined to the person's own keys."""


@cache
def results(benchmark: str) -> dict[str, Any]:
    """What a benchmark wrote."""
    return json.loads((RESULTS / f"{benchmark}.json").read_text(encoding="utf8"))


def run(benchmark: str, name: str) -> dict[str, Any]:
    """One run.

    Raises:
        KeyError: for one that is not stored.
    """
    runs = results(benchmark)["runs"]
    if name not in runs:
        raise KeyError(f"benchmarks/results/{benchmark}.json holds no run {name!r}, only {', '.join(sorted(runs))}")
    return runs[name]


def seeds(benchmark: str, arms: Iterable[str]) -> list[int]:
    """The seeds of which every one of these arms stands; runs are called ARM-SEED."""
    found: dict[str, set[int]] = {arm: set() for arm in arms}
    for name in results(benchmark)["runs"]:
        arm, _, seed = name.rpartition("-")
        if arm in found:
            found[arm].add(int(seed))
    return sorted(set.intersection(*found.values()))


def shaped(laid: str, seed: int, arms: Iterable[str], readings: Iterable[str]) -> dict[str, dict[str, float]]:
    """Of every arm of benchmarks/shaping.py: the means of readings over both finest attentions, the error of the better
    one, and the pictures' masked SSIM."""
    found = {}
    for arm in arms:
        stored = run("shaping", f"{laid}-{arm}-{seed}")
        found[arm] = {name: sum(stored[block][name] for block in FINEST) / len(FINEST) for name in readings}
        found[arm]["best_epe"] = min(stored[block]["epe"] for block in FINEST)
        if "masked_ssim" in stored:
            found[arm]["ssim"] = stored["masked_ssim"]
    return found


def told_of(arms: Mapping[str, Mapping[str, float]], control: str = "control") -> dict[str, float]:
    """``ARM_READING`` of every arm, and what each but ``control`` gains over it in places and in pictures."""
    found = {f"{arm}_{name}".replace("-", "_"): value for arm, scores in arms.items() for name, value in scores.items()}
    beside = arms[control]
    for arm in arms.keys() - {control}:
        scores, key = arms[arm], arm.replace("-", "_")
        found[f"{key}_gain"] = beside["epe"] - scores["epe"]
        if "ssim" in scores:
            found[f"{key}_ssim_gain"] = scores["ssim"] - beside["ssim"]
    return found


def references(laid: str) -> dict[str, float]:
    """The errors, in tokens, of what needs no training: a copy, uniform attention, masks laid over each other."""
    known = results("shaping")[f"references_{laid}"]
    return {f"{name}_epe": known[f"{name}_epe"] for name in ("copy", "uniform", "aligned")}


def joined(seed: int, arms: Iterable[str], benchmark: str = "leffa_pair", control: str = "control") -> dict[str, float]:
    """``ARM_READING`` of arms of Leffa's pair (benchmarks/leffa.py), and what each gains over ``control``."""
    read = {}
    for arm in arms:
        stored = run(benchmark, f"{arm}-{seed}")
        read[arm] = {name: sum(stored[block][name] for block in UP) / len(UP) for name in JOINED}
        read[arm] |= {"ssim": stored["masked_ssim"], "fid": stored["fid"], "kid": stored["kid"]}
        read[arm] |= {f"{n}_{r}": stored[block][r] for n, block in OTHERS.items() for r in ("epe", "share", "mass")}
        read[arm]["best_epe"] = min(stored[block]["epe"] for block in UP)
    found = {f"{arm}_{name}": value for arm, scores in read.items() for name, value in scores.items()}
    for arm in read.keys() - {control}:
        for name, reading in {"gain": "epe", "mid_gain": "mid_epe", "first_gain": "first_epe"}.items():
            found[f"{arm}_{name}"] = read[control][reading] - read[arm][reading]
        for name in ("mass", "ssim"):
            found[f"{arm}_{name}_gain"] = read[arm][name] - read[control][name]
    return found


def matched(setting: str, seed: int) -> Mapping[str, Mapping[str, float]]:
    """What was read from the arms of a seed of benchmarks/following.py, whose models are matchers."""
    return run("following", f"{setting}-{seed}")
