"""The parts of a library, each above all that it imports."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from vtonlib.viz.diagrams import Box, Diagram

ROW, WIDE = 50, 92


def layer_diagram(
    layers: Mapping[str, int],
    imports: Mapping[str, Collection[str]],
    across: Mapping[str, float],
    *,
    width: float = 640,
) -> Diagram:
    """Parts in rows, the least layer at the bottom; an arrow leads from what is imported to who imports it.

    An import is left out of the picture where a longer way of arrows says it already.

    Args:
        layers: the layer of each part.
        imports: what each part imports.
        across: the parts to draw, and where the middle of each stands in its row, from 0 at the left to 1.
        width: of the picture, in pixels.

    Raises:
        ValueError: for a part that does not lie above all that it imports.

    Book: sec-end-to-end.
    """
    drawn = {part: sorted(set(imports.get(part, ())) & across.keys()) for part in across}
    for part, below in drawn.items():
        for other in below:
            if layers[other] >= layers[part]:
                raise ValueError(f"{part} is in layer {layers[part]} and imports {other}, in layer {layers[other]}")
    rows = [[part for part in across if layers[part] == row] for row in sorted({layers[part] for part in across})]
    alt = "; ".join(", ".join(row) for row in rows)
    d = Diagram(width, ROW * len(rows) + 10, alt=f"Boxes in rows, from the bottom: {alt}. All arrows lead upwards.")
    height = {part: d.height - ROW * (number + 0.5) - 5 for number, row in enumerate(rows) for part in row}
    boxes = {part: Box(width * across[part], height[part], WIDE, 32) for part in across}
    for part, below in drawn.items():
        for other in below:
            if not any(other in _below(between, drawn) for between in below):
                d.arrow(boxes[other], boxes[part])
    for part, box in boxes.items():
        d.box(box.x, box.y, part, width=box.width, height=box.height, kind="data")
    return d


def _below(part: str, imports: Mapping[str, Collection[str]]) -> set[str]:
    """All that a part imports, and what that imports."""
    return {deeper for other in imports[part] for deeper in {other, *_below(other, imports)}}
