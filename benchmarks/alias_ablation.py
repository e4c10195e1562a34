"""VITON-HD's figure 8, measured: what must the generator standardize apart to repair a misaligned warp?

Trains the ALIAS generator three ways (``ALIASConfig.norm``), by default the tiny one, with several seeds, and measures
on test examples the mean absolute error (images in [-1, 1]) inside the misaligned region, beside four answers that
need no training.

    python benchmarks/alias_ablation.py [--size tiny] [--seeds 3] [--steps 400] [--workers 2] [--out results.json]

It runs on CUDA where there is CUDA. Runs that are already in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.config import Size
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import TryOnSource, ordered_batches
from vtonlib.evaluation.image import ssim_map
from vtonlib.grids import masked_mean_per_sample
from vtonlib.memory import keep_freed_memory
from vtonlib.presets import build, open_source, preset
from vtonlib.tasks.alias import ALIASTask
from vtonlib.training.trainer import Trainer, seed_everything

NORMS = ("alias", "instance", "spade")
EXAMPLES = 192
Paint = Callable[[TryOnBatch], Float[Tensor, "b 3 h w"]]


class Scores(NamedTuple):
    """Of the pictures of one method."""

    misaligned: float
    """Mean absolute error inside the misaligned region."""
    aligned: float
    """That in the rest of the worn garment."""
    masked_ssim: float
    """Inside the agnostic mask."""


def measure(paint: Paint, source: TryOnSource) -> Scores:
    """The scores on test examples; errors where at least 8 pixels are misaligned."""
    inside, beside, similar = [], [], []
    for batch in ordered_batches(source, "test", count=EXAMPLES):
        image = torch.lerp(batch.agnostic, paint(batch), batch.agnostic_mask)
        similar.append(masked_mean_per_sample(ssim_map(image, batch.person), batch.agnostic_mask))
        error = (image - batch.person).abs()
        seen = batch.misalign_mask.flatten(1).sum(1) >= 8
        inside.append(masked_mean_per_sample(error, batch.misalign_mask)[seen])
        beside.append(masked_mean_per_sample(error, batch.garment_region - batch.misalign_mask)[seen])
    return Scores(*(float(torch.cat(values).mean()) for values in (inside, beside, similar)))


def trained_scores(norm: str, seed: int, size: Size, steps: int, threads: int) -> dict[str, float]:
    """Train one generator and measure it."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    default = preset("alias", size=size)
    config = replace(
        default,
        task=replace(default.task, norm=norm),
        train=replace(default.train, steps=steps, seed=seed, sample_every=0, save_every=0),
    )
    seed_everything(seed)
    task, source = build(config)
    assert isinstance(task, ALIASTask)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(task, task.batches(source, config.train), config.train, folder, experiment=config)
        trainer.fit()
        with trainer.averaged():
            generator = torch.Generator().manual_seed(0)
            scores = measure(lambda batch: task.paint(batch, generator)[0], source)
    return {**scores._asdict(), "seconds": round(time.perf_counter() - start, 1)}


def untrained_scores(size: Size) -> dict[str, dict[str, float]]:
    """Mid grey; the mean colour of all garments (chance); that of this warped garment; the unwarped garment."""
    source = open_source(preset("alias", size=size).data)
    worn = [
        masked_mean_per_channel(b.person, b.garment_region) for b in ordered_batches(source, "test", count=EXAMPLES)
    ]
    mean = torch.cat(worn).mean(0)

    def own_mean(batch: TryOnBatch) -> Tensor:
        colour = masked_mean_per_channel(batch.warped_garment, batch.garment_region - batch.misalign_mask)
        return colour[:, :, None, None].expand_as(batch.person)

    paints: dict[str, Paint] = {
        "grey": lambda batch: torch.zeros_like(batch.person),
        "chance": lambda batch: mean[None, :, None, None].expand_as(batch.person),
        "own_mean": own_mean,
        "copy": lambda batch: batch.garment,
    }
    return {name: measure(paint, source)._asdict() for name, paint in paints.items()}


def masked_mean_per_channel(image: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b c"]:
    """The mean colour inside the mask."""
    return (image * mask).flatten(2).sum(2) / mask.flatten(2).sum(2).clamp_min(1e-6)


def main() -> None:
    """Train and measure what is missing; write the file after every run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--size", choices=get_args(Size), default="tiny")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2, help="runs at the same time, one thread each")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "alias_ablation.json")
    args = parser.parse_args()
    report = json.loads(args.out.read_text(encoding="utf8")) if args.out.exists() else {}
    if (report.get("size", "tiny"), report.get("steps")) != (args.size, args.steps):
        report = {"benchmark": "alias_ablation", "size": args.size, "steps": args.steps, "runs": {}}
    report |= {"examples": EXAMPLES, "torch": torch.__version__, "untrained": untrained_scores(args.size)}
    missing = [(norm, seed) for seed in range(args.seeds) for norm in NORMS if f"{norm}-{seed}" not in report["runs"]]
    # new processes: one that was forked could not use CUDA
    with ProcessPoolExecutor(args.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = {key: pool.submit(trained_scores, *key, args.size, args.steps, 1) for key in missing}
        for (norm, seed), job in jobs.items():
            report["runs"][f"{norm}-{seed}"] = job.result()
            temporary = args.out.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf8")
            os.replace(temporary, args.out)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
