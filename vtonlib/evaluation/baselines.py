"""What a method must beat, and what it cannot: the same baselines stand in every table.

========= ============================================== ===============================================
name      flow                                           image
========= ============================================== ===============================================
oracle    the truth                                      the true person
uniform   the centre of the garment: what the mean       the garment's centre colour, painted
          coordinates of uniform attention give (chance)
flip      the truth mirrored, (-x, y)                    the garment through that flow
random    a pixel of the garment, drawn anew for each    the garment through that flow
pixel     person pixel: chance for what points at one
          place instead of averaging
nearest   where the garment's colour is nearest to the   the garment through that flow
colour    *target* pixel's: knows the answer's colours
copy      the identity                                   the flat garment pasted at its own place
agnostic  none                                           the input itself, nothing painted
========= ============================================== ===============================================

Oracle, flip and nearest colour see the target; the others do not. A learned attention needs more rows: its *blind*
twin, whose keys see no pixel (``keys_see`` of matcher and StableVITON), a model to train and not one to compute; and
what the masks alone tell, where the model is given masks: :func:`cloth_centre_flow`, chance for attention that stays on
the cloth, and :func:`aligned_masks_flow`, the strongest opponent that needs no training.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.grids import coordinate_grid, warp

BASELINES = ("oracle", "uniform", "random pixel", "flip", "nearest colour", "copy", "agnostic")
"""Rows of every table, in order."""
CHANCE = "uniform"
"""The baseline that stands for chance, for flows that are mean places; for single places it is ``random pixel``."""


def uniform_flow(batch: TryOnBatch) -> Float[Tensor, "b h w 2"]:
    """(0, 0) everywhere: the expected coordinates of uniform attention."""
    return torch.zeros_like(batch.flow)


def flip_flow(batch: TryOnBatch) -> Float[Tensor, "b h w 2"]:
    """The truth with left and right exchanged in the garment."""
    return batch.flow * torch.tensor([-1, 1], device=batch.flow.device, dtype=batch.flow.dtype)


def copy_flow(batch: TryOnBatch) -> Float[Tensor, "b h w 2"]:
    """The identity: each person pixel takes the garment pixel at its own place."""
    return coordinate_grid(*batch.size, device=batch.flow.device, dtype=batch.flow.dtype).expand_as(batch.flow)


def _moments(mask: Float[Tensor, "b 1 h w"]) -> tuple[Float[Tensor, "b 1 1 2"], Float[Tensor, "b 1 1 2"]]:
    """Mean and standard deviation of the places of a mask, for each axis; both 0 for an empty mask."""
    places = coordinate_grid(*mask.shape[-2:], device=mask.device, dtype=mask.dtype)
    share = mask.movedim(1, -1) / mask.sum((1, 2, 3)).clamp_min(1e-6)[:, None, None, None]
    mean = (share * places).sum((1, 2), keepdim=True)
    return mean, (share * (places - mean).square()).sum((1, 2), keepdim=True).sqrt()


def cloth_centre_flow(batch: TryOnBatch) -> Float[Tensor, "b h w 2"]:
    """The mean place of the garment's mask everywhere: what the mean place of attention uniform over cloth gives.

    Chance for attention that a mask keeps off the background.

    Book: sec-what-it-looks-at.
    """
    return _moments(batch.garment_mask)[0].expand_as(batch.flow)


def aligned_masks_flow(batch: TryOnBatch) -> Float[Tensor, "b h w 2"]:
    """The agnostic mask laid over the garment's: the scale and shift of each axis that match mean and deviation.

    It is not trained, and sees no colour and no pose. Where either mask is empty it is the centre of the garment's.

    Book: sec-what-it-looks-at.
    """
    (mean, deviation), (to_mean, to_deviation) = _moments(batch.agnostic_mask), _moments(batch.garment_mask)
    return (copy_flow(batch) - mean) * (to_deviation / deviation.clamp_min(1e-6)) + to_mean


def _pointing_flow(
    batch: TryOnBatch, choose: Callable[[Tensor, Tensor, torch.Generator], Tensor], rows_per_chunk: int
) -> Float[Tensor, "b h w 2"]:
    """A flow that sends each pixel inside the agnostic mask to one pixel inside the garment; 0 elsewhere.

    ``choose(colours of person pixels [n 3], colours of garment pixels [m 3], generator)`` says which, [n]. Each
    example has a generator of its own, seeded by its index.
    """
    grid = coordinate_grid(*batch.size, device=batch.flow.device, dtype=batch.flow.dtype).flatten(0, 1)
    flow = torch.zeros_like(batch.flow).flatten(1, 2)
    for i in range(len(batch)):
        inside = batch.garment_mask[i, 0].flatten() > 0.5
        if not inside.any():
            continue
        generator = torch.Generator().manual_seed(int(batch.index[i]))
        colours, places = batch.garment[i].flatten(1).T[inside], grid[inside]
        person = batch.person[i].flatten(1).T
        for rows in (batch.agnostic_mask[i, 0].flatten() > 0.5).nonzero()[:, 0].split(rows_per_chunk):
            flow[i, rows] = places[choose(person[rows], colours, generator)]
    return flow.unflatten(1, batch.size)


def random_pixel_flow(batch: TryOnBatch, *, rows_per_chunk: int = 1024) -> Float[Tensor, "b h w 2"]:
    """For each pixel inside the agnostic mask, any pixel of the garment: chance for a matcher that names one pixel."""

    def anywhere(person: Tensor, colours: Tensor, generator: torch.Generator) -> Tensor:
        return torch.randint(len(colours), (len(person),), generator=generator).to(person.device)

    return _pointing_flow(batch, anywhere, rows_per_chunk)


def nearest_colour_flow(batch: TryOnBatch, *, rows_per_chunk: int = 1024) -> Float[Tensor, "b h w 2"]:
    """For each pixel inside the agnostic mask, the garment pixel whose colour is nearest to the *target's*; else 0.

    It knows the target's colours, which no try-on method does: a bound on what colour alone can tell. Among equal
    colours one is drawn at random.
    """

    def nearest(person: Tensor, colours: Tensor, generator: torch.Generator) -> Tensor:
        distance = (person[:, None] - colours).square().sum(-1)  # exact, so that equal colours are equally near
        lot = torch.rand(distance.shape, generator=generator).to(person.device)
        return lot.masked_fill_(distance > distance.amin(1, keepdim=True), -1).argmax(1)

    return _pointing_flow(batch, nearest, rows_per_chunk)


def baseline_flows(batch: TryOnBatch) -> dict[str, Float[Tensor, "b h w 2"]]:
    """The flows of all baselines that have one, by name.

    Book: sec-evaluation.
    """
    return {
        "oracle": batch.flow,
        CHANCE: uniform_flow(batch),
        "random pixel": random_pixel_flow(batch),
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
        "random pixel": paste(batch, flows["random pixel"], batch.agnostic_mask),
        "flip": paste(batch, flows["flip"], batch.flow_mask),
        "nearest colour": paste(batch, flows["nearest colour"], batch.agnostic_mask),
        "copy": paste(batch, flows["copy"], batch.agnostic_mask),
        "agnostic": batch.agnostic,
    }
