"""A world of one row: a strip of garment, the strip of a person who wears it, and the smallest matcher of both.

It trains in half a second and shows which shortcut survives which augmentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from vtonlib.attention import AttentionCore, Grid

How = Literal["none", "together", "separate"]
"""How strips are shifted: not at all, both alike, or each for itself."""
CELLS, PARTS, MIDDLE = 10, 4, 3
"""Cells of a strip, parts of a garment, and the shift of strips that are not moved."""


@dataclass(frozen=True, slots=True)
class Strips:
    """Garments of :data:`PARTS` cells on strips of :data:`CELLS`, and the persons who wear them."""

    person: Int[Tensor, " b"]
    """Shift of the person: her part p stands in cell person + p."""
    garment: Int[Tensor, " b"]
    """Shift of the garment: its part p lies in cell garment + p."""
    mask: Float[Tensor, "b n"]
    """Where the garment lies."""
    colours: Float[Tensor, "b n 3"]
    """Its colours, drawn anew for every cell; 1 beside it."""

    def parts(self) -> Float[Tensor, "b p n"]:
        """For each part of the person the cell in which it stands, one-hot."""
        cells = self.person[:, None] + torch.arange(PARTS)
        return F.one_hot(cells, CELLS).float()

    def true_cells(self) -> Float[Tensor, "b p"]:
        """For each part of the person the cell of the garment in which it is found."""
        return (self.garment[:, None] + torch.arange(PARTS)).float()

    def wanted(self) -> Float[Tensor, "b p 3"]:
        """The colours of the parts as they are worn."""
        index = self.true_cells().long()[..., None].expand(-1, -1, 3)
        return self.colours.gather(1, index)


def draw_strips(count: int, how: How, generator: torch.Generator) -> Strips:
    """Examples shifted as ``how`` says; shifts are drawn from 0 to CELLS - PARTS.

    Raises:
        ValueError: for another ``how``.
    """
    if how not in get_args(How):
        raise ValueError(f"how is {how!r}, expected one of {', '.join(get_args(How))}")
    drawn = torch.randint(CELLS - PARTS + 1, (2, count), generator=generator)
    person = torch.full((count,), MIDDLE) if how == "none" else drawn[0]
    garment = drawn[1] if how == "separate" else person
    where = torch.arange(CELLS) - garment[:, None]
    mask = ((where >= 0) & (where < PARTS)).float()
    colours = torch.rand(count, CELLS, 3, generator=generator)
    return Strips(person, garment, mask, torch.where(mask[..., None] > 0, colours, 1.0))


class StripMatcher(nn.Module):
    """One attention of the person's parts over the garment's cells, which copies their colours.

    A query knows its part and its cell; a key knows its cell and, where ``sees``, how the mask lies around it. The
    blind twin is the same without the mask.
    """

    def __init__(self, *, sees: bool, width: int = 32) -> None:
        super().__init__()
        self.sees = sees
        self.to_query = nn.Sequential(nn.Linear(PARTS + CELLS, width), nn.ReLU(), nn.Linear(width, width))
        self.place = nn.Parameter(torch.randn(CELLS, width) / width**0.5)
        self.look = nn.Sequential(
            nn.Conv1d(1, width, 2 * PARTS + 1, padding=PARTS), nn.ReLU(), nn.Conv1d(width, width, 1)
        )
        self.core = AttentionCore()

    def forward(self, strips: Strips, value: Float[Tensor, "#b n e"]) -> Float[Tensor, "b p e"]:
        """What every part of the person reads of ``value`` through the attention."""
        parts = torch.eye(PARTS).expand(len(strips.person), -1, -1)
        query = self.to_query(torch.cat((parts, strips.parts()), -1))
        key = self.place.expand(len(strips.person), -1, -1)
        if self.sees:
            key = key + self.look(strips.mask[:, None]).mT
        grids = {"query_grid": Grid(1, PARTS), "key_grids": (Grid(1, CELLS),)}
        return self.core(query[:, None], key[:, None], value[:, None], scale=1.0, **grids)[:, 0]

    def error(self, strips: Strips) -> float:
        """The mean distance in cells between the mean place where a part looks and the true one."""
        cells = torch.arange(CELLS).float()[None, :, None]
        with torch.no_grad():
            return float((self(strips, cells)[..., 0] - strips.true_cells()).abs().mean())


def train_strip_matcher(how: How, *, sees: bool, seed: int, steps: int = 250) -> StripMatcher:
    """A matcher that has learned to copy the right colours of strips shifted as ``how`` says."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = StripMatcher(sees=sees)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(steps):
        strips = draw_strips(64, how, generator)
        loss = (model(strips, strips.colours) - strips.wanted()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model
