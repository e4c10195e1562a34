"""What a training step of a StableVITON holds and computes, by its sizes: guess the largest part, then move sliders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from vtonlib.cost import FLOAT, Law, training_memory
from vtonlib.ladder import Counted
from vtonlib.viz.element import ElementFigure, element, table
from vtonlib.viz.figures import PALETTE, STYLE

BUDGET = 30_000
"""Bytes that the explorer may add to a page."""
PARTS = ("weights", "gradients", "AdamW's states", "kept for the backward pass")
SCENES: tuple[dict[str, Any], ...] = (
    {
        "name": "the published size, one sample",
        "asked": "320 channels, 512x384, a batch of 1, 32 bits.",
        "state": {"width": 2, "rows": 512, "batch": 0, "bits": 4, "maps": 0, "again": 0},
    },
    {
        "name": "a batch of 32",
        "asked": "the same, 32 samples.",
        "state": {"width": 2, "rows": 512, "batch": 5, "bits": 4, "maps": 0, "again": 0},
    },
    {
        "name": "narrow and large",
        "asked": "80 channels, 1024x768, one sample, attention with explicit maps.",
        "state": {"width": 0, "rows": 1024, "batch": 0, "bits": 4, "maps": 1, "again": 0},
    },
    {
        "name": "with blocks computed again",
        "asked": "320 channels, 1024x768, 4 samples, 16 bits, blocks computed again.",
        "state": {"width": 2, "rows": 1024, "batch": 2, "bits": 2, "maps": 0, "again": 1},
    },
)
"""Settings that readers guess about."""


def laws(small: Counted, large: Counted) -> dict[str, Law]:
    """How the counts of one network grow with tokens, from two sizes of picture.

    Book: sec-scaling-law.
    """
    n, m = small.tokens, large.tokens
    rest = [found.flop.total - found.flop.attention for found in (small, large)]
    return {
        "attention": Law.through((n, small.flop.attention), (m, large.flop.attention), powers=(1, 2)),
        "rest": Law.through((n, rest[0]), (m, rest[1]), powers=(0, 1)),
        "kept": Law.through((n, small.kept), (m, large.kept), powers=(0, 1)),
        "maps": Law.through((n, small.kept_maps), (m, large.kept_maps), powers=(1, 2)),
        "recomputed": Law.through((n, small.kept_recomputed), (m, large.kept_recomputed), powers=(0, 1)),
    }


class CostExplorer(ElementFigure):
    """Guess which part of a setting's memory is largest, then change the setting.

    Without scripts a table tells the settings' memory.

    Args:
        counts: by number of channels, the same network at two sizes of picture.
        caption: what the figure shows.

    Raises:
        ValueError: for other than three widths, or a figure over the budget.

    Book: sec-explorer-costs.
    """

    script = Path(__file__).with_name("costs.js")
    _parts = ("rows.js",)

    def __init__(self, counts: Mapping[int, tuple[Counted, Counted]], *, caption: str = "") -> None:
        if len(counts) != 3:
            raise ValueError(f"counts are of {len(counts)} widths: expected 3, narrowest first")
        self.widths = list(counts)
        found = {width: laws(*pair) for width, pair in counts.items()}
        self.laws: list[dict[str, Any]] = [
            {"parameters": counts[width][0].parameters, **{name: list(law) for name, law in found[width].items()}}
            for width in self.widths
        ]
        data = {"widths": self.widths, "laws": self.laws, "scenes": SCENES}
        rows = [[scene["name"], *(f"{part / 1e9:.1f}" for part in self.memory(**scene["state"]))] for scene in SCENES]
        shown = table("Memory of a training step, in GB.", ["", *PARTS], rows)
        self.markup = element("vton-costs", data, shown, caption)
        self.within(BUDGET, "give fewer widths")

    def memory(self, *, width: int, rows: int, batch: int, bits: int, maps: int, again: int) -> tuple[float, ...]:
        """Bytes of the four parts, as the page computes them."""
        chosen = self.laws[width]
        kept = Law(*chosen["recomputed" if again else "maps" if maps else "kept"]).at((rows // 8) * (rows * 3 // 32))
        found = training_memory(int(chosen["parameters"]), 0, round(kept * bits / FLOAT), batch_size=2**batch)
        return tuple(map(float, found))

    def __repr__(self) -> str:
        return f"CostExplorer({len(self.widths)} widths, {len(SCENES)} settings)"


def ladder_figure(names: Sequence[str], rows: Mapping[str, Sequence[float]], logs: Sequence[str] = ()) -> Figure:
    """Horizontal bars, a panel for each quantity, a bar for each rung; those in ``logs`` on a logarithmic axis.

    Book: sec-ladder.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(rows), figsize=(2.3 * len(rows) + 2, 0.27 * len(names) + 0.7), sharey=True, layout="constrained"
        )
    plt.close(figure)
    places = range(len(names))
    for axis, (title, values), colour in zip(axes, rows.items(), PALETTE, strict=False):
        axis.barh(places, values, color=colour, height=0.7)
        axis.set_title(title, fontsize=9)
        if title in logs:
            axis.set_xscale("log")
    axes[0].set_yticks(places, [f"{number}  {name}" for number, name in enumerate(names)], fontsize=8)
    axes[0].invert_yaxis()
    return figure
