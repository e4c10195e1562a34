"""Diagrams of Leffa: two UNets whose self-attentions are joined, one such attention, and the way of the loss."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from vtonlib.viz.diagrams import Box, Diagram

INPUTS = {
    "try-on": ("z_t 4, agnostic 4,\nmask 1", "the garment"),
    "pose": ("z_t 4, dense pose\n3 or 4", "the person in\nanother pose"),
}
"""What the painting UNet is given and what the reference is, by task."""


def unet_pair(*, task: Literal["try-on", "pose"] = "try-on") -> Diagram:
    """The reference's UNet above, the painting one below; each self-attention of the lower reads the upper's tokens.

    Book: sec-two-unets.
    """
    given, reference = INPUTS[task]
    d = Diagram(
        700,
        250,
        alt=f"Above, the reference UNet: {_said(reference)} becomes latents, which pass blocks going down, a middle "
        f"block and blocks going up; it predicts nothing. Below, the painting UNet: {_said(given)} pass the same "
        "blocks and become a prediction. From each block above an arrow leads to the self-attention of the block "
        "below: its keys and values.",
    )
    names = ("down", "middle", "up")
    above = [d.box(72, 62, f"{reference}\nz_{{ref}} 4", width=120, height=52, kind="data")]
    below = [d.box(72, 178, given, width=120, height=52, kind="data")]
    for k, name in enumerate(names):
        x = 230 + 145 * k
        above.append(d.box(x, 62, f"{name}\nself-attention", width=112, height=46, kind="plain"))
        below.append(d.box(x, 178, f"{name}\nself-attention", width=112, height=46, kind="chosen"))
    below.append(d.box(645, 178, "prediction", width=86, height=40, kind="data"))
    for row in (above, below):
        for one, other in pairwise(row):
            d.arrow(one, other)
    for upper, lower in zip(above[1:], below[1:4], strict=True):
        d.arrow(upper, lower)
        d.label(upper.x + 8, 120, "n tokens more:\nkeys and values", size=11, anchor="start")
    d.label(350, 18, "reference UNet: the same time step, trained too, no output", size=12)
    d.label(350, 228, "painting UNet: only its own n tokens ask", size=12)
    return d


def _said(text: str) -> str:
    return text.replace("\n", " ").replace("_t", "t")


def joined_attention() -> Diagram:
    """One self-attention whose keys are of two pictures: which of its four quarters is needed, and which is read.

    Book: sec-two-unets.
    """
    d = Diagram(
        700,
        250,
        alt="A map of 2n rows and 2n columns, in four quarters. Columns: own keys, the reference's keys. The upper "
        "rows, of own queries, are needed; of these the right quarter, own queries and the reference's keys, is what "
        "the loss reads. The lower rows, of the reference's queries, are computed by the released code and dropped.",
    )
    for column, (name, key) in enumerate((("own keys, n", "label"), ("reference's keys, n", "data"))):
        x = 290 + 160 * column
        d.box(x, 42, name, width=150, height=30, kind=key)  # type: ignore[arg-type]
        d.box(x, 105, ("A\\nmixes own places", "A\\nwhat the loss reads")[column].replace("\\n", "\n"),
              width=150, height=76, kind=("plain", "chosen")[column])  # fmt: skip
        d.box(x, 193, "computed and dropped", width=150, height=76, kind="operation", size=12)
    d.box(110, 105, "own queries, n", width=150, height=76, kind="label")
    d.box(110, 193, "reference's queries, n", width=150, height=76, kind="operation", size=12)
    d.label(600, 105, "softmax over 2n:\nwhat is painted", size=12)
    d.label(600, 193, "half of the work,\nno part of the result", size=12)
    return d


def loss_path() -> Diagram:
    """From queries and the reference's keys to Leffa's loss. Book: sec-loss-path."""
    d = Diagram(
        700,
        230,
        alt="Queries and the reference's keys give a softmax at temperature tau over the reference's keys; the mean of "
        "the heads; times the coordinates C, a flow of h by w; enlarged to the picture's H by W; it reads the "
        "reference picture and gives the warped picture; the target is subtracted, squared and averaged inside the "
        "mask.",
    )
    texts = (
        ("Q, K_{ref}\nof each head", "data"),
        ("softmax\nQ K\u1d40 / (\u03c4\u221ad)", "chosen"),
        ("mean of\nthe heads", "operation"),
        ("times C: flow\n[h w 2]", "norm"),
        ("enlarged\n[H W 2]", "operation"),
    )
    above = [
        d.box(68 + 141 * k, 50, text, width=112, height=48, kind=kind)  # type: ignore[arg-type]
        for k, (text, kind) in enumerate(texts)
    ]
    reference = d.box(632, 185, "reference\npicture", width=100, height=44, kind="data")
    warped = d.box(462, 128, "read there:\nwarped [3 H W]", width=130, height=44, kind="norm")
    target = d.box(462, 200, "target picture", width=130, height=34, kind="data")
    apart = d.circle(300, 165, "\u2212")
    mask = d.box(300, 210, "mask M", width=80, height=28, kind="mask")
    loss = d.box(105, 165, "mean of squares\ninside: the loss", width=140, height=48, kind="label")
    for one, other in pairwise(above):
        d.arrow(one, other)
    d.arrow(above[-1], warped, via=[(632, 128)])
    d.arrow(reference, warped, via=[(632, 140)])
    d.arrow(warped, apart, via=[(360, 128)])
    d.arrow(target, apart, via=[(360, 200)])
    d.arrow(apart, loss)
    _beside(d, mask)
    return d


def _beside(d: Diagram, mask: Box) -> None:
    """The mask joins the way to the loss."""
    d.arrow((mask.x - 40, mask.y), (176, 180))
