"""The last stage of the shipped Leffa with its loss, and without it.

From one base, the second stage of :func:`vtonlib.presets.progressive`, both arms go on for 600 steps of 16: ``loss`` as
``leffa-tiny`` was made, ``control`` without Leffa's loss and else the same. Scored on 96 people of the test split in
others' garments, laid anyhow: the error of every attention, and the masked SSIM of pictures painted in one step.

The control was trained after the shipped model, when a reader had asked for it; nothing had been written beforehand.

    python -m benchmarks.leffa_last_stage --base FOLDER [--models FOLDER] [--out results.json]

``--base`` names the run of the second stage, as ``python3 -m tools checkpoints`` leaves it. An arm takes four minutes
of a core that computes in bf16, and is read from ``--models`` where it lies there.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from benchmarks.ablations import people
from benchmarks.blind import error
from vtonlib.attention import expected_coordinates
from vtonlib.data.batch import TryOnBatch
from vtonlib.disk import replace_text
from vtonlib.evaluation import ssim
from vtonlib.experiment import load_pipeline, train, try_on
from vtonlib.memory import keep_freed_memory
from vtonlib.presets import ExperimentConfig, preset, progressive
from vtonlib.tasks.supervision import Following

RESULTS = Path(__file__).parent / "results" / "leffa_last_stage.json"
ARMS = ("base", "control", "loss")


def config(arm: str, base: Path) -> ExperimentConfig:
    """The last stage, with the loss or without it."""
    last = progressive(preset("leffa"))[-1]
    following = last.task.following if arm == "loss" else Following(layers=last.task.following.layers)  # type: ignore[union-attr]
    task = replace(last.task, initial=str(base), following=following)  # type: ignore[call-arg]
    return replace(last, task=task, train=replace(last.train, precision="bf16"))


def scores(folder: Path, batch: TryOnBatch) -> dict[str, float]:
    """Errors in pixels, by attention, and the likeness of the pictures."""
    worn = try_on(load_pipeline(folder), batch, steps=1)
    errors = {
        name: error(expected_coordinates(record), batch, lattice=batch.size) for name, record in worn.attention.items()
    }
    return {"ssim": float(ssim(worn.image, batch.person, batch.agnostic_mask).nanmean()), **errors}


def main() -> None:
    """Train what is missing, score all three, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=Path("runs/leffa-last-stage"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    keep_freed_memory()
    batch, _ = people()
    found = {}
    for arm in ARMS:
        run = options.base if arm == "base" else options.models / arm
        if not run.exists():
            train(config(arm, options.base), run)
        found[arm] = {name: round(value, 4) for name, value in scores(run / "final", batch).items()}
        print(arm, found[arm], flush=True)
    replace_text(options.out, json.dumps({"people": len(batch), "arms": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
