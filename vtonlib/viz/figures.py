"""Figures: functions that return a matplotlib ``Figure`` and never show it.

Backgrounds are transparent and text is a neutral grey, so that a figure reads on light and on dark pages; the colours
are told apart by colour-blind readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch
from torch import Tensor

from vtonlib.disk import whole_file
from vtonlib.grids import coordinate_grid, resize_flow
from vtonlib.training.log import read_log

NEUTRAL = "#808080"
"""Readable on white (3.9:1) and on #14181e (4.5:1)."""
PALETTE = ("#1f83d6", "#e66100", "#2a9d5c", "#b05fd0")
STYLE: dict[Any, Any] = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "text.color": NEUTRAL,
    "axes.labelcolor": NEUTRAL,
    "axes.titlecolor": NEUTRAL,
    "axes.edgecolor": NEUTRAL,
    "xtick.color": NEUTRAL,
    "ytick.color": NEUTRAL,
    "grid.color": NEUTRAL,
    "legend.framealpha": 0.0,
    "axes.prop_cycle": plt.cycler(color=PALETTE),
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "figure.dpi": 100,
}
CORNERS = ((0.62, 0.80, 1.00), (1.00, 0.82, 0.55), (0.02, 0.16, 0.42), (0.50, 0.18, 0.00))
"""Colours of the garment's corners (upper left, upper right, lower left, lower right): hue tells left (blue) from
right (orange), lightness tells up from down."""


def use_book_style() -> None:
    """The book's matplotlib style for all figures that follow: transparent, neutral greys, four readable colours."""
    plt.rcParams.update(STYLE)


