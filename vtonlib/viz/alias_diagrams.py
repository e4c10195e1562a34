"""Diagrams of VITON-HD: the flow of its three stages, the ALIAS residual block, and the ladder of such blocks."""

from __future__ import annotations

import torch

from vtonlib.models.alias import ALIASGenerator, ALIASResBlock
from vtonlib.viz.diagrams import Box, Diagram, residual_chain


def three_stages() -> Diagram:
    """What each stage of VITON-HD is given, and what it hands on. Book: sec-alias-generator."""
    d = Diagram(
        700,
        300,
        alt="Stage 1 makes the label map from person and garment mask; stage 2 bends the garment into it; their "
        "difference is the misalignment mask, which divides the label map; stage 3 paints from all of these.",
    )
    person = d.box(75, 60, "person\nI_a, P, labels", width=120, height=46, kind="data")
    garment = d.box(75, 190, "garment\nc, its mask", width=120, height=46, kind="data")
    segment = d.box(225, 60, "1  segment\nU-Net", width=100, height=46, kind="conv")
    labels = d.box(350, 60, "S", width=52, kind="label")
    bend = d.box(350, 190, "2  warp\nmatch, spline", width=110, height=46, kind="conv")
    cloth = d.box(490, 190, "W(c)\nwhat it covers", width=110, height=46, kind="data")
    minus = d.circle(490, 118, "\u2212")
    mask = d.box(490, 60, "M_{misalign}", width=100, kind="mask")
    divided = d.box(625, 60, "S_{div}", width=60, kind="label")
    paint = d.box(625, 190, "3  paint\nALIAS", width=90, height=46, kind="conv")
    result = d.box(625, 268, "try-on", width=90, kind="data")
    d.arrow(person, segment)
    d.arrow(garment, segment, via=[(75, 125), (225, 125)])
    d.arrow(segment, labels)
    d.arrow(labels, bend)
    d.arrow(garment, bend)
    d.arrow(bend, cloth)
    d.arrow(labels, minus, via=[(350, 118)])
    d.arrow(cloth, minus)
    d.arrow(minus, mask)
    d.arrow(mask, divided)
    d.arrow(divided, paint)
    d.arrow(mask, paint, via=[(560, 108), (590, 150)], dashed=True)
    d.arrow(cloth, paint)
    d.arrow(paint, result)
    d.arrow(person, paint, via=[(8, 60), (8, 240), (585, 240)], dashed=True)
    d.label(250, 254, "agnostic picture and pose go to every stage", size=11)
    return d


def residual_block() -> Diagram:
    """The ALIAS residual block, and within it the normalization. Book: sec-alias-generator."""
    d = Diagram(
        700,
        330,
        alt="Above: the input goes through ALIAS normalization, leaky ReLU and convolution, twice, and is added to a "
        "shortcut. Below: the normalization adds noise, standardizes inside and outside of the mask apart, and "
        "modulates by the label map.",
    )
    residual_chain(d, "ALIAS", "S_{div}, M")
    d.line([(14, 152), (686, 152), (686, 318), (14, 318)], closed=True, kind="norm")
    d.label(30, 168, "inside ALIAS", size=12, anchor="start", bold=True)
    _normalization(d)
    return d


def _normalization(d: Diagram) -> None:
    """The lower half of the block's diagram."""
    x, noise = d.box(45, 225, "x", width=40, kind="data"), d.box(110, 284, "a z", width=60, kind="plain")
    add = d.circle(110, 225)
    inside = d.box(235, 200, "standardize where M", width=160, height=30, kind="mask")
    outside = d.box(235, 248, "standardize elsewhere", width=160, height=30, kind="plain")
    join, times, plus = d.circle(365, 225), d.circle(465, 225, "\u00d7"), d.circle(545, 225)
    y = d.box(630, 225, "y", width=40, kind="data")
    labels, hidden = d.box(235, 296, "S_{div}", width=60, kind="label"), d.box(350, 296, "conv, ReLU", kind="conv")
    gamma, beta = d.box(465, 296, "1 + \u03b3", width=60, kind="conv"), d.box(545, 296, "β", width=50, kind="conv")
    d.arrow(x, add)
    d.arrow(noise, add)
    for region in (inside, outside):
        d.arrow(add, region)
        d.arrow(region, join)
    d.arrow(join, times)
    d.arrow(times, plus)
    d.arrow(plus, y)
    d.arrow(labels, hidden)
    d.arrow(hidden, gamma)
    d.arrow(gamma, times)
    d.arrow(beta, plus)
    d.arrow(hidden, beta, via=[(400, 270), (505, 270)])


def ladder(height: int = 1024, width: int = 768) -> Diagram:
    """The rungs of the generator's two ladders, ``more`` and ``most``, for pictures of this size.

    Raises:
        ValueError: for a size that one of them cannot paint.

    Book: sec-alias-generator.
    """
    d = Diagram(
        700,
        420,
        alt="Two ladders of blocks, from coarse below to fine above. Both double the map at every rung and get the "
        "inputs at every size; most has one rung more than more. The five coarsest know the mask.",
    )
    for left, name in ((20, "more"), (370, "most")):
        with torch.device("meta"):  # sizes without memory
            model = ALIASGenerator.more() if name == "more" else ALIASGenerator.most()
        _rungs(d, left, name, model, model.latent_size(height, width))
    return d


def _rungs(d: Diagram, left: float, name: str, model: ALIASGenerator, latent: tuple[int, int]) -> None:
    """One ladder, its left edge at ``left``."""
    doublings = len(model.blocks) - 1
    d.label(left + 155, 22, f"{name}: {doublings} doublings, multiples of {2**doublings}", bold=True)
    before: Box | None = None
    for level, block in enumerate(model.blocks):
        assert isinstance(block, ALIASResBlock)
        y = 385 - 46 * level
        masked = level < model.mask_norm_blocks
        size = f"{latent[0] << level}\u00d7{latent[1] << level}"
        channels = f"{block.conv_0.in_channels} → {block.conv_1.out_channels}"
        text = "\u2003".join((size, channels, "S_{div}, M" if masked else "S"))
        rung = d.box(left + 190, y, text, width=230, height=30, kind="norm" if masked else "plain", size=12)
        inputs = d.box(left + 25, y, "I_a, P, W", width=62, height=26, kind="data", size=11)
        d.arrow(inputs, rung)
        if before is not None:
            d.arrow(before, rung)
        before = rung
