"""Tables as figures: numbers in shaded cells, and pictures or signed maps in a grid with a name for each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from vtonlib.viz.figures import STYLE, _pixels, _subplots


def number_table(
    table: Float[Tensor, "r c"],
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    *,
    size: tuple[float, float] = (5.6, 3.0),
) -> Figure:
    """Numbers with two places in cells, the darker the larger; negative ones count as 0 for the shade.

    Raises:
        ValueError: where there are not as many names as rows or columns.
    """
    if table.shape != (len(rows), len(columns)):
        raise ValueError(f"table is {tuple(table.shape)}: expected {(len(rows), len(columns))}, as there are names")
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=size, layout="constrained")
    plt.close(figure)
    most = min(2 * float(table.max()), 3.5)
    axes.imshow(table.clamp_min(0).numpy(), cmap="Blues", vmin=0, vmax=most, aspect="auto")
    for i in range(len(rows)):
        for j in range(len(columns)):
            number = f"{table[i, j]:.2f}".replace("-0.00", "0.00")
            axes.text(j, i, number, ha="center", va="center", color="#111111")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_title(title)
    axes.tick_params(length=0)
    return figure


def map_grid(
    rows: Mapping[str, Float[Tensor, "n h w"] | Float[Tensor, "n 3 h w"]],
    titles: Sequence[str] = (),
    *,
    scale: float = 1.0,
) -> Figure:
    """One row of pictures for each name: images in [-1, 1], or maps of signed numbers, from orange to purple.

    A row of maps has one scale, of at least half a unit, so that maps of nothing look like nothing.

    Raises:
        ValueError: if there is no row, or rows and titles are not equally long.
    """
    counts = {len(row) for row in rows.values()} | ({len(titles)} if titles else set())
    if len(counts) != 1:
        raise ValueError(f"expected rows and titles of one length, found {sorted(counts) or 'none'}")
    (count,) = counts
    height, width = next(iter(rows.values())).shape[-2:]
    size = 1.45 * scale
    figure, axes = _subplots(len(rows), count, size * count + 0.3, (size * height / width) * len(rows) + 0.3)
    for i, (name, row) in enumerate(rows.items()):
        most = max(float(row.abs().max()), 0.5)
        for j, picture in enumerate(row):
            if picture.ndim == 3:
                axes[i, j].imshow(_pixels(picture), interpolation="nearest")
            else:
                axes[i, j].imshow(picture.detach().numpy(), cmap="PuOr", vmin=-most, vmax=most, interpolation="nearest")
            axes[i, j].set(xticks=[], yticks=[])
        axes[i, 0].set_ylabel(name)
    for place, title in enumerate(titles):
        axes[0, place].set_title(title)
    return figure
