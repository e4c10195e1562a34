"""What a method must beat, and what it cannot: the same baselines stand in every table.

========= ============================================== ===============================================
name      flow                                           image
========= ============================================== ===============================================
oracle    the truth                                      the true person
uniform   the centre of the garment: what the mean       the garment's centre colour, painted
          coordinates of uniform attention give (chance)
flip      the truth mirrored, (-x, y)                    the garment through that flow
nearest   where the garment's colour is nearest to the   the garment through that flow
colour    *target* pixel's: knows the answer's colours
copy      the identity                                   the flat garment pasted at its own place
agnostic  none                                           the input itself, nothing painted
========= ============================================== ===============================================

Oracle, flip and nearest colour see the target; the others do not.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.grids import coordinate_grid, warp

BASELINES = ("oracle", "uniform", "flip", "nearest colour", "copy", "agnostic")
"""Rows of every table, in order."""
CHANCE = "uniform"
"""The baseline that stands for chance."""


def uniform_flow(batch: TryOnBatch) -> Float[Tensor, "b h w 2"]:
    """(0, 0) everywhere: the expected coordinates of uniform attention."""
    return torch.zeros_like(batch.flow)


def flip_flow(batch: TryOnBatch) -> Float[Tensor, "b h w 2"]:
    """The truth with left and right exchanged in the garment."""
    return batch.flow * torch.tensor([-1, 1], device=batch.flow.device, dtype=batch.flow.dtype)


def copy_flow(batch: TryOnBatch) -> Float[Tensor, "b h w 2"]:
    """The identity: each person pixel takes the garment pixel at its own place."""
    return coordinate_grid(*batch.size, device=batch.flow.device, dtype=batch.flow.dtype).expand_as(batch.flow)


def nearest_colour_flow(batch: TryOnBatch, *, rows_per_chunk: int = 1024) -> Float[Tensor, "b h w 2"]:
    """For each pixel inside the agnostic mask, the garment pixel whose colour is nearest to the *target's*; else 0.

    It knows the target's colours, which no try-on method does: a bound on what colour alone can tell. Among equal
    colours the first in reading order wins.
    """
    grid = coordinate_grid(*batch.size, device=batch.flow.device, dtype=batch.flow.dtype).flatten(0, 1)
    flow = torch.zeros_like(batch.flow).flatten(1, 2)
    for i in range(len(batch)):
        inside = batch.garment_mask[i, 0].flatten() > 0.5
        if not inside.any():
            continue
        colours, places = batch.garment[i].flatten(1).T[inside], grid[inside]
        person = batch.person[i].flatten(1).T
        for rows in (batch.agnostic_mask[i, 0].flatten() > 0.5).nonzero()[:, 0].split(rows_per_chunk):
            flow[i, rows] = places[torch.cdist(person[rows], colours).argmin(1)]
    return flow.unflatten(1, batch.size)


def baseline_flows(batch: TryOnBatch) -> dict[str, Float[Tensor, "b h w 2"]]:
    """The flows of all baselines that have one, by name.

    Book: sec-evaluation.
    """
    return {
        "oracle": batch.flow,
        CHANCE: uniform_flow(batch),
        "flip": flip_flow(batch),
        "nearest colour": nearest_colour_flow(batch),
        "copy": copy_flow(batch),
    }


def paste(
    batch: TryOnBatch, flow: Float[Tensor, "b h w 2"], region: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """The agnostic image with the garment, read through ``flow``, laid over ``region``."""
    alpha = region * batch.agnostic_mask * warp(batch.garment_mask, flow)
    return torch.lerp(batch.agnostic, warp(batch.garment, flow), alpha)


def baseline_images(
    batch: TryOnBatch, flows: dict[str, Float[Tensor, "b h w 2"]]
) -> dict[str, Float[Tensor, "b 3 h w"]]:
    """The images of all baselines, by name; ``flows`` are those of :func:`baseline_flows`.

    Book: sec-evaluation.
    """
    return {
        "oracle": batch.person,
        CHANCE: paste(batch, flows[CHANCE], batch.agnostic_mask),
        "flip": paste(batch, flows["flip"], batch.flow_mask),
        "nearest colour": paste(batch, flows["nearest colour"], batch.agnostic_mask),
        "copy": paste(batch, flows["copy"], batch.agnostic_mask),
        "agnostic": batch.agnostic,
    }
