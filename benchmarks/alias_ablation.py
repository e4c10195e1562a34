"""VITON-HD's figure 8, measured: what must the generator standardize apart to repair a misaligned warp?

Trains the tiny ALIAS generator three ways (``ALIASConfig.norm``), with several seeds, and measures on test examples the
mean absolute error (images in [-1, 1]) inside the misaligned region, beside three answers that need no training.

    python benchmarks/alias_ablation.py [--seeds 5] [--steps 240] [--workers 2] [--out results.json]

Runs that are already in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import TryOnSource, ordered_batches
from vtonlib.grids import masked_mean_per_sample
from vtonlib.memory import keep_freed_memory
from vtonlib.presets import build, open_source, preset
from vtonlib.tasks.alias import ALIASTask
from vtonlib.training.trainer import Trainer, seed_everything

NORMS = ("alias", "instance", "spade")
EXAMPLES = 192
Paint = Callable[[TryOnBatch], Float[Tensor, "b 3 h w"]]


def region_errors(paint: Paint, source: TryOnSource) -> tuple[float, float]:
    """Mean error of the pictures inside the misaligned region, and in the rest of the worn garment."""
    inside, beside = [], []
    for batch in ordered_batches(source, "test", count=EXAMPLES):
        error = (paint(batch) - batch.person).abs()
        seen = batch.misalign_mask.flatten(1).sum(1) >= 8  # pixels
        inside.append(masked_mean_per_sample(error, batch.misalign_mask)[seen])
        beside.append(masked_mean_per_sample(error, batch.garment_region - batch.misalign_mask)[seen])
    return float(torch.cat(inside).mean()), float(torch.cat(beside).mean())


def trained_error(norm: str, seed: int, steps: int, threads: int) -> dict[str, float]:
    """Train one generator and measure it."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    default = preset("alias")
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
            inside, beside = region_errors(lambda batch: task.paint(batch, generator)[0], source)
    return {"misaligned": inside, "aligned": beside, "seconds": round(time.perf_counter() - start, 1)}


def constant_errors() -> dict[str, float]:
    """The error inside the region of: mid grey; the mean colour of all garments (chance); that of this warped one."""
    source = open_source(preset("alias").data)
    worn = [
        masked_mean_per_channel(b.person, b.garment_region) for b in ordered_batches(source, "test", count=EXAMPLES)
    ]
    mean = torch.cat(worn).mean(0)

    def own_mean(batch: TryOnBatch) -> Tensor:
        colour = masked_mean_per_channel(batch.warped_garment, batch.garment_region - batch.misalign_mask)
        return colour[:, :, None, None].expand_as(batch.person)

    return {
        "grey": region_errors(lambda batch: torch.zeros_like(batch.person), source)[0],
        "chance": region_errors(lambda batch: mean[None, :, None, None].expand_as(batch.person), source)[0],
        "own_mean": region_errors(own_mean, source)[0],
    }


def masked_mean_per_channel(image: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b c"]:
    """The mean colour inside the mask."""
    return (image * mask).flatten(2).sum(2) / mask.flatten(2).sum(2).clamp_min(1e-6)


def main() -> None:
    """Train and measure what is missing; write the file after every run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--workers", type=int, default=2, help="runs at the same time, one thread each")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "alias_ablation.json")
    args = parser.parse_args()
    report = json.loads(args.out.read_text(encoding="utf8")) if args.out.exists() else {}
    if report.get("steps") != args.steps:
        report = {"benchmark": "alias_ablation", "steps": args.steps, "runs": {}}
    report |= {"examples": EXAMPLES, "torch": torch.__version__, "constant": constant_errors()}
    missing = [(norm, seed) for seed in range(args.seeds) for norm in NORMS if f"{norm}-{seed}" not in report["runs"]]
    with ProcessPoolExecutor(args.workers) as pool:
        jobs = {key: pool.submit(trained_error, *key, args.steps, 1) for key in missing}
        for (norm, seed), job in jobs.items():
            report["runs"][f"{norm}-{seed}"] = job.result()
            temporary = args.out.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf8")
            os.replace(temporary, args.out)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
