"""Is what is looked at what is painted from? Alter one place of the garment, and see where the picture changes.

Book: sec-image-attribution.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import Grid
from vtonlib.grids import coordinate_grid, resize_mask, to_pixels

RADIUS = 1.0
"""Of what is altered, in tokens."""


def place_disc(place: Float[Tensor, "b 2"], size: tuple[int, int], tokens: Grid) -> Float[Tensor, "b 1 h w"]:
    """1 within a token's side of a place (x, y) in [-1, 1], on a lattice of ``size`` (height, width)."""
    lattice = coordinate_grid(*size, device=place.device, dtype=place.dtype)
    away = to_pixels(lattice - place[:, None, None], *tokens).norm(dim=-1)
    return (away <= RADIUS)[:, None].to(place.dtype)


def altered_garment(
    garment: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"], place: Float[Tensor, "b 2"], tokens: Grid
) -> Float[Tensor, "b 3 h w"]:
    """The garment with other colours within a token's side of one place: those half of the range away.

    Args:
        garment: pictures in [-1, 1].
        mask: 1 on the cloth; nothing else is altered.
        place: (x, y) in [-1, 1] of the garment, for each sample.
        tokens: the lattice that a token's side is taken from.

    Book: sec-image-attribution.
    """
    height, width = garment.shape[-2:]
    where = place_disc(place, (height, width), tokens) * mask
    return torch.lerp(garment, torch.where(garment > 0, garment - 1, garment + 1), where)


def change_map(one: Float[Tensor, "b 3 h w"], other: Float[Tensor, "b 3 h w"], grid: Grid) -> Float[Tensor, "b gh gw"]:
    """How much of the difference of two pictures lies in each token: absolute differences, their sum 1.

    0 everywhere where nothing differs.
    """
    change = resize_mask((one - other).abs().sum(1, keepdim=True), *grid)[:, 0]
    return change / change.sum((1, 2), keepdim=True).clamp_min(torch.finfo(change.dtype).tiny)


def overlap(one: Float[Tensor, "b h w"], other: Float[Tensor, "b h w"]) -> Float[Tensor, " b"]:
    """What two maps of sum 1 have in common: the sum of the lesser of both, 1 for the same map, 0 for disjoint ones.

    Equation: eq-map-overlap. Book: sec-image-attribution.
    """
    return torch.minimum(one, other).sum((1, 2))