def _subplots(rows: int, columns: int, width: float, height: float) -> tuple[Figure, np.ndarray]:
    """Axes without ticks, in the book's style. The figure is taken from pyplot's list, so nothing shows it twice."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained")
    plt.close(figure)
    return figure, axes


def _pixels(image: Float[Tensor, "3 h w"]) -> np.ndarray:
    """An image in [-1, 1] as matplotlib wants it."""
    return ((image.detach().float().cpu().clamp(-1, 1) + 1) / 2).movedim(0, -1).numpy()


def _picture(axes: Axes, pixels: np.ndarray, title: str = "") -> None:
    axes.imshow(pixels, interpolation="nearest")
    axes.set_axis_off()
    if title:
        axes.set_title(title)


def picture_grid(columns: Mapping[str, Float[Tensor, "n c h w"]], *, scale: float = 1.0) -> Figure:
    """Pictures side by side: one column per name, one row per sample.

    Images ``[n 3 h w]`` in [-1, 1]; masks ``[n 1 h w]`` in [0, 1] are drawn in grey. ``scale`` enlarges the figure.

    Raises:
        ValueError: if there is no column, or the columns do not hold equally many pictures.
    """
    counts = {name: len(images) for name, images in columns.items()}
    if not columns or len(set(counts.values())) != 1 or not next(iter(counts.values())):
        raise ValueError(f"expected one or more columns of equally many pictures, found {counts or 'none'}")
    n = next(iter(counts.values()))
    height, width = next(iter(columns.values())).shape[-2:]
    size = 1.2 * scale
    figure, axes = _subplots(n, len(columns), size * len(columns), size * n * height / width + 0.25)
    for j, (name, images) in enumerate(columns.items()):
        for i, image in enumerate(images):
            shown = image if len(image) == 3 else image.expand(3, -1, -1) * 2 - 1
            _picture(axes[i, j], _pixels(shown), name if i == 0 else "")
    return figure


def place_colours(flow: Float[Tensor, "*shape 2"]) -> Float[Tensor, "*shape 3"]:
    """A colour in [0, 1] for each place (x, y) in the garment, interpolated between :data:`CORNERS`."""
    corners = torch.tensor(CORNERS, dtype=flow.dtype, device=flow.device)
    x, y = ((flow.clamp(-1, 1) + 1) / 2).split(1, dim=-1)
    upper, lower = torch.lerp(corners[0], corners[1], x), torch.lerp(corners[2], corners[3], x)
    return torch.lerp(upper, lower, y)


def _painted(
    image: Float[Tensor, "3 h w"], flow: Float[Tensor, "h w 2"], mask: Float[Tensor, "1 h w"]
) -> Float[Tensor, "3 h w"]:
    """The image in pale grey, with the colour of each place of ``flow`` laid over the mask."""
    pale = image.mean(0, keepdim=True).expand_as(image) * 0.3 + 0.6
    return torch.lerp(pale, place_colours(flow).movedim(-1, 0) * 2 - 1, mask.to(image.dtype))


def spread_points(mask: Float[Tensor, "1 h w"], count: int) -> Int[Tensor, "m 2"]:
    """Up to ``count`` pixels (column, row) inside a mask, far from one another, the same every time.

    Farthest-point sampling from the pixel nearest to the mask's middle; an empty mask has none.
    """
    inside = (mask[0] > 0.5).nonzero().flip(1)
    if len(inside) == 0:
        return inside
    places = inside.float()
    chosen = [int((places - places.mean(0)).norm(dim=1).argmin())]
    while len(chosen) < min(count, len(inside)):
        chosen.append(int(torch.cdist(places, places[chosen]).amin(1).argmax()))
    return inside[chosen]


def _join(
    person: Axes, garment: Axes, points: Int[Tensor, "m 2"], flow: Float[Tensor, "h w 2"], size: tuple[int, int]
) -> None:
    """Lines from person pixels to their places in the garment, which is ``size`` (height, width) pixels large."""
    steps = torch.tensor([(size[1] - 1) / 2, (size[0] - 1) / 2])
    for k, (column, row) in enumerate(points.tolist()):
        x, y = ((flow[row, column].cpu().float() + 1) * steps).tolist()
        colour = PALETTE[k % len(PALETTE)]
        line = ConnectionPatch(
            xyA=(column, row), xyB=(x, y), coordsA="data", coordsB="data", axesA=person, axesB=garment,
            color=colour, linewidth=0.8, alpha=0.9, arrowstyle="-|>", shrinkA=0, shrinkB=0, mutation_scale=6,
        )  # fmt: skip
        person.figure.add_artist(line)
        person.plot(column, row, "o", color=colour, markersize=3)


def correspondence_picture(
    person: Float[Tensor, "3 h w"],
    garment: Float[Tensor, "3 h w"],
    flow: Float[Tensor, "hq wq 2"],
    mask: Float[Tensor, "1 h w"],
    target: Float[Tensor, "h w 2"] | None = None,
    *,
    points: int = 8,
) -> Figure:
    """Where each pixel of the person comes from: the garment's places as colours, carried to the person by the flow.

    Left the person coloured through ``flow`` (on any lattice) inside ``mask``, in the middle the garment with its
    colours, right, where ``target`` is given, the person coloured through the truth. A good flow makes left and right
    alike. Arrows lead from some pixels to their place in the garment.

    Raises:
        ValueError: if an argument has a batch axis or another lattice than the person.
    """
    height, width = person.shape[-2:]
    expected = {"person": (3, height, width), "mask": (1, height, width), "target": (height, width, 2)}
    for name, value in (("person", person), ("mask", mask), ("target", target)):
        if value is not None and value.shape != expected[name]:
            raise ValueError(f"{name} is {tuple(value.shape)}, expected {expected[name]}: one sample, no batch axis")
    whole = resize_flow(flow[None], height, width)[0]
    size = garment.shape[-2], garment.shape[-1]
    titles = ("through the flow", "garment") + (() if target is None else ("truth",))
    figure, (axes,) = _subplots(1, len(titles), 2.4 * len(titles), 2.4 * height / width + 0.25)
    identity = coordinate_grid(*size, dtype=garment.dtype, device=garment.device)
    inside = ((garment - 1).abs().amax(0, keepdim=True) > 0.02).to(garment.dtype)  # the flat garment lies on white
    _picture(axes[1], _pixels(_painted(garment, identity, inside)), titles[1])
    chosen = spread_points(mask, points)
    for panel, field in ((0, whole), (2, target)):
        if field is not None:
            _picture(axes[panel], _pixels(_painted(person, field, mask)), titles[panel])
            _join(axes[panel], axes[1], chosen, field, size)
    return figure


def save_figure(path: Path | str, figure: Figure, *, dpi: int = 150) -> None:
    """Write a figure as PNG on a white ground. An interrupted write leaves what was there before."""
    with whole_file(Path(path)) as temporary:
        figure.savefig(temporary, format="png", dpi=dpi, facecolor="white")


def loss_curve(log: Path | str, *, smooth: int = 20) -> Figure:
    """The loss of each phase against the step, on a logarithmic axis: every value faint, their running mean strong.

    ``log`` is the ``log.jsonl`` of a run.

    Raises:
        ValueError: if the log holds no loss.
    """
    curves: dict[str, list[tuple[int, float]]] = {}
    for record in read_log(log):
        if "loss" in record:
            curves.setdefault(record.get("phase", "loss"), []).append((record["step"], record["loss"]))
    if not curves:
        raise ValueError(f"{log}: no loss was logged yet")
    figure, ((axes,),) = _subplots(1, 1, 5.0, 2.8)
    for colour, (phase, values) in zip(PALETTE * len(curves), curves.items(), strict=False):
        steps, losses = np.array(values).T
        window = min(smooth, len(losses))
        mean = np.convolve(losses, np.ones(window) / window, mode="valid")
        axes.plot(steps, losses, color=colour, alpha=0.25, linewidth=0.8)
        axes.plot(steps[window - 1 :], mean, color=colour, linewidth=1.5, label=phase)
    if all(loss > 0 for values in curves.values() for _, loss in values):
        axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    if len(curves) > 1:
        with plt.rc_context(STYLE):
            axes.legend()
    return figure
