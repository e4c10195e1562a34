"""A figure to guess with: what a restart finds when a program that writes a file ends half way."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from vtonlib.viz.element import ElementFigure, element, table

BUDGET = 40_000
"""Bytes that one such figure may add to a page."""
FOUND = ("old", "new", "torn")
"""What a restart may find under the file's name."""


class WritesExplorer(ElementFigure):
    """Choose a way to write a file, when it ends and how, guess what a restart may find, then see.

    Args:
        ways: by name of a way, its operations in words.
        outcomes: by name of a way, and of an end ("killed"), what may be found after none, one, two, ... of the
            operations: some of ``"old"``, ``"new"``, ``"torn"``.
        caption: what the figure shows.

    Raises:
        ValueError: where outcomes are missing, too many, or of another name.

    Book: sec-explorer-writes.
    """

    script = Path(__file__).with_name("writes.js")
    _parts = ("rows.js",)

    def __init__(
        self,
        ways: Mapping[str, Sequence[str]],
        outcomes: Mapping[str, Mapping[str, Sequence[Collection[str]]]],
        *,
        caption: str = "",
    ) -> None:
        if ways.keys() != outcomes.keys():
            raise ValueError(f"outcomes of {', '.join(outcomes)}: expected those of {', '.join(ways)}")
        for way, of_ends in outcomes.items():
            for end, moments in of_ends.items():
                if len(moments) != len(ways[way]) + 1 or not all(set(FOUND) >= {*m} and m for m in moments):
                    raise ValueError(
                        f"{way}, {end}: expected {len(ways[way]) + 1} moments, each with some of {', '.join(FOUND)}"
                    )
        self.outcomes = {
            way: {end: [[f for f in FOUND if f in m] for m in moments] for end, moments in ends.items()}
            for way, ends in outcomes.items()
        }
        ends = list(next(iter(self.outcomes.values())))
        data = {"ways": {way: list(steps) for way, steps in ways.items()}, "outcomes": self.outcomes}
        data |= {"order": list(ways), "ends": ends}  # of which JSON with sorted keys says nothing
        head = ["written", "ends after", *ends]
        rows = [
            [way, step, *(" or ".join(self.outcomes[way][end][number]) for end in ends)]
            for way, steps in ways.items()
            for number, step in enumerate(["nothing", *steps])
        ]
        fallback = table("What a restart may find", head, rows)
        self.markup = element("vton-writes", data, fallback, caption)
        self.within(BUDGET, "give fewer ways")

    def __repr__(self) -> str:
        return f"WritesExplorer({len(self.outcomes)} ways)"
