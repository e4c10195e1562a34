"""Diagrams of zero cross-attention: three ways to connect a branch, and where the nine blocks sit."""

from __future__ import annotations

from collections.abc import Sequence

from vtonlib.viz.diagrams import Box, Diagram


def three_connections() -> Diagram:
    """ControlNet's addition, StableVITON's block with one zero, and with the released two. Book:
    sec-zero-cross-attention-block.
    """
    d = Diagram(
        700,
        330,
        alt="Three ways from painter features x to new features. Feature addition: garment features go through a zero "
        "convolution and are added at the same place. Zero cross-attention: x asks the garment features by attention; "
        "what was read goes through P_out and is added to x; the sum goes through the zero convolution Z and is added "
        "to x again. As released: the same with P_out zero too.",
    )
    _addition(d, 40)
    _block(d, 135, "zero cross-attention, one zero", "P_{out}", zero=False)
    _block(d, 255, "as released, two zeros", "P_{out} = 0", zero=True)
    return d


def _addition(d: Diagram, y: float) -> None:
    d.label(10, y - 24, "feature addition", anchor="start", bold=True)
    x, plus, out = (
        d.box(35, y + 8, "x", width=44, kind="data"),
        d.circle(590, y + 8),
        d.box(660, y + 8, "x'", width=50, kind="data"),
    )
    garment = d.box(215, y + 42, "garment features", width=130, height=28, kind="norm")
    zero = d.box(450, y + 42, "Z = 0", width=80, height=28, kind="chosen")
    d.arrow(x, plus)
    d.arrow(garment, zero, text="same place")
    d.arrow(zero, plus, via=[(590, y + 42)])
    d.arrow(plus, out)


def _block(d: Diagram, y: float, title: str, projection: str, *, zero: bool) -> None:
    d.label(10, y - 12, title, anchor="start", bold=True)
    line, low = y + 18, y + 60
    x = d.box(35, line, "x", width=44, kind="data")
    first, last = d.circle(470, line), d.circle(610, line)
    out = d.box(668, line, "x'", width=44, kind="data")
    asked = d.box(215, low, "self-attention,\nattention to the garment, FF", width=190, height=40, kind="norm")
    p = d.box(390, low, projection, width=80, height=28, kind="chosen" if zero else "conv")
    z = d.box(540, line, "Z = 0", width=64, height=28, kind="chosen")
    d.arrow(x, first)
    d.arrow(x, asked, via=[(35, low)])
    d.arrow(asked, p)
    d.arrow(p, first, via=[(470, low)])
    d.arrow(first, z)
    d.arrow(z, last)
    d.arrow(last, out)
    d.arrow(x, last, via=[(35, y - 1), (610, y - 1)])


def decoder_lattices(blocks: Sequence[tuple[int, int]], plain: Sequence[tuple[int, int]]) -> Diagram:
    """The decoder of a denoiser with its zero cross-attentions, from coarse to fine.

    Args:
        blocks: rows and columns of every block's lattice, in the order in which they are computed.
        plain: those of the decoder's stages that have none, which come before.

    Raises:
        ValueError: without blocks.

    Book: sec-nine-blocks.
    """
    if not blocks:
        raise ValueError("expected the lattice of at least one block, found none")
    stages = [*plain, *blocks]
    step = 680 / len(stages)
    most = max(rows for rows, _ in stages)
    d = Diagram(
        700,
        210,
        alt=f"The decoder's {len(stages)} stages from coarse to fine. The first {len(plain)} have no attention to the "
        f"garment; before each of the other {len(blocks)} a zero cross-attention reads a garment map of the same "
        "lattice: " + ", ".join(f"{rows} by {columns}" for rows, columns in dict.fromkeys(blocks)) + ".",
    )
    before: Box | None = None
    for number, (rows, columns) in enumerate(stages):
        x, height = 10 + step * (number + 0.5), 26 + 64 * rows / most
        stage = d.box(x, 75, f"{rows}\u00d7{columns}", width=step - 12, height=height, kind="conv", size=10.5)
        if before is not None:
            d.arrow(before, stage)
        if number >= len(plain):
            name = str(number - len(plain))
            d.arrow(d.box(x, 165, name, width=min(step - 16, 40), height=30, kind="chosen"), stage)
        before = stage
    d.label(10, 14, "decoder", anchor="start", bold=True)
    d.label(350, 198, "zero cross-attentions, by number", size=11)
    return d
