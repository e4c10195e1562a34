"""Stores what a StableVITON attends to on one person, at several training steps and noise levels, without its weights.

Each pipeline paints the person itself, from the same noise; its picture is noised to each level and denoised once, and
the head-mean map of one block is stored on a coarser lattice, in bytes (``vtonlib.viz.snapshots``). The notebook of
chapter 9 reads the file; the true picture of the person is never used.

    python -m benchmarks.snapshots 0=untrained 500=runs/a/checkpoints/step-000500/ema.safetensors 1000=runs/a/final

A pipeline is a folder that ``TryOnDiffusionPipeline.from_pretrained`` reads, a name of ``vtonlib.checkpoints``,
averaged weights of a checkpoint, which are put into the last pipeline, or ``untrained``, the last one's network with
new weights. A pipeline takes seconds.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import torch
from safetensors.torch import load_file

from vtonlib.attention import Grid
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.experiment import try_on
from vtonlib.memory import keep_freed_memory
from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline
from vtonlib.training.trainer import seed_everything
from vtonlib.viz.snapshots import FOLDER, Snapshot, coarsened, save_snapshots

LATTICE = Grid(16, 12)


def open_pipeline(name: str) -> TryOnDiffusionPipeline:
    """The pipeline of a folder, or of a name of ``vtonlib.checkpoints``."""
    if Path(name).is_dir():
        return TryOnDiffusionPipeline.from_pretrained(name)
    from vtonlib import checkpoints

    return checkpoints.load(name)


def untrained(like: TryOnDiffusionPipeline) -> TryOnDiffusionPipeline:
    """The same pipeline with new weights in its denoiser."""
    seed_everything(0)
    components = {**like.components, "unet": StableVITONUNet.from_config(like.unet.config)}
    return TryOnDiffusionPipeline(**components)


def at_checkpoint(like: TryOnDiffusionPipeline, file: str) -> TryOnDiffusionPipeline:
    """The same pipeline with the averaged weights of a checkpoint of its training."""
    tensors = load_file(file)
    components = copy.deepcopy({name: like.components[name] for name in ("unet", "image_encoder")})
    for name, module in components.items():
        module.load_state_dict({k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")})
    return TryOnDiffusionPipeline(**{**like.components, **components})


def look(
    pipeline: TryOnDiffusionPipeline, batch: TryOnBatch, step: int, times: list[int], block: str
) -> list[Snapshot]:
    """The maps of one pipeline at every noise level."""
    pipeline.set_progress_bar_config(disable=True)
    worn = try_on(pipeline, batch, seed=0).image
    found = []
    for time in times:
        generator = torch.Generator().manual_seed(0)
        records = pipeline.read_attention(worn, **batch.inputs, timestep=time, generator=generator)
        chosen = block or max(records, key=lambda name: records[name].query_grid.tokens)
        if chosen not in records:
            raise SystemExit(f"--block {block}: expected one of {', '.join(records)}")
        found.append(Snapshot(step, time, coarsened(records[chosen], LATTICE, LATTICE)))
    return found


def main() -> None:
    """Open the pipelines one after the other and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipelines", nargs="+", metavar="STEP=PIPELINE")
    parser.add_argument("--times", type=int, nargs="+", default=[999, 700, 400, 100])
    parser.add_argument("--block", default="", help="by default one of the finest")
    parser.add_argument("--index", type=int, default=1, help="example of the test split")
    parser.add_argument("--laid", default="anyhow", choices=("straight", "anyhow"))
    parser.add_argument("--size", type=int, nargs=2, default=(64, 48), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--model", default="the tiny StableVITON", help="what it is, for the reader")
    parser.add_argument("--out", default="stableviton-tiny", help="name of the file in the package")
    options = parser.parse_args()
    keep_freed_memory()
    height, width = options.size
    world = World(DataConfig(height=height, width=width, laid=options.laid))
    batch = world.paired("test", torch.tensor([options.index]))
    named = [(int(step), name) for step, _, name in (given.partition("=") for given in options.pipelines)]
    last_step, last_name = max(
        pair for pair in named if pair[1] != "untrained" and not pair[1].endswith(".safetensors")
    )
    last = open_pipeline(last_name)
    maps = []
    for step, name in sorted(named):
        if name == "untrained":
            pipeline = untrained(last)
        elif name.endswith(".safetensors"):
            pipeline = at_checkpoint(last, name)
        else:
            pipeline = last if step == last_step else open_pipeline(name)
        maps += look(pipeline, batch, step, options.times, options.block)
        print(f"step {step}: {name}", flush=True)
    out = FOLDER / f"{options.out}.safetensors"
    save_snapshots(out, options.model, options.index, options.laid, (height, width), maps)
    print(f"{len(maps)} maps, {out.stat().st_size / 1000:.0f} kB: {out}")


if __name__ == "__main__":
    main()
