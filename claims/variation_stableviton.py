"""What total variation does to a StableVITON that was told nothing about places, switched on where it looks already.

Trained by benchmarks/shaping.py, where the hypotheses were written down first. Found: V1 and T hold. V2
and V5 fail: centres move away, a little at the released weight too. V3 fails, and says little: what was told paints no
better either.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "shaping.json"
ARMS = ("none", "control", "variation", "released", "told")
FINEST = ("warps.0", "warps.1")
READINGS = (
    "epe",
    "strongest",
    "mass",
    "spread",
    "entropy",
    "variation",
    "slope",
    "shared",
    "reach",
    "swaps",
    "likeness",
)


def arms_of(laid: str, seed: int, names: Iterable[str], wanted: Iterable[str]) -> dict[str, dict[str, float]]:
    """Of every arm: the means of ``wanted`` readings over both finest attentions, the error of the better one, and the
    pictures' masked SSIM."""
    runs, found = json.loads(RESULTS.read_text(encoding="utf8"))["runs"], {}
    for arm in names:
        run = runs[f"{laid}-{arm}-{seed}"]
        found[arm] = {name: sum(run[block][name] for block in FINEST) / len(FINEST) for name in wanted}
        found[arm]["best_epe"] = min(run[block]["epe"] for block in FINEST)
        if "masked_ssim" in run:
            found[arm]["ssim"] = run["masked_ssim"]
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
    known = json.loads(RESULTS.read_text(encoding="utf8"))[f"references_{laid}"]
    return {f"{name}_epe": known[f"{name}_epe"] for name in ("copy", "uniform", "aligned")}


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING``, garments laid anyhow: ``none`` is the base, 400 steps without a loss; the others go on from it
    for 100, ``control`` without a loss.

    Readings (benchmarks/readings.py) are the means of the two attentions, lengths in tokens; ``best_epe`` is the error
    of the better one, ``ssim`` the masked SSIM of pictures painted in one step. ``ARM_gain`` is how much less an arm
    errs than the control, ``ARM_ssim_gain`` how much better it paints; ``ARM_slope_change`` and ``ARM_shared_change``
    are differences to the control.
    """
    arms = arms_of("anyhow", seed, ARMS, READINGS)
    found = told_of(arms)
    for arm in ("variation", "released"):
        found |= {f"{arm}_{name}_change": arms[arm][name] - arms["control"][name] for name in ("slope", "shared")}
    truth = json.loads(RESULTS.read_text(encoding="utf8"))["runs"][f"anyhow-control-{seed}"][FINEST[0]]
    return found | references("anyhow") | {"truth_shared": truth["truth_shared"]}
