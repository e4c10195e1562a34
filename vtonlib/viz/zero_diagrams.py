"""Diagrams of zero cross-attention: ways to connect a branch, where the nine blocks sit, what the small models add."""

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


def garment_networks() -> Diagram:
    """Which maps the blocks read: those of an encoder, or those on the way back up of a whole UNet. Book:
    sec-garment-network.
    """
    d = Diagram(
        700,
        240,
        alt="Two networks that read the garment, each with three levels from fine to coarse. In the encoder, maps s0, "
        "s1, s2 follow from one another downwards, and the blocks read s0 and s1. In the whole UNet the way leads down "
        "the same levels and up again, D2, D1, D0, with a skip at every level, and the blocks read what comes out of "
        "D1 and D0.",
    )
    d.label(10, 16, "encoder, as in the paper", anchor="start", bold=True)
    d.label(330, 16, "whole UNet, this book's small models", anchor="start", bold=True)
    widths, rows = (110, 80, 50), (60, 125, 190)
    for left, whole in ((75, False), (400, True)):
        down = [
            d.box(left, y, f"s_{i}", width=w, kind="conv") for i, (y, w) in enumerate(zip(rows, widths, strict=True))
        ]
        up = (
            [
                d.box(left + 135, y, f"D_{i}", width=w, kind="norm")
                for i, (y, w) in enumerate(zip(rows, widths, strict=True))
            ]
            if whole
            else down
        )
        d.arrow(down[0], down[1])
        d.arrow(down[1], down[2])
        if whole:
            d.arrow(up[2], up[1])
            d.arrow(up[1], up[0])
            for a, b in zip(down, up, strict=True):
                d.arrow(a, b)
        for i in (0, 1):
            d.arrow(up[i], d.box(left + (250 if whole else 150), rows[i], f"g_{i}", width=44, kind="chosen"))
    return d


def short_way() -> Diagram:
    """How latents are carried to the output by the attention of a block. Book: sec-short-way."""
    d = Diagram(
        700,
        235,
        alt="Above, the long way: features x enter a block with the attention map A, then the rest of the decoder, "
        "then a sum, and the prediction. Below, the short way: with the same map A the garment's latents C are read "
        "twice, as a soft mean A C and sharp at the places A G; both are mixed, multiplied with a mask m that is "
        "computed from the block's features, and added to what the decoder painted.",
    )
    x, block = d.box(45, 40, "x", width=44, kind="data"), d.box(180, 40, "block, map A", width=110, kind="chosen")
    rest, plus = d.box(360, 40, "rest of the decoder", width=140, kind="conv"), d.circle(555, 40)
    out = d.box(640, 40, "prediction", width=90, kind="data")
    for a, b in ((x, block), (block, rest), (rest, plus), (plus, out)):
        d.arrow(a, b)
    latents = d.box(75, 175, "garment's\nlatents C", width=92, height=42, kind="data")
    soft = d.box(250, 145, "soft: A C", width=120, height=30, kind="norm")
    sharp = d.box(250, 205, "sharp: C at A G", width=120, height=30, kind="norm")
    mix, times = d.box(405, 175, "mix", width=60, kind="conv"), d.circle(555, 175, "\u00d7")
    mask = d.box(405, 100, "mask m", width=80, height=30, kind="mask")
    for a, b in ((latents, soft), (latents, sharp), (soft, mix), (sharp, mix), (mix, times), (times, plus)):
        d.arrow(a, b)
    d.arrow(block, mask, via=[(180, 100)])
    d.arrow(mask, times)
    d.arrow(block, soft, dashed=True)
    return d
