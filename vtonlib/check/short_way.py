"""An exercise on the short way of latents: one attention, two ways to read with it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, one_hot

from vtonlib.check.exercise import Arguments, Exercise, Mistake
from vtonlib.grids import ALIGN_CORNERS, coordinate_grid, warp


def _places(attention: Tensor, latents: Tensor) -> Tensor:
    """The expected coordinates of every query, [b h w 2]."""
    grid = coordinate_grid(*latents.shape[-2:], dtype=latents.dtype)
    return (attention @ grid.flatten(0, 1)).unflatten(1, grid.shape[:2])


def _soft(attention: Tensor, latents: Tensor) -> Tensor:
    """The mean of the latents of every query, [b z h w]."""
    return (attention @ latents.flatten(2).mT).mT.unflatten(2, latents.shape[-2:])


def _both(attention: Tensor, latents: Tensor, places: Tensor) -> Tensor:
    """Soft, then sharp at ``places``."""
    return torch.cat((_soft(attention, latents), warp(latents, places, mode="bicubic")), dim=1)


def _readings(attention: Tensor, latents: Tensor) -> Tensor:
    """Soft, then sharp at the expected coordinates."""
    return _both(attention, latents, _places(attention, latents))


def _fading(attention: Tensor, latents: Tensor) -> Tensor:
    """Soft, then sharp, with zeros beyond the border."""
    places = _places(attention, latents)
    sharp = grid_sample(latents, places, mode="bicubic", align_corners=ALIGN_CORNERS)
    return torch.cat((_soft(attention, latents), sharp), dim=1)


def _nearest(attention: Tensor, latents: Tensor) -> Tensor:
    """Soft, then the latents of the most attended token."""
    chosen = one_hot(attention.argmax(-1), attention.shape[-1]).to(attention)
    return torch.cat((_soft(attention, latents), _soft(chosen, latents)), dim=1)


def _cases() -> list[Arguments]:
    generator = torch.Generator().manual_seed(3)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    return [(draw(b, h * w, h * w).mul(2).softmax(-1), draw(b, z, h, w)) for b, z, h, w in ((2, 3, 4, 6), (1, 4, 5, 3))]


two_readings = Exercise(
    name="two_readings",
    signature="attention [b n n], latents [b z h w] with n = h w -> soft, then sharp, [b 2z h w]",
    reference=_readings,
    cases=_cases,
    mistakes=(
        Mistake(
            "sharp first",
            lambda a, z: _readings(a, z).roll(z.shape[1], 1),
            "Both readings are right, but the soft one comes first.",
        ),
        Mistake(
            "soft twice",
            lambda a, z: _soft(a, z).repeat(1, 2, 1, 1),
            "Your second half is the mean again. Sharp is one reading, at the mean *place*.",
        ),
        Mistake(
            "bilinear",
            lambda a, z: torch.cat((_soft(a, z), warp(z, _places(a, z))), dim=1),
            "Your places are right, but you read a mean of four neighbours there, which loses fine texture.",
        ),
        Mistake(
            "zeros beyond the border",
            _fading,
            "Near the border your sharp reading fades: beyond it the outermost latents continue.",
        ),
        Mistake(
            "nearest key",
            _nearest,
            "You read the most attended token. Asked is what lies at the expected coordinates, between tokens.",
        ),
        Mistake(
            "x and y exchanged",
            lambda a, z: _both(a, z, _places(a, z).flip(-1)),
            "Your coordinates are exchanged: column 0 is x, to the right.",
        ),
        Mistake(
            "columns for rows",
            lambda a, z: _readings(a.mT, z),
            "You read along the columns of the map. A row belongs to a query; its weights run over the keys.",
        ),
    ),
)
