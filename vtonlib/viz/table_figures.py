"""Figures of a table of methods: readings with their intervals, one reading against another, and what a street costs.

Book: sec-comparison.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from vtonlib.evaluation.bootstrap import Interval
from vtonlib.viz.figures import NEUTRAL, PALETTE, _subplots

Readings = Mapping[str, Mapping[str, Interval]]
"""By the reading's title, and then by method."""


def interval_plot(readings: Readings, marked: Sequence[str] = (), *, width: float = 7.4) -> Figure:
    """A column for each reading, a row for each method: the mean as a dot, its interval as a line.

    Methods in ``marked`` (bounds, what needs no training) are drawn hollow.

    Raises:
        ValueError: for no readings, or readings of other methods.

    Book: sec-comparison.
    """
    methods = list(next(iter(readings.values()), {}))
    if not methods or any(list(found) != methods for found in readings.values()):
        raise ValueError("expected readings of the same methods, in one order, and at least one of each")
    figure, axes = _subplots(1, len(readings), width, 0.24 * len(methods) + 0.7)
    for column, (title, found) in enumerate(readings.items()):
        one = axes[0, column]
        for row, (name, interval) in enumerate(found.items()):
            hollow = name in marked
            one.plot([interval.low, interval.high], [row, row], color=PALETTE[0], linewidth=1.6, alpha=0.7)
            fill = "none" if hollow else PALETTE[0]
            one.plot(interval.mean, row, "o", markersize=4.5, markerfacecolor=fill, markeredgecolor=PALETTE[0])
        one.set(title=title, ylim=(len(methods) - 0.4, -0.6))
        one.set_yticks(range(len(methods)), methods if column == 0 else [""] * len(methods))
        one.grid(axis="y", linewidth=0.4, alpha=0.5)
        one.tick_params(length=0)
    return figure


def scatter_of_methods(
    x: Mapping[str, float],
    y: Mapping[str, float],
    titles: tuple[str, str],
    marked: Sequence[str] = (),
    *,
    floor: float = -math.inf,
) -> Figure:
    """Two readings of every method against each other, each point with its name.

    What lies below ``floor`` is an arrow at the bottom, whose name tells how far down it lies.

    Raises:
        ValueError: where the readings are of other methods.

    Book: sec-comparison.
    """
    if list(x) != list(y):
        raise ValueError("expected two readings of the same methods, in one order")
    figure, axes = _subplots(1, 1, 6.4, 3.9)
    one = axes[0, 0]
    placed = {name: max(value, floor) for name, value in y.items()}
    for name in x:
        fill, shape = "none" if name in marked else PALETTE[0], "v" if y[name] < floor else "o"
        one.plot(x[name], placed[name], shape, markersize=5, markerfacecolor=fill, markeredgecolor=PALETTE[0])
    one.set(xlabel=titles[0], ylabel=titles[1])
    one.margins(0.25, 0.12)
    figure.draw_without_rendering()
    at = one.transData.transform([(x[name], placed[name]) for name in x])
    taken = [Bbox.from_extents(*(centre - 5), *(centre + 5)) for centre in at]
    for name in sorted(x, key=lambda name: y[name]):
        text = f"{name}: {y[name]:.2f}" if y[name] < floor else name
        taken.append(_label(one, text, (x[name], placed[name]), taken))
    return figure


def _label(axes: Axes, name: str, at: tuple[float, float], taken: Sequence[Bbox]) -> Bbox:
    """Write a name beside a point, on the first side where no other name or point stands; where it stands then."""
    for right, up in ((True, 2), (False, 2), (True, -9), (False, -9), (True, 11), (False, 11)):
        offset, side = (5 if right else -5, up), "left" if right else "right"
        text = axes.annotate(name, at, offset, textcoords="offset points", ha=side, fontsize=7.5, color=NEUTRAL)
        box = text.get_window_extent()
        inside = axes.bbox.containsx(box.x0) and axes.bbox.containsx(box.x1)
        if inside and not any(box.overlaps(other) for other in taken):
            return box
        text.remove()
    axes.annotate(name, at, (5, 2), textcoords="offset points", fontsize=7.5, color=NEUTRAL)
    return box


def growth_plot(home: Mapping[str, Interval], away: Mapping[str, Interval], titles: tuple[str, str]) -> Figure:
    """For each method a line from the reading at one place to that at another, with both intervals.

    Raises:
        ValueError: where the readings are of other methods.

    Book: sec-comparison.
    """
    if list(home) != list(away):
        raise ValueError("expected two readings of the same methods, in one order")
    figure, axes = _subplots(1, 1, 6.4, 0.3 * len(home) + 0.8)
    one = axes[0, 0]
    for row, name in enumerate(home):
        one.plot([home[name].mean, away[name].mean], [row, row], color=NEUTRAL, linewidth=1, alpha=0.6)
        for found, colour, shape in ((home[name], PALETTE[0], "o"), (away[name], PALETTE[1], "s")):
            one.plot([found.low, found.high], [row, row], color=colour, linewidth=2.2, alpha=0.6)
            one.plot(found.mean, row, shape, color=colour, markersize=4.5, label="_")
    for title, colour, shape in zip(titles, PALETTE, "os", strict=False):
        one.plot([], [], shape, color=colour, label=title)
    one.set_yticks(range(len(home)), list(home))
    one.set_ylim(len(home) - 0.5, -0.5)
    one.tick_params(length=0)
    one.legend(loc="best")
    return figure
