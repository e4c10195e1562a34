"""All methods side by side on one person: guess first who painted a picture, then see everybody's.

Book: sec-explorer-painters.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vtonlib.viz.element import ElementFigure, element, table

BUDGET = 300_000
"""Bytes that one figure may add to a page."""
CHOICES = 4
"""Names that are offered."""


class PaintersExplorer(ElementFigure):
    """Choose a person, guess which of four methods painted the picture that is shown, then see what all painted, each
    with its readings of this person.

    For each person another method is asked about, and the offered names differ; both depend on nothing but the number
    of the person. Without scripts a table tells the readings.

    Args:
        images: what each method painted of each person, in [-1, 1]; pictures of one size.
        garment: the garments.
        person: the people as they should be.
        people: what the people are called.
        readings: by name, a number for each method and person.
        asked: for each person, the method that is asked about.
        caption: what the figure shows.
        budget: bytes that the figure may add to a page.

    Raises:
        ValueError: for fewer than four methods, other numbers of people, a method asked about that is none, or a
            figure over the budget.

    Book: sec-explorer-painters.
    """

    script = Path(__file__).with_name("painters.js")
    _parts = ("rows.js",)

    def __init__(
        self,
        images: Mapping[str, Float[Tensor, "p 3 H W"]],
        garment: Float[Tensor, "p 3 H W"],
        person: Float[Tensor, "p 3 H W"],
        people: Sequence[str],
        readings: Mapping[str, Float[Tensor, "methods p"]],
        asked: Sequence[str],
        *,
        caption: str = "",
        budget: int = BUDGET,
    ) -> None:
        names = list(images)
        _check(names, len(people), asked, {"asked": len(asked), "garment": len(garment), "person": len(person)})
        self.readings = {name: found.tolist() for name, found in readings.items()}
        rows = [
            [f"{names[m]}, {people[p]}", *(f"{found[m][p]:.2f}" for found in self.readings.values())]
            for p in range(len(people))
            for m in range(len(names))
        ]
        data: dict[str, Any] = {
            "names": names,
            "people": list(people),
            "size": list(garment.shape[-2:]),
            "asked": [names.index(name) for name in asked],
            "offered": [_offered(names.index(name), len(names), p) for p, name in enumerate(asked)],
            "readings": {n: [[round(v, 2) for v in row] for row in found] for n, found in self.readings.items()},
            "sheets": [
                _sheet(torch.stack([garment[p], person[p], *(images[name][p] for name in names)]))
                for p in range(len(people))
            ],
        }
        said = table("What was read of each method's picture.", ["", *self.readings], rows)
        self.markup = element("vton-painters", data, said, caption)
        self.within(budget, "give fewer people or methods")

    def __repr__(self) -> str:
        return f"PaintersExplorer({len(next(iter(self.readings.values())))} methods)"


def _check(names: Sequence[str], people: int, asked: Sequence[str], counts: Mapping[str, int]) -> None:
    """Raise a ``ValueError`` that names what does not fit."""
    if len(names) < CHOICES:
        raise ValueError(f"methods are {', '.join(names) or 'none'}: expected at least {CHOICES} to choose from")
    for what, count in counts.items():
        if count != people:
            raise ValueError(f"{what} is of {count} people: expected {people}")
    if unknown := sorted({*asked} - {*names}):
        raise ValueError(f"asked about {', '.join(unknown)}: there are {', '.join(names)}")


def _offered(answer: int, count: int, person: int) -> list[int]:
    """The numbers of the methods that are offered for a person, the answer among them."""
    generator = torch.Generator().manual_seed(person)
    others = [k for k in torch.randperm(count, generator=generator).tolist() if k != answer][: CHOICES - 1]
    return sorted([answer, *others])


def _sheet(pictures: Float[Tensor, "n 3 H W"]) -> str:
    """Pictures side by side as a data address."""
    pixels = ((pictures.detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    file = io.BytesIO()
    wide = torch.cat(list(pixels), dim=-1).movedim(0, -1).contiguous()
    Image.fromarray(wide.numpy()).save(file, format="webp", quality=90, method=6)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
