"""What each slip in preparing files costs a trained model: the same people, garments and noise, with it and without.

The shipped stableviton-tiny, and for segmentations alias-tiny, put garments on test people of the world in place of
their own; the garments lie as each model learned them, anyhow and straight. A group is 16 people; every slip is
compared with the sound files person by person. The pictures are scored inside the TRUE mask against the true person,
attention against the true flow. Files are stored at twice the size. Written before measuring, from the worst on:

S1 A mask that says the wrong place (inverted; 1 for 255) costs more than any slip of another file.
S2 Then the garment's colours (blue first), since nothing else of the files knows them; a turned garment costs more
   places than a mirrored one, and both more than a black ground.
S3 Slips of the dense pose cost less than those of the garment: mask and agnostic picture show the body too. Among them
   another person's is the worst; sides called wrongly cost places (EPE) more than pictures.
S4 A mask too small leaves the old garment's rim and costs little; JPEG costs little at 50, nothing at 95.
S5 Controls: PNG and numbers resized as numbers cost less than 0.005 of masked SSIM; bilinear numbers cost more.
S6 alias-tiny, told labels resized as brightness, or left for right, loses less than 0.02: the garment's own label is
   hidden from it anyway.

    python -m benchmarks.slips [--groups 5] [--out results.json]

A minute of a core for a group. Groups that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.stored import complete
from vtonlib import checkpoints
from vtonlib.config import DataConfig, Laid
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.slips import LABEL_SLIPS, SLIPS, Slip
from vtonlib.data.world import World
from vtonlib.evaluation.correspondence import end_point_error
from vtonlib.evaluation.image import ssim_map
from vtonlib.experiment import try_on
from vtonlib.grids import masked_mean_per_sample, resize_flow
from vtonlib.pipelines.load import Pipeline

RESULTS = Path(__file__).parent / "results" / "slips.json"
GROUP, LARGER = 16, 2
MODELS: dict[str, tuple[Laid, dict[str, Slip]]] = {
    "stableviton-tiny": ("anyhow", SLIPS),
    "alias-tiny": ("straight", LABEL_SLIPS),
}
"""How the garments lie, and which slips there are."""


def people(group: int, laid: Laid) -> tuple[TryOnBatch, TryOnBatch]:
    """A group of test people in others' garments, and in their own as files hold them, larger."""
    rows = torch.arange(group * GROUP, (group + 1) * GROUP)
    sizes = ((64, 48), (64 * LARGER, 48 * LARGER))
    small, large = (World(DataConfig(height=h, width=w, laid=laid)) for h, w in sizes)
    return small.unpaired("test", rows), large.paired("test", rows)


@torch.no_grad()
def scores(pipeline: Pipeline, told: TryOnBatch, true: TryOnBatch) -> tuple[Tensor, Tensor]:
    """Masked SSIM and error of each person, in percent of the height, of a model that is told one thing."""
    worn = try_on(pipeline, told, seed=0)
    flow = resize_flow(worn.correspondence()[1], *true.size)
    off = end_point_error(flow, true.flow, true.flow_mask, lattice=true.size) * 100 / true.size[0]
    return masked_mean_per_sample(ssim_map(worn.image, true.person), true.agnostic_mask), off


def key(slip: str) -> str:
    """A slip's name in results."""
    return slip.lower().replace(": ", "_").replace(" ", "_").replace("'", "")


def measure(model: str, group: int) -> dict[str, float]:
    """``SLIP_ssim`` and ``SLIP_epe``: how much of masked SSIM is lost, and by how much the error grows, mean over the
    group; ``sound_*`` are those of the sound files."""
    laid, slips = MODELS[model]
    small, large = people(group, laid)
    pipeline = checkpoints.load(model)
    pipeline.set_progress_bar_config(disable=True)
    ssim, off = scores(pipeline, small, small)
    found = {"sound_ssim": float(ssim.mean()), "sound_epe": float(off.nanmean())}
    for slip, one in slips.items():
        found |= _cost(pipeline, slip, one, small, large, (ssim, off))
    return found


def _cost(
    pipeline: Pipeline, name: str, slip: Slip, small: TryOnBatch, large: TryOnBatch, sound: tuple[Tensor, Tensor]
) -> dict[str, float]:
    ssim, off = scores(pipeline, slip.apply(small, large), small)
    return {
        f"{key(name)}_ssim": float((sound[0] - ssim).mean()),
        f"{key(name)}_epe": float((off - sound[1]).nanmean()),
    }


def main() -> None:
    """Measure the groups that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    runs = {f"{model}-{group}": partial(measure, model, group) for model in MODELS for group in range(options.groups)}
    rest = {"people": GROUP, "models": list(MODELS), "larger": LARGER}
    complete(options.out, rest, runs)


if __name__ == "__main__":
    main()
