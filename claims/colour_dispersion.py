"""Does a wrong colour go with dispersed attention, and what mends it? Matchers trained with separate moves, by seeds.

Trained and measured by benchmarks/augmentation.py, where the hypotheses were written down first.
"""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "augmentation.json"
KEPT = (
    "drawn",
    "variance",
    "error_off",
    "error_spread",
    "error_entropy",
    "error_lively",
    "error_spread_given",
    "error_entropy_given",
    "error_off_given",
    "near_wide",
    "near_narrow",
    "middle_wide",
    "middle_narrow",
    "far_wide",
    "far_narrow",
)


def measure(seed: int) -> dict[str, float]:
    """Colour errors (squared, in [-1, 1]) and rank correlations over the tokens of garments laid anyhow.

    ``attended`` is of the maps as they are, ``moved`` with their centre at the true place, ``narrowed`` of one look at
    the centre, ``true`` of one look at the true place. ``half`` and ``double`` are temperatures. ``near`` are queries
    on lively fabric whose centre lies within three quarters of a token of the truth, ``middle`` within one and a half,
    ``far`` the others: the wider half of each, and the narrower.
    """
    run = json.loads(RESULTS.read_text(encoding="utf8"))["runs"][f"garment-separate-{seed}"]["anyhow"]
    scores = {name.removeprefix("colours_"): value for name, value in run.items() if name.startswith("colours_")}
    found = {name: scores[name] for name in KEPT}
    found |= {name: scores[f"cause_{name}"] for name in ("attended", "moved", "narrowed", "true")}
    found |= {"half": scores["colour_0.5"], "whole": scores["colour_1.0"], "double": scores["colour_2.0"]}
    found |= {"epe": scores["epe_1.0"], "epe_half": scores["epe_0.5"], "epe_double": scores["epe_2.0"]}
    return found | {
        "place_saves": 1 - found["moved"] / found["attended"],
        "width_saves": 1 - found["narrowed"] / found["attended"],
        "width_saves_in_place": 1 - found["true"] / found["moved"],
        "half_saves": 1 - found["half"] / found["whole"],
        "double_costs": found["double"] / found["whole"] - 1,
        **{f"{name}_ratio": found[f"{name}_wide"] / found[f"{name}_narrow"] for name in ("near", "middle", "far")},
    }
