"""Figures of augmentation: pairs of person and garment with their matches, and matrices of who looks where.

Book: sec-augmentation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.viz.figures import NEUTRAL, _join, _picture, _pixels, _subplots, spread_points


def moved_pairs(pairs: Mapping[str, TryOnBatch], *, points: int = 5, width: float = 1.15) -> Figure:
    """Person and garment side by side for each batch of one example, with lines along its true flow.

    Raises:
        ValueError: for a batch of several examples.
    """
    if several := [name for name, batch in pairs.items() if len(batch) != 1]:
        raise ValueError(f"{several[0]} holds several examples: expected one")
    height, across = next(iter(pairs.values())).size
    count = len(pairs)
    figure, axes = _subplots(1, 2 * count, 2 * width * count, width * height / across + 0.3)
    for number, (name, batch) in enumerate(pairs.items()):
        person, garment = axes[0, 2 * number], axes[0, 2 * number + 1]
        _picture(person, _pixels(batch.person[0]), name)
        _picture(garment, _pixels(batch.garment[0]))
        chosen = spread_points(batch.flow_mask[0], points)
        for picture in (person, garment):  # frames, since a garment's ground is as white as a page
            frame = Rectangle((0, 0), 1, 1, transform=picture.transAxes, fill=False, color=NEUTRAL, linewidth=0.6)
            picture.add_patch(frame)
        _join(person, garment, chosen, batch.flow[0], (batch.garment.shape[-2], batch.garment.shape[-1]))
    return figure


def part_figure(matrices: Mapping[str, Float[Tensor, "r g"]], rows: Sequence[str], columns: Sequence[str]) -> Figure:
    """Shares of attention as shaded cells, one matrix beside the other, all on the scale from 0 to 1; in per cent.

    Rows are parts of the person, columns parts of the garment. Rows of NaN are left empty.
    """
    figure, axes = _subplots(1, len(matrices), 2.9 * len(matrices) + 0.5, 3.4)
    for number, (name, matrix) in enumerate(matrices.items()):
        one = axes[0, number]
        one.imshow(matrix.nan_to_num(0).numpy(), cmap="Blues", vmin=0, vmax=1.3, aspect="auto")
        for i, j in torch.cartesian_prod(*(torch.arange(n) for n in matrix.shape)).tolist():
            if matrix[i, j] >= 0.005:
                one.text(j, i, f"{100 * matrix[i, j]:.0f}", ha="center", va="center", color="#111111", fontsize=6)
        one.set_xticks(range(len(columns)), columns, rotation=90, fontsize=7)
        one.set_yticks(range(len(rows)), rows if number == 0 else [""] * len(rows), fontsize=7)
        one.tick_params(length=0)
        one.set_title(name)
    return figure
