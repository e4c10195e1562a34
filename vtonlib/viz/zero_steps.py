"""A figure to guess with: which weights of a branch receive a gradient at which step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vtonlib.viz.element import ElementFigure, element, table

BUDGET = 40_000
"""Bytes that one such figure may add to a page."""


class ZeroSteps(ElementFigure):
    """Choose how a branch begins, guess which weights move at a step, then see.

    Args:
        ways: by name of a way to begin, the gradients of every step, each by name of a weight.
        meaning: what each weight is.
        caption: what the figure shows.

    Raises:
        ValueError: where ways have other weights than ``meaning``, or not equally many steps.

    Book: sec-which-zero.
    """

    script = Path(__file__).with_name("zero_steps.js")
    _parts = ("rows.js",)

    def __init__(
        self, ways: Mapping[str, Sequence[Mapping[str, float]]], meaning: Mapping[str, str], *, caption: str = ""
    ) -> None:
        lengths = {len(steps) for steps in ways.values()}
        names = {tuple(step) for steps in ways.values() for step in steps}
        if len(lengths) != 1 or names != {tuple(meaning)}:
            raise ValueError(f"expected the weights {', '.join(meaning)} at equally many steps of every way")
        self.ways = {way: [[step[name] for name in meaning] for step in steps] for way, steps in ways.items()}
        (steps,) = lengths
        data = {"weights": list(meaning), "meaning": list(meaning.values()), "ways": self.ways}
        head = ["begins with", "weight", *(f"step {k}" for k in range(steps))]
        rows = [
            [way, name, *(f"{values[k][i]:.3f}".replace("-0.000", "0.000") for k in range(steps))]
            for way, values in self.ways.items()
            for i, name in enumerate(meaning)
        ]
        fallback = table("Gradient of each weight at the first steps", head, rows)
        self.markup = element("vton-zero-steps", data, fallback, caption)
        self.within(BUDGET, "give fewer ways or steps")

    def __repr__(self) -> str:
        return f"ZeroSteps({len(self.ways)} ways)"
