"""Pictures and a question: guess the cause of each, then see the pictures that tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.viz.element import ElementFigure, element, sheet, table

BUDGET = 150_000
"""Bytes that one figure may add to a page."""


class GuessExplorer(ElementFigure):
    """Look at a case, name its cause, and see what tells it: some pictures at once, others after the guess.

    All pictures are one sheet, a row for each case, which is also what pages without scripts show, with a table of the
    answers.

    Args:
        shown: pictures [n 3 h w] of every case that are seen at once, by title, in [-1, 1].
        hidden: those that are seen after the guess.
        answers: the cause of each case; the choices are all of them, in the order of the alphabet.
        notes: what is said of each case after the guess.
        question: what is asked.
        caption: what the figure shows.
        budget: bytes that the figure may add to a page.

    Raises:
        ValueError: for no case or no pictures, shapes that do not fit one another, or a figure over the budget.

    Book: sec-explorer-slips.
    """

    script = Path(__file__).with_name("guess.js")
    _parts = ("rows.js", "sheet.js")

    def __init__(
        self,
        shown: Mapping[str, Float[Tensor, "n 3 h w"]],
        hidden: Mapping[str, Float[Tensor, "n 3 h w"]],
        answers: Sequence[str],
        notes: Sequence[str],
        *,
        question: str,
        caption: str = "",
        budget: int = BUDGET,
    ) -> None:
        columns = [*shown.values(), *hidden.values()]
        if not answers or not shown or len(notes) != len(answers):
            found = f"{len(answers)} answers, {len(notes)} notes and {len(shown)} columns of pictures"
            raise ValueError(f"found {found}: expected an answer and a note for each case, and pictures")
        if len(shapes := {tuple(column.shape) for column in columns}) != 1 or len(columns[0]) != len(answers):
            raise ValueError(f"pictures are {sorted(shapes)}: expected one shape, with {len(answers)} cases")
        self.choices, self.answers = sorted(set(answers)), list(answers)
        data: dict[str, Any] = {
            "titles": [*shown, *hidden],
            "shown": len(shown),
            "choices": self.choices,
            "answers": [self.choices.index(answer) for answer in answers],
            "notes": list(notes),
            "question": question,
        }
        rows = torch.cat([torch.cat(tuple(column.detach().float().cpu()), 1) for column in columns], 2)
        alt = f"{len(answers)} rows of pictures: {', '.join(data['titles'])}."
        fallback = sheet(rows, alt) + self._table(notes)
        self.markup = element("vton-guess", data, fallback, caption)
        self.within(budget, "give fewer or smaller cases")

    def __repr__(self) -> str:
        return f"GuessExplorer({len(self.answers)} cases, {len(self.choices)} causes)"

    def _table(self, notes: Sequence[str]) -> str:
        rows = [[f"row {k}", answer, note] for k, (answer, note) in enumerate(zip(self.answers, notes, strict=True), 1)]
        return table("What each row shows.", ["case", "cause", "of it"], rows)
