"""Who answers, the noise or the garment? A denoiser's guess by noise level, to be guessed first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vtonlib.viz.element import ElementFigure, element, sheet, table

BUDGET = 200_000
"""Bytes that one figure may add to a page."""


class NoiseExplorer(ElementFigure):
    """A person's picture is noised, the model is given another garment and guesses the clean picture in one step.

    The reader chooses a noise level and a person, says whose garment the guess will show, and then sees it; the page
    keeps the score. All pictures are one sheet, a row for each person: the person, the given garment, then for each
    level the noisy picture and the guess. Without scripts the sheet and a table are shown.

    Args:
        persons: the persons whose pictures are noised, in their own garments.
        given: the garments that the model is given.
        noisy: the noisy pictures, for each level and person.
        guessed: the model's guesses.
        follows: whether a guess is nearer to the given garment than to the person's own.
        levels: the time steps, from the most noise to the least.
        caption: what the figure shows.
        budget: bytes that the figure may add to a page.

    Raises:
        ValueError: for shapes that do not fit one another, or a figure over the budget.

    Book: sec-who-answers.
    """

    script = Path(__file__).with_name("noise.js")
    _parts = ("rows.js", "sheet.js")

    def __init__(
        self,
        persons: Float[Tensor, "p 3 h w"],
        given: Float[Tensor, "p 3 h w"],
        noisy: Float[Tensor, "k p 3 h w"],
        guessed: Float[Tensor, "k p 3 h w"],
        follows: Bool[Tensor, "k p"],
        *,
        levels: Sequence[int],
        caption: str = "",
        budget: int = BUDGET,
    ) -> None:
        count, size = len(persons), tuple(persons.shape[1:])
        shapes = {"given": given.shape, "noisy": noisy.shape, "guessed": guessed.shape, "follows": follows.shape}
        wanted = {"given": (count, *size), "follows": (len(levels), count)}
        for name, shape in shapes.items():
            expected = wanted.get(name, (len(levels), count, *size))
            if tuple(shape) != expected:
                raise ValueError(f"{name} is {tuple(shape)}: expected {expected}")
        self.levels = list(levels)
        data = {"persons": len(persons), "levels": self.levels, "follows": follows.int().tolist()}
        share = follows.float().mean(1)
        rows = [[str(t), f"{100 * s:.0f} %"] for t, s in zip(self.levels, share.tolist(), strict=True)]
        numbers = table("How often the guess follows the given garment.", ["noise level (step)", "follows"], rows)
        self.markup = element("vton-noise", data, _sheet(persons, given, noisy, guessed) + numbers, caption)
        self.within(budget, "give fewer persons or levels")

    def __repr__(self) -> str:
        return f"NoiseExplorer({len(self.levels)} levels)"


def _sheet(persons: Tensor, given: Tensor, noisy: Tensor, guessed: Tensor) -> str:
    """An ``<img>`` with all pictures in rows and columns."""
    pairs = [picture for level in zip(noisy, guessed, strict=True) for picture in level]
    columns = torch.stack((persons, given, *pairs), 1)  # [p c 3 h w]
    alt = f"{len(persons)} persons, each with another garment, noised to {len(noisy)} levels, and the model's guesses."
    return sheet(columns.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2), alt)
