"""Diagrams of normalizations: which numbers share a mean, SPADE and its block, and the two starts of its generator."""

from __future__ import annotations

from vtonlib.viz.diagrams import Diagram, Kind, Point, residual_chain

_CELL, _DEPTH = 22.0, (11.0, -8.0)
_COUNT = 4
"""Cells along each axis of a cube: samples, channels, and pixels."""
SETS: dict[str, tuple[range, range]] = {
    "batch": (range(_COUNT), range(3, 4)),
    "layer": (range(1), range(_COUNT)),
    "group": (range(1), range(2, 4)),
    "instance": (range(1), range(3, 4)),
}
"""The samples and channels of one set of each normalization; its pixels are all there are."""


def set_cubes() -> Diagram:
    """An activation as a cube, once for each normalization, with one of its sets shaded.

    Source: the picture of Wu & He 2018. Book: sec-normalization.
    """
    d = Diagram(
        700,
        205,
        alt="Four cubes with the axes channel, pixel and sample. One set is shaded: for batch norm a slab of one "
        "channel through all samples, for layer norm the whole front sample, for group norm half of its channels, "
        "for instance norm one column, one channel of one sample.",
    )
    for number, (name, (samples, channels)) in enumerate(SETS.items()):
        left, top = 52 + 160 * number, 66
        _cube(d, left, top, samples, channels)
        d.label(left + 2 * _CELL, 20, name, bold=True)
        d.label(left + 2 * _CELL, top + 4 * _CELL + 12, "channels", size=11)
        d.label(left + 4 * _CELL + 24, top + 4 * _CELL - 2, "samples", size=11, anchor="start")
    d.label(27, 66 + 2 * _CELL, "pixels", size=11)
    d.label(350, 192, "shaded: numbers that share one mean and one variance", size=12)
    return d


def _cube(d: Diagram, left: float, top: float, samples: range, channels: range) -> None:
    """A cube whose front is channels by pixels of the first sample; its top and its right side show the others."""

    def at(channel: float, pixel: float, sample: float) -> Point:
        return left + channel * _CELL + sample * _DEPTH[0], top + pixel * _CELL + sample * _DEPTH[1]

    for a in range(_COUNT):
        for b in range(_COUNT):
            for (sample, channel), corners in (
                ((0, a), ((a, b, 0), (a + 1, b, 0), (a + 1, b + 1, 0), (a, b + 1, 0))),
                ((b, a), ((a, 0, b), (a + 1, 0, b), (a + 1, 0, b + 1), (a, 0, b + 1))),
                ((a, 3), ((_COUNT, b, a), (_COUNT, b, a + 1), (_COUNT, b + 1, a + 1), (_COUNT, b + 1, a))),
            ):
                kind: Kind = "chosen" if sample in samples and channel in channels else "plain"
                d.line([at(*corner) for corner in corners], closed=True, kind=kind)


def spade() -> Diagram:
    """SPADE: normalize without parameters, then scale and shift as the label map says. Book:
    sec-conditional-normalization.
    """
    d = Diagram(
        700,
        190,
        alt="The activation is normalized, multiplied by one plus gamma and shifted by beta. Gamma and beta are maps, "
        "computed from the label map, resized to the activation, by two convolutions.",
    )
    x, norm = (
        d.box(45, 55, "x", width=50, kind="data"),
        d.box(180, 55, "normalize\nno parameters", width=130, height=44, kind="norm"),
    )
    times, plus, y = d.circle(415, 55, "\u00d7"), d.circle(540, 55), d.box(650, 55, "y", width=50, kind="data")
    labels = d.box(65, 145, "label map\nresized", width=90, height=44, kind="label")
    hidden = d.box(235, 145, "conv 3\u00d73, ReLU", width=130, kind="conv")
    gamma, beta = (
        d.box(415, 145, "conv: 1 + \u03b3", width=110, kind="conv"),
        d.box(540, 145, "conv: \u03b2", width=90, kind="conv"),
    )
    for one, other in ((x, norm), (norm, times), (times, plus), (plus, y), (labels, hidden), (hidden, gamma)):
        d.arrow(one, other)
    d.arrow(hidden, beta, via=[(235, 180), (540, 180)])
    d.arrow(gamma, times)
    d.arrow(beta, plus)
    d.label(415, 22, "[b c h w]", size=11)
    d.label(478, 100, "a scale and a shift\nfor every pixel", size=11)
    return d


def spade_block() -> Diagram:
    """SPADE's residual block. Book: sec-conditional-normalization."""
    d = Diagram(
        700,
        150,
        alt="The input goes through SPADE, leaky ReLU and convolution, twice, and is added to a shortcut. The label "
        "map enters every SPADE.",
    )
    residual_chain(d, "SPADE", "label map")
    return d


def style_start() -> Diagram:
    """SPADE's generator from a style: what the vector may say, and what the label map. Book:
    sec-conditional-normalization.
    """
    d = Diagram(
        700,
        170,
        alt="A style image goes through an encoder to a mean and a deviation; a style drawn from them, or from pure "
        "noise, becomes the smallest map by a linear layer. SPADE blocks, each told the label map, double it up to "
        "the picture.",
    )
    image, encoder = (
        d.box(55, 50, "style image", width=90, kind="data"),
        d.box(165, 50, "encoder", width=76, kind="conv"),
    )
    told, z = d.box(263, 50, "\u03bc, \u03c3", width=60, kind="plain"), d.box(348, 50, "z", width=40, kind="data")
    linear, ladder = (
        d.box(435, 50, "linear", width=70, kind="conv"),
        d.box(545, 50, "SPADE\nblocks", width=80, height=44, kind="norm"),
    )
    picture = d.box(652, 50, "picture", width=76, kind="data")
    noise, labels = (
        d.box(305, 130, "noise", width=70, kind="plain"),
        d.box(545, 130, "label map", width=90, kind="label"),
    )
    for one, other in ((image, encoder), (encoder, told), (told, z), (z, linear), (linear, ladder), (ladder, picture)):
        d.arrow(one, other)
    d.arrow(noise, z, via=[(348, 130)])
    d.arrow(labels, ladder)
    d.label(305, 22, "z = \u03bc + \u03c3 \u00b7 noise", size=12)
    return d
