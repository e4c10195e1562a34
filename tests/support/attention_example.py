"""An attention that looks about where it should: Fourier features of the true places, with noise."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.grids import coordinate_grid

GRID = Grid(16, 12)


def record(sharpness: float = 1.0, *, heads: int = 1, seed: int = 0, grid: Grid = GRID) -> AttentionRecord:
    """Queries that look at 0.8 of their own place; the larger the sharpness, the surer."""
    g = torch.Generator().manual_seed(seed)
    places, waves = coordinate_grid(*grid).flatten(0, 1), torch.randn(heads, 2, 16, generator=g) * 2.2
    query, key = (torch.cat(((p @ waves).sin(), (p @ waves).cos()), -1) for p in (places * 0.8, places))
    noise = 0.3 * torch.randn(query.shape, generator=g)
    return AttentionRecord((query + noise)[None], key[None], sharpness, grid, (grid,), "cross")


def truth() -> tuple[Tensor, Tensor]:
    """The true flow [64 48 2] and an ellipse [1 64 48] in which it is known."""
    grid = coordinate_grid(64, 48)
    return grid * 0.8, ((grid / torch.tensor([0.6, 0.5])).norm(dim=-1) < 1).float()[None]


def images(height: int = 64, width: int = 48) -> tuple[Tensor, Tensor]:
    """A person and a garment: soft shapes with noise, so that they do not compress well."""
    g, grid = torch.Generator().manual_seed(1), coordinate_grid(height, width)
    noise = 0.1 * torch.randn(2, 3, height, width, generator=g)
    shape = torch.sin(grid[..., 0] * 9) * (grid.norm(dim=-1) < 0.8)
    person, garment = (noise + shape * torch.tensor([0.7, 0.2, -0.5])[:, None, None]).clamp(-1, 1)
    return person, garment
