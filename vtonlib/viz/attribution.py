"""Where weight lies on pictures: places asked for, and what is attributed to them.

Book: sec-image-attribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from vtonlib.viz.figures import PALETTE, _pixels, _subplots
from vtonlib.viz.maps import HEAT


class Panel(NamedTuple):
    """One picture, the weight on it, and the place that is meant."""

    title: str
    """Above the picture, in the first row."""
    picture: Float[Tensor, "3 h w"]
    """In [-1, 1]."""
    weights: Float[Tensor, "gh gw"] | None = None
    """Drawn over it, the stronger the more opaque, on its own scale."""
    place: Float[Tensor, " 2"] | None = None
    """(x, y) in [-1, 1], drawn as a ring."""


def attribution_figure(rows: Sequence[Sequence[Panel]], *, width: float = 1.5) -> Figure:
    """Panels in rows, with the titles of the first row.

    Raises:
        ValueError: for no panel, or rows of several lengths.

    Book: sec-image-attribution.
    """
    if not rows or len({len(row) for row in rows}) != 1 or not rows[0]:
        raise ValueError(f"expected rows of equally many panels, found {[len(row) for row in rows]}")
    height, wide = rows[0][0].picture.shape[-2:]
    count = len(rows[0])
    figure, axes = _subplots(len(rows), count, width * count, (width * height / wide + 0.15) * len(rows) + 0.2)
    for number, (line, row) in enumerate(zip(axes, rows, strict=True)):
        for one, panel in zip(line, row, strict=True):
            one.imshow(_pixels(panel.picture), extent=(0, wide, height, 0), interpolation="nearest")
            if panel.weights is not None:
                share = (panel.weights / panel.weights.amax().clamp_min(1e-12)).sqrt()[..., None].cpu()
                heat = torch.cat((torch.tensor(HEAT).expand(*share.shape[:2], 3), 0.85 * share), -1)
                one.imshow(heat.numpy(), extent=(0, wide, height, 0), interpolation="nearest")
            if panel.place is not None:
                x, y = ((panel.place + 1) / 2 * torch.tensor([wide - 1, height - 1]) + 0.5).tolist()
                one.plot(x, y, "o", markersize=11, markeredgewidth=2.2, fillstyle="none", color=PALETTE[0])
            one.set(xticks=[], yticks=[])
            if number == 0:
                one.set_title(panel.title)
    return figure
