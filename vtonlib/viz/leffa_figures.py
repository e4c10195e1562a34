"""Figures on Leffa: what a map fetches inside a region, and how much a pull on a place knows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from vtonlib.viz.figures import NEUTRAL, PALETTE, STYLE, _subplots, plt


def inside_region(
    images: Float[Tensor, "b 3 h w"], region: Float[Tensor, "b 1 h w"], *, ground: float = 0.55
) -> Float[Tensor, "b 3 h w"]:
    """Pictures in [-1, 1] inside a region, and a pale grey outside. Book: sec-leffa."""
    return torch.where(region > 0.5, images, torch.full_like(images, ground))


def pull_plot(distances: Sequence[float], shares: Float[Tensor, "d 3"]) -> Figure:
    """Of the pixels that are a distance beside the truth, the shares that are pulled nearer, farther, and nowhere.

    Args:
        distances: in pixels.
        shares: for each distance; each row sums to 1.

    Raises:
        ValueError: where there are not as many rows as distances.

    Book: sec-one-pixel.
    """
    if len(shares) != len(distances):
        raise ValueError(f"shares has {len(shares)} rows: expected {len(distances)}, one for each distance")
    figure, ((axes,),) = _subplots(1, 1, 5.2, 2.7)
    with plt.rc_context(STYLE):
        columns = zip(shares.T, (PALETTE[2], PALETTE[1], NEUTRAL), ("nearer", "farther", "no pull"), strict=True)
        for (column, colour, label), mark in zip(columns, ("o-", "s--", "^:"), strict=True):
            axes.plot(distances, column, mark, color=colour, label=label)
        axes.set(xscale="log", xlabel="distance from the truth (pixels)", ylabel="share of the pixels", ylim=(0, None))
        axes.set_xticks(list(distances), [f"{distance:g}" for distance in distances])
        axes.minorticks_off()
        axes.legend()
    return figure
