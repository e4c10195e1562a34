"""A wardrobe: choose a garment, a person and a seed, and see the person a model painted in that garment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.viz.element import ElementFigure, element, sheet

BUDGET = 200_000
"""Bytes that one wardrobe may add to a page."""
WHITE = 1.0


class Wardrobe(ElementFigure):
    """Garments, persons and what a model painted of each pair, for one seed or several; the truth on demand.

    All pictures are one sheet, which is also what pages without scripts show: a row for each person, a column for the
    person without clothes, then for each garment the truth and the paintings by seed; on top, the garments.

    Args:
        persons: what the model sees of each person, in [-1, 1].
        garments: the garments, in [-1, 1].
        painted: what it painted, for each person, garment and seed.
        truth: each person in each garment; None where nobody knows it.
        seeds: the seeds' names.
        caption: what the figure shows.
        budget: bytes that the figure may add to a page.

    Raises:
        ValueError: for shapes that do not fit one another, or a figure over the budget.

    Book: sec-how-to-use.
    """

    script = Path(__file__).with_name("wardrobe.js")
    _parts = ("rows.js", "sheet.js")

    def __init__(
        self,
        persons: Float[Tensor, "p 3 h w"],
        garments: Float[Tensor, "g 3 h w"],
        painted: Float[Tensor, "p g s 3 h w"],
        *,
        truth: Float[Tensor, "p g 3 h w"] | None = None,
        seeds: Sequence[int] = (0,),
        caption: str = "",
        budget: int = BUDGET,
    ) -> None:
        expected = (len(persons), len(garments), len(seeds), *persons.shape[1:])
        if painted.shape != expected or garments.shape[1:] != persons.shape[1:]:
            raise ValueError(f"painted is {tuple(painted.shape)}: expected {expected}, persons, garments and seeds")
        if truth is not None and truth.shape != (*expected[:2], *expected[3:]):
            raise ValueError(f"truth is {tuple(truth.shape)}: expected {(*expected[:2], *expected[3:])}")
        self.seeds = list(seeds)
        shown = painted if truth is None else torch.cat((truth[:, :, None], painted), 2)
        data = {"persons": len(persons), "garments": len(garments), "seeds": self.seeds, "truth": truth is not None}
        self.markup = element("vton-wardrobe", data, _sheet(persons, garments, shown), caption)
        self.within(budget, "give fewer persons, garments or seeds")

    def __repr__(self) -> str:
        return f"Wardrobe({len(self.seeds)} seeds)"


def _sheet(persons: Tensor, garments: Tensor, shown: Tensor) -> str:
    """An ``<img>`` with all pictures in rows and columns."""
    count = shown.shape[2]
    blank = torch.full_like(persons[:1], WHITE)
    top = [blank, *(x for garment in garments for x in (garment[None], *[blank] * (count - 1)))]
    rows = [torch.cat(top, 3), *(_row(person, pictures) for person, pictures in zip(persons, shown, strict=True))]
    alt = f"{len(persons)} persons, each in {len(garments)} garments: what a model painted."
    return sheet(torch.cat(rows, 2)[0], alt)


def _row(person: Tensor, pictures: Tensor) -> Tensor:
    return torch.cat([person[None], *pictures.flatten(0, 1)[:, None]], 3)
