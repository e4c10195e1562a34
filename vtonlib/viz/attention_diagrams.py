"""Diagram of StableVITON: where in a denoiser an attention reads the garment."""

from __future__ import annotations

from itertools import pairwise

from vtonlib.viz.diagrams import Box, Diagram

PERSON_INPUTS = (("noisy person z_t", 4), ("agnostic person", 4), ("its mask", 1), ("dense pose", 4))
"""What the denoiser is given side by side, each with its number of channels: 13 in all."""


def stable_viton_flow() -> Diagram:
    """The data flow of StableVITON: what each part is given, and what it hands on. Book: sec-cross-attention."""
    d = Diagram(
        700,
        340,
        alt="Above: noisy person, agnostic person, mask and dense pose, 13 channels, go through the denoiser's "
        "encoder, middle and decoder and become a less noisy person. Below: the garment goes through its own encoder. "
        "Between them, three zero cross-attention blocks: the decoder asks, the garment's features answer.",
    )
    stack = _inputs(d)
    encoder = [d.box(210 + 42 * i, 105, width=30, height=150 - 40 * i, kind="conv") for i in range(3)]
    middle = d.box(345, 105, "middle", width=58, height=44, kind="conv")
    decoder = [d.box(430 + 66 * i, 105, width=30, height=70 + 40 * i, kind="conv") for i in range(3)]
    result = d.box(654, 105, "z_{t-1}\n4", width=60, height=44, kind="data")
    chain = [stack, *encoder, middle, *decoder, result]
    for one, other in pairwise(chain):
        d.arrow(one, other)
    d.label(252, 18, "encoder", bold=True)
    d.label(496, 18, "decoder", bold=True)
    garment = d.box(90, 295, "garment\nlatents, 4", width=140, height=44, kind="data")
    own = [d.box(210 + 42 * i, 295, width=30, height=76 - 18 * i, kind="norm") for i in range(3)]
    for one, other in pairwise([garment, *own]):
        d.arrow(one, other)
    d.label(252, 245, "garment encoder", bold=True)
    d.arrow((309, 295), (590, 295))
    d.label(450, 310, "features: keys and values", size=11)
    for level in decoder:
        read = d.box(level.x, 232, "zero\ncross-att.", width=58, height=40, kind="chosen", size=11)
        d.arrow((level.x, 295), read)
        d.arrow(read, level)
    d.label(600, 226, "the decoder asks,\nand adds what\nwas read", size=11, anchor="start")
    _token(d, garment, middle)
    return d


def _inputs(d: Diagram) -> Box:
    """The 13 channels on the left, as one stack; the box around them."""
    top = 45.0
    for name, channels in PERSON_INPUTS:
        height = 12 + 6 * channels
        d.box(90, top + height / 2, f"{name}, {channels}", width=140, height=height, kind="data", round=3)
        top += height
    return Box(90, (45 + top) / 2, 140, top - 45)


def _token(d: Diagram, garment: Box, middle: Box) -> None:
    """The image encoder's token, which the ordinary cross-attentions of the denoiser read."""
    token = d.box(320, 190, "image token", width=90, height=28, kind="plain", size=11)
    d.arrow(garment, token, via=[(90, 190)], dashed=True)
    d.arrow((345, 176), middle, dashed=True)
