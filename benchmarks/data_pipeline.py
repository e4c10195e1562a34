"""Does reading keep up with training? Images a second from a folder, from the world and from latents, and of training.

A VITON-HD folder is written from the world, of pictures twice as large as training wants them, as photographs are. From
each source, examples are read alone, then trained on: ``waits`` is the share of the time in which training stands still
for its next batch, ``ratio`` how many times as fast reading is as training on one batch that is already there. The
folder's cache is off, since data sets outgrow it. On a processor, workers and training share the cores, so that a ratio
says what a GPU beside it would be fed.

    python -m benchmarks.data_pipeline [--size base --batch 32 --workers 8 --device cuda --out FILE]
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from vtonlib.config import Size
from vtonlib.data.folders import Folder, read, write_folder
from vtonlib.data.source import TrainingBatches
from vtonlib.data.world import World
from vtonlib.memory import keep_freed_memory
from vtonlib.presets import preset
from vtonlib.shares import WHOLE
from vtonlib.tasks.latents import LatentSource
from vtonlib.tasks.stable_viton import StableVITONTask
from vtonlib.training.identity import seed_everything
from vtonlib.training.loading import shares
from vtonlib.training.phase import PhaseOptimizer
from vtonlib.training.precision import choose_precision
from vtonlib.training.processes import begin_alike, processes

EXAMPLES = 96
"""In the folder, and as latents."""


class Painter:
    """A StableVITON in training, that knows how long it waits."""

    def __init__(self, size: Size, batch: int, device: torch.device) -> None:
        seed_everything(0)
        config = preset("stableviton", size=size)
        self.data, self.device = config.data, device
        train = dataclasses.replace(config.train, batch_size=batch)
        self.task = StableVITONTask(dataclasses.replace(config.task, cached_examples=0)).to(device)
        begin_alike(self.task)
        precision = choose_precision("auto", device)
        scaler = torch.amp.GradScaler(device.type, enabled=precision.value == "fp16")
        self.optimizer = PhaseOptimizer(self.task, self.task.phases[0], train, precision, scaler)

    def measure(self, batches: Iterator[Any], steps: int) -> dict[str, float]:
        """Images a second of so many updates, after one, and the share of the time that it waited."""
        waited = images = 0.0
        start = time.perf_counter()
        for step in range(-1, steps):
            if step == 0:
                waited, images, start = 0.0, 0.0, time.perf_counter()
            asked = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - asked
            images += len(batch)
            self.optimizer.update(batch, step + 1)
        seconds = time.perf_counter() - start
        return {"images_per_second": round(images / seconds, 1), "waits": round(waited / seconds, 3)}


def reading(batches: Iterator[Any], steps: int) -> float:
    """Images a second that are read, after one batch."""
    next(batches)
    start = time.perf_counter()
    images = sum(len(batch) for batch in itertools.islice(batches, steps))
    return round(images / (time.perf_counter() - start), 1)


def measured(painter: Painter, batch: int, steps: int, workers: int) -> dict[str, Any]:
    """Every source, read by this process and by workers; and one batch trained on again and again."""
    data, device = painter.data, painter.device
    world = World(data, train_size=EXAMPLES)
    large = World(dataclasses.replace(data, height=2 * data.height, width=2 * data.width), train_size=EXAMPLES)
    with tempfile.TemporaryDirectory() as root, patch.object(read, "CACHE_BYTES", 0):
        write_folder(large, Path(root) / "folder", train=EXAMPLES, test=0)
        sources = {
            "folder": Folder(Path(root) / "folder", data),
            "world": world,
            "latents": LatentSource(world, painter.task.autoencoder, EXAMPLES),
        }
        still = world.paired("train", torch.arange(batch)).to(device)
        top = painter.measure(itertools.repeat(still), steps)["images_per_second"]
        found: dict[str, Any] = {"batch_that_is_there": top}
        for name, source in sources.items():
            for count in (0, workers) if name != "latents" else (0,):  # latents are in memory
                batches = TrainingBatches(source, batch, 0)

                def begin(batches: Any = batches, count: int = count) -> Iterator[Any]:
                    return shares(batches, WHOLE, device, workers=count)

                rate = reading(begin(), steps)
                trained = painter.measure(begin(), steps)
                found[f"{name}, {count} workers"] = {"read": rate, "ratio": round(rate / top, 2), "trained": trained}
    return found


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", choices=("tiny", "small", "base"), default="tiny")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--workers", type=int, default=min(8, os.cpu_count() or 1))
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    keep_freed_memory()
    device = processes().device if options.device == "cuda" else torch.device("cpu")
    painter = Painter(options.size, options.batch, device)
    height, width = painter.data.height, painter.data.width
    found = measured(painter, options.batch, options.steps, options.workers)
    result = {"size": f"{height}x{width}", "device": device.type, "batch": options.batch, **found}
    if options.out:
        options.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
