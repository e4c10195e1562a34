"""What is lost when a checkpoint leaves something out: a small matcher, by benchmarks/unsaved.py."""

from __future__ import annotations

import json
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "unsaved.json"
ARMS = ("all", "all_often", "nudged", "optimizer", "random", "random_often", "place", "place_often", "average", "step")


def measure(seed: int) -> dict[str, float]:
    """``ARM_READING`` of a run that lost a part of its state half way, or (``_often``) every 15 steps.

    ``apart``: how far its weights end from those of the run that was never stopped, as a share of how far that one
    moved in its second half. ``soon``: the loss on people it never saw, two steps after the stop, as a multiple of that
    run's; ``average_soon``: that of the averaged weights. ``epe`` and ``average_epe``: errors at the end, in tokens, of
    the weights and of the averages; ``ratio``: the error as a multiple of that run's. ``whole_`` is that run.
    """
    runs = json.loads(RESULTS.read_text(encoding="utf8"))["runs"]
    whole = runs[f"whole-{seed}"]
    found = {"whole_epe": whole["last_epe"], "whole_average_epe": whole["average_epe"]}
    for arm in ARMS:
        run = runs[f"{arm}-{seed}"]
        found |= {
            f"{arm}_apart": run["apart"],
            f"{arm}_soon": run["soon_last_loss"] / whole["soon_last_loss"],
            f"{arm}_average_soon": run["soon_average_loss"] / whole["soon_average_loss"],
            f"{arm}_epe": run["last_epe"],
            f"{arm}_ratio": run["last_epe"] / whole["last_epe"],
        }
    return found
