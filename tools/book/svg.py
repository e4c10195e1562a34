"""Two small plots as SVG, for light and dark pages: ratios on a logarithmic axis, and how figures grow.

Lines and letters take the page's own colour; the two colours that carry meaning are told apart by colour-blind readers,
and shapes say the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

BLUE, ORANGE = "#2a8fd0", "#d55e00"
WIDTH, LABELS, ROW, MARGIN = 720, 300, 22, 26


@dataclass(frozen=True)
class Dots:
    """A row of a plot of ratios: a label, and up to two numbers."""

    label: str
    time: float | None
    memory: float | None


@dataclass(frozen=True)
class Line:
    """A line of a plot of growth: its label, its points, and whether it is ours."""

    label: str
    points: tuple[tuple[float, float], ...]
    ours: bool


def drawing(height: float, said: str, parts: Sequence[str]) -> str:
    """The whole, on one line of HTML."""
    style = "max-width:100%;height:auto;font:13px sans-serif"
    shown = f'viewBox="0 0 {WIDTH} {height:g}" style="{style}" fill="currentColor"'
    return f'<div class="book-plot"><svg role="img" aria-label="{escape(said)}" {shown}>{"".join(parts)}</svg></div>'


def text(x: float, y: float, said: str, anchor: str = "start") -> str:
    """Letters."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, opacity: float = 0.25) -> str:
    """A thin line in the page's colour."""
    points = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {points} stroke="currentColor" stroke-opacity="{opacity}"/>'


def mark(x: float, y: float, shape: str, title: str) -> str:
    """A disc for time, a square for memory; its title is its number."""
    if shape == "disc":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{BLUE}"><title>{escape(title)}</title></circle>'
    square = f'x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9"'
    return f'<rect {square} fill="{ORANGE}"><title>{escape(title)}</title></rect>'


def dots(rows: Sequence[Dots], said: str) -> str:
    """Ratios to a reference: left of the line at 1 is less than it."""
    numbers = [n for row in rows for n in (row.time, row.memory) if n]
    low, high = min([*numbers, 0.5]) / 1.3, max([*numbers, 2.0]) * 1.3

    def place(number: float) -> float:
        return LABELS + (WIDTH - LABELS - MARGIN) * math.log(number / low) / math.log(high / low)

    bottom = MARGIN + ROW * len(rows)
    parts = [mark(LABELS, 12, "disc", "time"), text(LABELS + 10, 16, "time")]
    parts += [mark(LABELS + 70, 12, "square", "memory"), text(LABELS + 80, 16, "memory")]
    for tick in (t for t in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10) if low < t < high):
        parts += [line(place(tick), MARGIN, place(tick), bottom, 0.8 if tick == 1 else 0.25)]
        parts += [text(place(tick), bottom + 16, f"{tick:g}", "middle")]
    for number, row in enumerate(rows):
        y = MARGIN + ROW * (number + 0.5)
        parts.append(text(LABELS - 12, y + 4, row.label, "end"))
        for value, shape in ((row.time, "disc"), (row.memory, "square")):
            parts += [mark(place(value), y, shape, f"{value:.3g}")] if value else []
    return drawing(bottom + 24, said, parts)


def growth(lines: Sequence[Line], said: str, units: tuple[str, str]) -> str:
    """Figures against sizes, both axes logarithmic; each line ends in its label."""
    xs, ys = ([p[axis] for row in lines for p in row.points] for axis in (0, 1))
    left, right, top, bottom = 70, WIDTH - 230, 20, 300

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x = math.log(point[0] / min(xs)) / math.log(max(xs) / min(xs))
        y = math.log(point[1] / min(ys)) / math.log(max(ys) / min(ys))
        return left + (right - left) * x, bottom - (bottom - top) * y

    parts = [line(left, bottom, right, bottom, 0.8), line(left, top, left, bottom, 0.8)]
    parts += [text((left + right) / 2, bottom + 36, units[0], "middle"), text(4, top - 6, units[1])]
    parts += [text(place((x, min(ys)))[0], bottom + 16, f"{x:g}", "middle") for x in sorted(set(xs))]
    for power in range(math.ceil(math.log10(min(ys))), math.floor(math.log10(max(ys))) + 1):
        y = place((min(xs), 10.0**power))[1]
        parts += [line(left, y, right, y), text(left - 6, y + 4, f"{10.0**power:g}", "end")]
    taken: list[float] = []
    for row in lines:
        places = [place(point) for point in row.points]
        colour, dash = (BLUE, "") if row.ours else (ORANGE, ' stroke-dasharray="6 4"')
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        parts += [
            mark(x, y, "disc" if row.ours else "square", f"{p[1]:.3g}")
            for (x, y), p in zip(places, row.points, strict=True)
        ]
        height = places[-1][1] + 4
        while any(abs(height - other) < 14 for other in taken):
            height += 4
        taken.append(height)
        parts.append(text(places[-1][0] + 10, height, row.label))
    return drawing(bottom + 44, said, parts)
