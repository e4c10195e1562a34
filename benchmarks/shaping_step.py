"""What losses on attention add to a training step of a StableVITON: time and memory, side by side in one run.

    python -m benchmarks.shaping_step [--out shaping_step.json]

A step is forward, backward and the update of all weights, on latents that are computed already. Every variant runs in a
process of its own, so that one's peak of memory does not hide another's, and the variants take turns, ``--rounds``
times; the least time and the least peak count. Time is CPU time on one thread. The losses are on the two finest
attentions of the model of benchmarks/ablations.py, told nothing, and on the two finest of the same model at 128x96.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from benchmarks.ablations import TASK, TRAIN
from benchmarks.steps import in_a_fresh_process, in_turns, measure_steps
from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.disk import replace_text
from vtonlib.presets import new_task
from vtonlib.tasks.latents import LatentBatch, LatentSource
from vtonlib.tasks.stable_viton import StableVITONTask
from vtonlib.tasks.supervision import Shaping, Supervision

LAYERS = TASK.supervision.layers
LOSSES = {
    "none": Shaping(layers=LAYERS),
    "variation": Shaping(layers=LAYERS, total_variation=0.001),
    "entropy": Shaping(layers=LAYERS, entropy=0.001),
    "both": Shaping(layers=LAYERS, total_variation=0.001, entropy=0.001),
}
SIZES = {"64x48": DataConfig(height=64, width=48), "128x96": DataConfig(height=128, width=96)}
BATCH = {"64x48": 16, "128x96": 8}


def new(name: str, size: str) -> StableVITONTask:
    """The model with one of the losses."""
    torch.manual_seed(0)
    task = new_task(replace(TASK, supervision=Supervision(), shaping=LOSSES[name]), SIZES[size])
    assert isinstance(task, StableVITONTask)
    return task


def store_examples(size: str, file: Path) -> None:
    """Write one batch of latents, whose computing would raise the peak."""
    source = LatentSource(World(SIZES[size]), new("none", size).autoencoder, BATCH[size])
    save_file(source.paired("train", torch.arange(BATCH[size])).tensors(), file)


def measure(name: str, size: str, file: Path, repeats: int) -> dict[str, float]:
    """Least seconds of a step, and the bytes by which steps raise the peak."""
    task, batch = new(name, size), LatentBatch(**load_file(file))
    optimizer = torch.optim.AdamW(task.unet.parameters(), lr=1e-4)

    def loss() -> torch.Tensor:
        return torch.stack(list(task.denoiser_loss(batch).values())).sum()

    return measure_steps(loss, optimizer, precision=TRAIN.precision, repeats=repeats)


def compare(size: str, rounds: int, repeats: int) -> dict[str, Any]:
    """Every variant of one size, and its ratios to the step without a loss."""
    with tempfile.TemporaryDirectory() as folder:
        store_examples(size, file := Path(folder) / "latents.safetensors")

        def alone(name: str) -> dict[str, float]:
            return in_a_fresh_process("benchmarks.shaping_step", "--only", name, size, file, "--repeats", repeats)

        return {"size": size, "batch": BATCH[size], "steps": in_turns(LOSSES, alone, rounds)}


def main() -> None:
    """Compare all variants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--only", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.only:
        name, size, file = options.only
        print(json.dumps(measure(name, size, Path(file), options.repeats)))
        return
    rows = []
    for size in SIZES:
        rows.append(compare(size, options.rounds, options.repeats))
        for name, row in rows[-1]["steps"].items():
            ratios = f"{row['seconds_ratio']:.2f} in time, {row['bytes_ratio']:.2f} in memory"
            print(f"{size} {name}: {row['seconds']:.2f} s, {row['bytes'] / 2**20:.0f} MiB; ratio {ratios}", flush=True)
    machine = {"machine": platform.processor() or platform.machine(), "torch": torch.__version__, "threads": 1}
    result = {**machine, "precision": TRAIN.precision, "rounds": options.rounds, "rows": rows}
    if options.out:
        replace_text(options.out, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
