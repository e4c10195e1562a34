"""What a perfect painter scores, what a model paints by chance, and what strengths and files do to scores:
benchmarks/honest_controls.py."""

from __future__ import annotations

from itertools import pairwise

from claims.failure_causes import CAUSES, MODELS
from claims.stored import run

STRENGTHS = ("half", "quarter")
PARTS = ("whole", "masked", "garment")


def measure(seed: int) -> dict[str, float]:
    """``MODEL_CAUSE_chance`` and, less that, what is kept (``MODEL_CAUSE_own``); ``STRENGTH_PART_wrong``; FIDs of the
    true pictures (``truth_fid``), and how far two models' move where they are stored as JPEG (``MODEL_moved``).
    ``seed`` is the group of people, or the world's."""
    truth, zoo = run("honest_controls", f"perfect-{seed}"), run("honest_controls", f"strengths-{seed}")
    fid = {short: truth[f"{MODELS[short]}: fid"] for short in ("alias", "stableviton")}
    found = {f"{s}_{p}_wrong": zoo[f"{s}: {p}: wrong"] for s in STRENGTHS for p in PARTS}
    found |= {f"{short}_moved": truth[f"{MODELS[short]}: fid, JPEG"] - value for short, value in fid.items()}
    found |= {
        "truth_fid": truth["truth: fid"],
        "model_over_truth": min(fid.values()) - truth["truth: fid"],
        "models_apart": abs(fid["alias"] - fid["stableviton"]),
        "order": min(found[f"{s}_{x}_wrong"] - found[f"{s}_{y}_wrong"] for s in STRENGTHS for x, y in pairwise(PARTS)),
    }
    found |= {f"{short}_moved_over_apart": found[f"{short}_moved"] - found["models_apart"] for short in fid}
    for model, name in MODELS.items():
        chance, kept = run("honest_controls", f"{name}-{seed}"), run("honest_causes", f"{name}-{seed}")
        for short, cause in CAUSES.items():
            found[f"{model}_{short}_chance"] = chance[f"{cause}: chance"]
            found[f"{model}_{short}_own"] = kept[f"{cause}: kept"] - chance[f"{cause}: chance"]
    return found
