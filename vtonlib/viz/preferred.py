"""Which of two pictures does a measure prefer? Guess, then see what every measure says of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.viz.element import ElementFigure, element, sheet, table

BUDGET = 200_000
"""Bytes that one figure may add to a page."""


class Preference(NamedTuple):
    """A measure's values of some pictures."""

    values: Mapping[str, Float[Tensor, " p"] | float]
    """By picture: of each person, or one for the whole set."""
    higher: bool
    """Whether more is better."""
    digits: int = 3
    """Shown after the point."""


class PreferredExplorer(ElementFigure):
    """Choose a measure, see two pictures beside the true one, and guess which it prefers.

    After the guess the pictures get their names, and a table says what all measures prefer. Without scripts the sheet
    of all pictures and a table of mean values are shown.

    Args:
        pictures: by name, one picture of each person in [-1, 1]; the first is the true one.
        measures: by name, their values of every picture but the first.
        pairs: which two pictures of which person are asked about, in order.
        caption: what the figure shows.
        budget: bytes that the figure may add to a page.

    Raises:
        ValueError: for a pair or a value of a picture that is not there, or a figure over the budget.

    Book: sec-explorer-evaluation.
    """

    script = Path(__file__).with_name("preferred.js")
    _parts = ("rows.js", "sheet.js")

    def __init__(
        self,
        pictures: Mapping[str, Float[Tensor, "p 3 h w"]],
        measures: Mapping[str, Preference],
        pairs: Sequence[tuple[str, str, int]],
        *,
        caption: str = "",
        budget: int = BUDGET,
    ) -> None:
        names, people = list(pictures), len(next(iter(pictures.values())))
        for one, other, person in pairs:
            if one not in names[1:] or other not in names[1:] or not 0 <= person < people:
                raise ValueError(
                    f"pair ({one}, {other}, {person}): expected two of {', '.join(names[1:])}, of {people}"
                )
        for name, measure in measures.items():
            if missing := [n for n in names[1:] if n not in measure.values]:
                raise ValueError(f"'{name}' has no value for '{missing[0]}'")
        self.pairs = list(pairs)
        values = {
            name: [[round(v, 4) for v in _each(measure.values[n], people)] for n in names[1:]]
            for name, measure in measures.items()
        }
        data = {
            "names": names,
            "people": people,
            "measures": [
                {"name": n, "higher": m.higher, "digits": m.digits, "values": values[n]} for n, m in measures.items()
            ],
            "pairs": [[names.index(one), names.index(other), person] for one, other, person in pairs],
        }
        rows = torch.cat([torch.cat([*pictures[name]], 2) for name in names], 1)  # a row for each picture
        alt = f"{people} persons; below the true pictures those of the zoo: {', '.join(names[1:])}."
        means = [
            [n, *(f"{sum(values[m][k]) / people:.{measures[m].digits}f}" for m in measures)]
            for k, n in enumerate(names[1:])
        ]
        shown = sheet(rows, alt) + table("Mean of each measure.", ["", *measures], means)
        self.markup = element("vton-preferred", data, shown, caption)
        self.within(budget, "give fewer people or pictures")

    def __repr__(self) -> str:
        return f"PreferredExplorer({len(self.pairs)} pairs)"


def _each(value: Tensor | float, people: int) -> list[float]:
    return value.tolist() if isinstance(value, Tensor) else [float(value)] * people
