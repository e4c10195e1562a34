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

Measured later, when the others were known (no hypotheses): the ``silent`` runs say what slips that nobody sees cost in
SSIM of the whole picture, what a mask of the next person costs, and what the nearest pixel costs where files are
stored at three times the size, whose middle pixel lies right under the centre.

    python -m benchmarks.slips [--groups 5] [--out results.json]

A minute and a half of a core for a group. Groups that are in the file are not repeated.
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
from vtonlib.data.slips import LABEL_SLIPS, LATER_SLIPS, SLIPS, Slip
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
SILENT = ("JPEG 95", "JPEG 50", "mask too small", "mask as JPEG", "pose: nearest")
"""Slips that no check and hardly an eye notices, whose cost in SSIM of the whole picture is measured too."""


def people(group: int, laid: Laid, larger: int = LARGER) -> tuple[TryOnBatch, TryOnBatch]:
    """A group of test people in others' garments, and in their own as files hold them, ``larger`` times the size."""
    rows = torch.arange(group * GROUP, (group + 1) * GROUP)
    sizes = ((64, 48), (64 * larger, 48 * larger))
    small, large = (World(DataConfig(height=h, width=w, laid=laid)) for h, w in sizes)
    return small.unpaired("test", rows), large.paired("test", rows)


@torch.no_grad()
def scores(pipeline: Pipeline, told: TryOnBatch, true: TryOnBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Masked SSIM, error in percent of the height, and SSIM of the whole picture, of each person, of a model that is
    told one thing."""
    worn = try_on(pipeline, told, seed=0)
    flow = resize_flow(worn.correspondence()[1], *true.size)
    off = end_point_error(flow, true.flow, true.flow_mask, lattice=true.size) * 100 / true.size[0]
    like = ssim_map(worn.image, true.person)
    return masked_mean_per_sample(like, true.agnostic_mask), off, like.mean((1, 2, 3))


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
    ssim, off, _ = scores(pipeline, small, small)
    found = {"sound_ssim": float(ssim.mean()), "sound_epe": float(off.nanmean())}
    for slip, one in slips.items():
        found |= _cost(slip, (ssim, off), scores(pipeline, one.apply(small, large), small))
    return found


def _cost(name: str, sound: tuple[Tensor, ...], told: tuple[Tensor, ...]) -> dict[str, float]:
    return {
        f"{key(name)}_ssim": float((sound[0] - told[0]).mean()),
        f"{key(name)}_epe": float((told[1] - sound[1]).nanmean()),
    }


def silent(group: int) -> dict[str, float]:
    """``SLIP_whole``: how much of the whole picture's SSIM is lost to the silent slips; and masked SSIM and error, as
    in :func:`measure`, of the later slips and of the nearest pixel of files at three times the size."""
    (small, large), (_, three) = (people(group, "anyhow", times) for times in (LARGER, 3))
    pipeline = checkpoints.load("stableviton-tiny")
    pipeline.set_progress_bar_config(disable=True)
    sound = scores(pipeline, small, small)
    whole = {name: SLIPS[name].apply(small, large) for name in SILENT}
    later = {name: slip.apply(small, large) for name, slip in LATER_SLIPS.items()}
    later["pose: nearest of three"] = SLIPS["pose: nearest"].apply(small, three)
    found = {"sound_whole": float(sound[2].mean())}
    for name, batch in (whole | later).items():
        told = scores(pipeline, batch, small)
        found[f"{key(name)}_whole"] = float((sound[2] - told[2]).mean())
        if name in later:
            found |= _cost(name, sound, told)
    return found


def main() -> None:
    """Measure the groups that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    runs = {f"{model}-{group}": partial(measure, model, group) for model in MODELS for group in range(options.groups)}
    runs |= {f"silent-{group}": partial(silent, group) for group in range(options.groups)}
    rest = {"people": GROUP, "models": list(MODELS), "larger": LARGER}
    complete(options.out, rest, runs)


if __name__ == "__main__":
    main()
