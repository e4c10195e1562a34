"""Diagrams: boxes, arrows and words as SVG, drawn by hand on a grid of pixels.

A diagram brings its own light ground: notebooks and pages show SVG as a picture, which knows nothing of the page's
colours, so that lines in the page's colour would vanish on dark pages.

    d = Diagram(400, 80, alt="x is normalized, then modulated to y.")
    x, norm, y = d.row(40, ("x", "norm", "y"), kinds=("data", "norm", "data"))
    d.arrow(x, norm)
    d.arrow(norm, y)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any, Literal, NamedTuple

from vtonlib.viz.notebook import DATA_MIME, digest

Point = tuple[float, float]
Kind = Literal["data", "label", "conv", "norm", "operation", "mask", "plain", "chosen"]
FILLS: dict[Kind, str] = {
    "data": "#dcebfa",
    "label": "#fbe3cf",
    "conv": "#dff1e6",
    "norm": "#efe0f7",
    "operation": "#ffffff",
    "mask": "#fff3bf",
    "plain": "#f9f9f6",
    "chosen": "#6fa8dc",
}
"""Activations and pictures; label maps; convolutions; normalizations; sums and the like; masks; anything else; and,
darker, what a diagram is about."""
GROUND, INK, EDGE = "#f9f9f6", "#1c2733", "#5a6672"
FONT = "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"
SIZE = 13
_SHIFTED = re.compile(r"([_^])(?:\{([^}]*)\}|(\w))")


class Box(NamedTuple):
    """A box by its middle and its sides, in pixels."""

    x: float
    """Of the middle."""
    y: float
    """Of the middle."""
    width: float
    """From side to side."""
    height: float
    """From top to bottom."""

    def edge(self, towards: Point) -> Point:
        """Where a line from the middle to a point leaves the box."""
        dx, dy = towards[0] - self.x, towards[1] - self.y
        half_width, half_height = self.width / 2, self.height / 2
        reach = min(half_width / abs(dx) if dx else float("inf"), half_height / abs(dy) if dy else float("inf"))
        return (self.x, self.y) if reach == float("inf") else (self.x + dx * reach, self.y + dy * reach)


class Diagram:
    """Boxes, arrows and words. x grows to the right and y downwards, in pixels; later things lie above earlier ones.

    In texts ``\\n`` breaks the line, ``S_{div}`` and ``x^2`` set indices and exponents.

    Args:
        width: of the whole diagram.
        height: of the whole diagram.
        alt: what is to be seen, for readers who cannot see it.

    Raises:
        ValueError: without an alternative text.

    Book: sec-how-to-use.
    """

    def __init__(self, width: float, height: float, *, alt: str) -> None:
        if not alt.strip():
            raise ValueError("a diagram needs an alternative text: it says what there is to be seen")
        self.width, self.height, self.alt = width, height, alt.strip()
        self._parts: list[str] = []
        self._places: list[float] = []

    def box(
        self,
        x: float,
        y: float,
        text: str = "",
        *,
        width: float = 90,
        height: float = 34,
        kind: Kind = "plain",
        round: float = 6,
        size: float = SIZE,
    ) -> Box:
        """A box around (x, y) with a text; ``round`` is the radius of its corners."""
        box = Box(x, y, width, height)
        left, top = x - width / 2, y - height / 2
        self._add(
            f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="{round:g}" '
            f'fill="{FILLS[kind]}" stroke="{EDGE}" stroke-width="1.2"/>',
            box,
        )
        if text:
            self.label(x, y, text, size=size)
        return box

    def circle(self, x: float, y: float, text: str = "+", *, radius: float = 12) -> Box:
        """A small operation: a sum, a product."""
        return self.box(x, y, text, width=2 * radius, height=2 * radius, kind="operation", round=radius)

    def row(
        self,
        y: float,
        texts: Sequence[str],
        *,
        kinds: Sequence[Kind] = (),
        width: float = 90,
        height: float = 34,
        margin: float = 10,
    ) -> list[Box]:
        """Boxes side by side at the same height, evenly over the whole width."""
        first, last = margin + width / 2, self.width - margin - width / 2
        step = (last - first) / max(len(texts) - 1, 1)
        plain: list[Kind] = ["plain"] * len(texts)
        named = zip(texts, kinds or plain, strict=True)
        return [
            self.box(first + i * step, y, text, width=width, height=height, kind=kind)
            for i, (text, kind) in enumerate(named)
        ]

    def arrow(
        self, start: Box | Point, end: Box | Point, *, via: Sequence[Point] = (), text: str = "", dashed: bool = False
    ) -> None:
        """An arrow from box or point to box or point, through the points ``via``; its text stands above the middle."""
        first, last = (via[0], via[-1]) if via else (_middle(end), _middle(start))
        begin = start.edge(first) if isinstance(start, Box) else start
        stop = end.edge(last) if isinstance(end, Box) else end
        points = [begin, *via, stop]
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        line = f'<path d="{path}" fill="none" stroke="{EDGE}" stroke-width="1.4"{dash} marker-end="url(#tip)"/>'
        self._add(line, [value for point in points for value in point])
        if text:
            half = len(points) // 2
            (x0, y0), (x1, y1) = points[half - 1], points[half]
            self.label((x0 + x1) / 2, (y0 + y1) / 2 - 9, text, size=SIZE - 2)

    def line(self, points: Sequence[Point], *, closed: bool = False, kind: Kind | None = None) -> None:
        """A line through points, or the outline of an area, filled as boxes of ``kind`` are."""
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points) + ("Z" if closed else "")
        fill = FILLS[kind] if kind else "none"
        style = f'fill="{fill}" stroke="{EDGE}" stroke-width="1" stroke-linejoin="round"'
        self._add(f'<path d="{path}" {style}/>', [value for point in points for value in point])

    def label(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = SIZE,
        anchor: Literal["start", "middle", "end"] = "middle",
        bold: bool = False,
    ) -> None:
        """Words around (x, y), or from there on."""
        lines = text.split("\n")
        top = y - (len(lines) - 1) * size * 0.6 + size * 0.35
        weight = ' font-weight="600"' if bold else ""
        for number, line in enumerate(lines):
            self._add(
                f'<text x="{x:g}" y="{top + number * size * 1.2:g}" font-size="{size:g}" text-anchor="{anchor}"'
                f"{weight}>{_shifted(line)}</text>",
                (x, y),
            )

    def svg(self) -> str:
        """The picture's source."""
        tip = (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            f'orient="auto"><path d="M0 0L8 4L0 8Z" fill="{EDGE}"/></marker></defs>'
        )
        size = f'width="{self.width:g}" height="{self.height:g}" viewBox="0 0 {self.width:g} {self.height:g}"'
        ground = f'<rect width="100%" height="100%" rx="8" fill="{GROUND}"/>'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{FONT}" fill="{INK}">'
        return "\n".join((head, f"<title>{escape(self.alt)}</title>", tip, ground, *self._parts, "</svg>"))

    def __repr__(self) -> str:
        return f"figure: {self.alt}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        arrays = {"places": digest(self._places)}
        data = {"alt": self.alt, "width": round(self.width), "tolerance": 0.01, "arrays": arrays}
        return {"image/svg+xml": self.svg(), "text/plain": repr(self), DATA_MIME: data}

    def _add(self, part: str, places: Sequence[float]) -> None:
        self._parts.append(part)
        self._places += [float(value) for value in places]


