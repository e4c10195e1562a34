"""Figures on total variation: signals and pictures denoised, maps before and after, and the way of the loss."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from jaxtyping import Float
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from torch import Tensor

from vtonlib.attention import AttentionRecord, expected_coordinates
from vtonlib.grids import resize_image, resize_nearest, warp
from vtonlib.viz.diagrams import Diagram
from vtonlib.viz.figures import NEUTRAL, PALETTE, STYLE, _pixels, _subplots, place_colours, plt
from vtonlib.viz.zoo import _stretched, threads


def loss_diagram() -> Diagram:
    """From a record to the loss: centres, differences inside the mask, two means. Book: sec-code-form."""
    d = Diagram(
        700,
        150,
        alt="From left to right: queries and keys; centres, one for each query; differences of neighbours down and "
        "across; each is multiplied by the mask at both of its ends; summed and divided by the number of pairs; added.",
    )
    texts = (
        "queries\nand keys",
        "centres F\n[b h w 2]",
        "differences\ndown, across",
        "inside\nat both ends",
        "two means",
        "loss",
    )
    kinds = ("data", "chosen", "operation", "mask", "operation", "plain")
    boxes = [
        d.box(62 + 115 * i, 50, text, width=92, height=48, kind=kind)  # type: ignore[arg-type]
        for i, (text, kind) in enumerate(zip(texts, kinds, strict=True))
    ]
    for one, other in pairwise(boxes):
        d.arrow(one, other)
    mask = d.box(407, 122, "mask M [b h w]", width=110, height=30, kind="mask")
    d.arrow(mask, boxes[3])
    d.label(120, 122, "no map is made", size=11)
    return d


def signal_plot(
    given: Mapping[str, Float[Tensor, " n"]], results: Mapping[str, Mapping[str, Float[Tensor, " n"]]]
) -> Figure:
    """Signals as grey dots, a panel for each, and what became of them as lines.

    Args:
        given: the signals by title.
        results: by label, of every signal by its title what became of it.

    Book: sec-variation-of-signals.
    """
    figure, (axes,) = _subplots(1, len(given), 3.4 * len(given), 2.6)
    for one, (title, signal) in zip(axes, given.items(), strict=True):
        one.plot(signal, "o", color=NEUTRAL, markersize=2.5, alpha=0.7)
        for colour, (label, found) in zip(PALETTE, results.items(), strict=False):
            one.plot(found[title], color=colour, linewidth=1.6, label=label)
        one.set_title(title)
    with plt.rc_context(STYLE):
        axes[0].legend(fontsize=8)
    return figure


def copied_picture(
    records: Mapping[str, AttentionRecord],
    garment: Float[Tensor, "3 H W"],
    person: Float[Tensor, "3 H W"],
    truth: Float[Tensor, "h w 2"],
    mask: Float[Tensor, "1 h w"],
) -> Figure:
    """What lies at the centres of maps, and their nets below: the garment's colours inside ``mask``, the person grey.

    The garment is read at each centre, as a warp reads it: a row that is wide would mix its colours besides. In the
    first column stands the person, and the net of the true places. Knots have the colours of their true places.

    Args:
        records: maps of one sample by title, on the mask's lattice.
        garment: the picture behind the keys, in [-1, 1].
        person: the picture as it should be.
        truth: the true places (x, y) in [-1, 1].
        mask: the queries that are shown, 1 = shown.

    Book: sec-attention-total-variation.
    """
    inside = mask[0] > 0.5
    wanted = resize_image(person[None], *inside.shape)[0]
    grey = (wanted.mean(0, keepdim=True) * 0.3 + 0.6).expand_as(wanted)
    pictures, nets = {"as it should be": wanted}, [truth, *(expected_coordinates(r)[0] for r in records.values())]
    for (title, record), net in zip(records.items(), nets[1:], strict=True):
        read = warp(resize_image(garment[None], *record.key_grid), net[None])[0]
        pictures[title] = torch.where(inside, read, grey)
    figure, axes = _subplots(2, len(pictures), 1.5 * len(pictures), 4.3)
    hues = place_colours(_stretched(truth[inside])).numpy()
    for column, ((title, picture), net) in enumerate(zip(pictures.items(), nets, strict=True)):
        above, below = axes[:, column]
        above.imshow(_pixels(picture), interpolation="nearest")
        above.set(title=title, xticks=[], yticks=[])
        below.add_collection(LineCollection(threads(net, inside), colors=NEUTRAL, linewidths=0.6, alpha=0.7))
        below.scatter(*net[inside].T.numpy(), s=7, c=hues, linewidths=0, zorder=2)
        below.set(xlim=(-1.08, 1.08), ylim=(1.08, -1.08), xticks=[], yticks=[])
        below.set_aspect((inside.shape[0] - 1) / (inside.shape[1] - 1))
    return figure


def zoomed(
    images: Float[Tensor, "n c h w"], mask: Float[Tensor, "n 1 h w"], size: int = 48
) -> Float[Tensor, "n c s s"]:
    """The part of every image around its mask, a square, enlarged to ``size`` pixels without new values.

    Raises:
        ValueError: for an empty mask.

    Book: sec-attention-total-variation.
    """
    parts = []
    for image, inside in zip(images, mask[:, 0] > 0.5, strict=True):
        rows, columns = inside.nonzero(as_tuple=True)
        if not len(rows):
            raise ValueError("a mask is empty: expected something to look at")
        side = min(int(max(rows.max() - rows.min(), columns.max() - columns.min())) + 3, *image.shape[1:])
        ends = [
            min(max((int(at.min()) + int(at.max()) + 1 - side) // 2, 0), n - side)
            for at, n in zip((rows, columns), image.shape[1:], strict=True)
        ]
        part = image[:, ends[0] : ends[0] + side, ends[1] : ends[1] + side]
        parts.append(resize_nearest(part[None], size, size)[0])
    return torch.stack(parts)
