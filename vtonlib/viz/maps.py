"""Figures about maps and errors: where a patch looks, errors of every example, scores as a shaded table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from vtonlib.attention import Grid
from vtonlib.viz.figures import PALETTE, _pixels, _subplots

HEAT = (0.85, 0.0, 0.4)
"""The colour that weights are drawn in, the stronger the more opaque: the picture stays visible beneath."""


class Look(NamedTuple):
    """Where one patch of the person looks: a garment and one row of a map."""

    garment: Float[Tensor, "3 h w"]
    """The picture behind the map, in [-1, 1]."""
    weights: Float[Tensor, " n"]
    """The row of the map: a weight for each key of the lattice."""
    truth: Float[Tensor, " 2"] | None = None
    """The true place (x, y) in [-1, 1], drawn as a blue ring."""
    strongest: bool = False
    """Whether a black ring marks the strongest key."""


def look_picture(
    person: Float[Tensor, "3 h w"], patch: tuple[int, int], looks: Mapping[str, Look], grid: Grid
) -> Figure:
    """The person with one patch (row, column) of the lattice ringed, and beside it every look, by its title.

    Book: sec-cross-attention.
    """
    figure, axes = _subplots(1, len(looks) + 1, 2.3 * (len(looks) + 1), 3.3)
    first, *others = axes[0]
    extent = (0, grid.width, grid.height, 0)
    first.imshow(_pixels(person), extent=extent, interpolation="nearest")
    _ring(first, patch[1] + 0.5, patch[0] + 0.5, PALETTE[0])
    first.set_title("one patch of the person")
    for one, (title, look) in zip(others, looks.items(), strict=True):
        one.imshow(_pixels(look.garment), extent=extent, interpolation="nearest")
        share = (look.weights / look.weights.amax()).sqrt().unflatten(0, grid)[..., None].cpu()
        heat = torch.cat((torch.tensor(HEAT).expand(*grid, 3), 0.8 * share), -1)
        one.imshow(heat.numpy(), extent=extent, interpolation="nearest")
        if look.truth is not None:
            x, y = ((look.truth + 1) / 2 * torch.tensor([grid.width - 1, grid.height - 1])).tolist()
            _ring(one, x + 0.5, y + 0.5, PALETTE[0])
        if look.strongest:
            row, column = divmod(int(look.weights.argmax()), grid.width)
            _ring(one, column + 0.5, row + 0.5, "black")
        one.set_title(title)
    for one in axes[0]:
        one.set(xticks=[], yticks=[])
    return figure


def _ring(axes: Axes, x: float, y: float, colour: str) -> None:
    axes.plot(x, y, "o", markersize=13, markeredgewidth=2.5, fillstyle="none", color=colour)


def spread_plot(samples: Mapping[str, Float[Tensor, " n"]], label: str) -> Figure:
    """One row of dots for each name, a dot for each example, and a line at the mean; ``label`` names the axis."""
    figure, axes = _subplots(1, 1, 6.4, 0.5 + 0.38 * len(samples))
    one = axes[0, 0]
    for i, values in enumerate(samples.values()):
        one.plot(values, i + np.linspace(-0.25, 0.25, len(values)), "o", color=PALETTE[0], markersize=2.5, alpha=0.6)
        one.plot([values.nanmean()] * 2, [i - 0.35, i + 0.35], color=PALETTE[1], linewidth=2.5)
    one.set_yticks(range(len(samples)), samples)
    one.invert_yaxis()
    one.set_xlabel(label)
    return figure


def score_table(
    table: Float[Tensor, "rows columns"], rows: Sequence[str], columns: Sequence[str], best: Sequence[float]
) -> Figure:
    """Numbers in cells, the darker the further from ``best``, each column on its own scale."""
    off = (table - torch.tensor(best, dtype=table.dtype)).abs()
    figure, axes = _subplots(1, 1, 6.4, 0.8 + 0.3 * len(rows))
    one = axes[0, 0]
    one.imshow((off / off.amax(0)).numpy(), cmap="Blues", vmin=0, vmax=1.8, aspect="auto")
    for i, j in np.ndindex(*table.shape):
        one.text(j, i, f"{table[i, j]:.2f}", ha="center", va="center", color="#111111")
    one.set_xticks(range(len(columns)), columns)
    one.set_yticks(range(len(rows)), rows)
    one.tick_params(length=0)
    return figure