def residual_chain(d: Diagram, norm: str, told: str) -> None:
    """SPADE's residual block, across the uppermost 150 of 700 pixels: norm, leaky ReLU and convolution, twice, beside
    a shortcut.

    Args:
        d: what it is drawn into.
        norm: the normalization's name.
        told: what it is told.

    Book: sec-conditional-normalization.
    """
    x = d.box(35, 60, "x", width=40, kind="data")
    chain = [x]
    for place, (text, kind) in enumerate(((norm, "norm"), ("LReLU", "plain"), ("conv 3\u00d73", "conv")) * 2):
        chain.append(d.box(118 + 90 * place, 60, text, width=76, kind=kind))  # type: ignore[arg-type]
    add = d.circle(652, 60)
    for one, other in zip(chain, [*chain[1:], add], strict=True):
        d.arrow(one, other)
    d.arrow(add, (692, 60))
    short = [d.box(208, 118, norm, width=76, kind="norm"), d.box(388, 118, "conv 1\u00d71", width=76, kind="conv")]
    d.arrow(x, short[0], via=[(35, 118)])
    d.arrow(*short)
    d.arrow(short[1], add, via=[(652, 118)])
    d.label(556, 130, "only where the channels change; else x itself", size=11)
    for place in (118, 388):
        d.label(place, 14, told, size=12)
        d.arrow((place, 25), (place, 43))


def _middle(place: Box | Point) -> Point:
    return place[0], place[1]


def _shifted(text: str) -> str:
    """SVG of a text: what follows _ or ^ is small and set lower or higher."""
    parts, back = [], ""
    position = 0
    for match in _SHIFTED.finditer(text):
        before = escape(text[position : match.start()])
        parts.append(f'<tspan dy="{back}">{before}</tspan>' if back and before else before)
        shift = "0.3em" if match[1] == "_" else "-0.35em"
        parts.append(f'<tspan dy="{shift}" font-size="75%">{escape(match[2] or match[3])}</tspan>')
        back = "-0.22em" if match[1] == "_" else "0.26em"
        position = match.end()
    after = escape(text[position:])
    parts.append(f'<tspan dy="{back}">{after}</tspan>' if back and after else after)
    return "".join(parts)
