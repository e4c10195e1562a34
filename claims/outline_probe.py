"""What the shipped StableVITON reads of a garment to find its places: its outline, or also what is printed on it?"""

from __future__ import annotations

import torch

from vtonlib import checkpoints
from vtonlib.attention import expected_coordinates
from vtonlib.data.batch import TryOnBatch
from vtonlib.evaluation import end_point_error, other_garments
from vtonlib.grids import resize_flow
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline

NAME, PEOPLE = "stableviton-tiny", 32
KINDS = ("own", "outline", "other", "ground")


def shown(batch: TryOnBatch) -> dict[str, torch.Tensor]:
    """What the keys are shown: the garment, its outline filled with its mean colour, another garment, white ground."""
    mask = batch.garment_mask
    mean = (batch.garment * mask).sum((2, 3), keepdim=True) / mask.sum((2, 3), keepdim=True)
    white = torch.ones_like(batch.garment)
    pictures = (batch.garment, torch.lerp(white, mean, mask), other_garments(batch), white)
    return dict(zip(KINDS, pictures, strict=True))


@torch.no_grad()
def measure(seed: int) -> dict[str, float]:
    """Errors of the finest block's centres at pure noise, in tokens, by what its keys are shown.

    A seed is 32 people of the test split in their own garments, laid anyhow, after those of chapter 9, and other noise.
    ``pattern`` is how much the outline alone costs, ``lay`` how much another garment does.
    """
    pipeline, world = checkpoints.load(NAME).to("cpu"), checkpoints.source(NAME)
    assert isinstance(pipeline, TryOnDiffusionPipeline)
    pipeline.set_progress_bar_config(disable=True)
    batch = world.paired("test", torch.arange(PEOPLE) + PEOPLE * (seed + 1))
    drawn = torch.Generator().manual_seed(seed)
    painted = pipeline(**batch.inputs, num_inference_steps=1, generator=drawn).images
    found: dict[str, float] = {}
    for kind, picture in shown(batch).items():
        again = torch.Generator().manual_seed(seed)
        records = pipeline.read_attention(painted, **batch.inputs, timestep=999, shown=picture, generator=again)
        record = next(
            r for r in records.values() if r.query_grid.tokens == max(o.query_grid.tokens for o in records.values())
        )
        centres = resize_flow(expected_coordinates(record), *batch.size)
        errors = end_point_error(centres, batch.flow, batch.flow_mask, lattice=record.query_grid)
        found[kind] = float(errors.nanmean())
    return found | {"pattern": found["outline"] - found["own"], "lay": found["other"] - found["own"]}
