"""Maps to try a loss on, as a table and as nets: what a loss on centres sees, and what it says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from jaxtyping import Float
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from vtonlib.attention import AttentionRecord
from vtonlib.viz.figures import NEUTRAL, PALETTE, _subplots, place_colours

Loss = Callable[[AttentionRecord], Float[Tensor, ""]]


def loss_table(records: Mapping[str, AttentionRecord], losses: Mapping[str, Loss]) -> Float[Tensor, "records losses"]:
    """What every loss says of every map, a row for each map, a column for each loss; without gradients.

    Book: sec-minimiser-zoo.
    """
    with torch.no_grad():
        return torch.stack(
            [torch.stack([loss(r).float().mean() for loss in losses.values()]) for r in records.values()]
        )


def pull(loss: Loss, record: AttentionRecord) -> float:
    """How strongly a loss pulls at a map: the length of its gradient by the queries.

    For a record of :func:`vtonlib.attention.zoo.record_of_map` that is its gradient by the map's logits.

    Book: sec-minimiser-zoo.
    """
    query = record.query.detach().clone().requires_grad_()
    value = loss(replace(record, query=query))
    return float(torch.autograd.grad(value, query)[0].norm())


def net_picture(
    nets: Mapping[str, Float[Tensor, "h w 2"]],
    mask: Float[Tensor, "1 h w"],
    *,
    colours: Float[Tensor, "h w 2"] | None = None,
    columns: int = 5,
) -> Figure:
    """Centre coordinate maps as nets: a knot is the centre of a query inside ``mask``, a thread joins two neighbours.

    Total variation is the mean ``|dx| + |dy|`` of the threads down plus that of the threads across, in steps of keys.

    Args:
        nets: maps of centres (x, y) in [-1, 1] by title, all on one lattice.
        mask: the queries that are drawn, 1 = drawn.
        colours: a place (x, y) for each query, shown as its knot's colour; the colours reach over the places that are
            drawn. By default all knots are alike.
        columns: nets in one row.

    Raises:
        ValueError: for no net, or one on another lattice than the mask.

    Book: sec-minimiser-zoo.
    """
    wrong = {name: tuple(net.shape) for name, net in nets.items() if net.shape[:2] != mask.shape[1:]}
    if wrong or not nets:
        raise ValueError(f"expected nets on the mask's lattice {tuple(mask.shape[1:])}, found {wrong or 'none'}")
    height, width = mask.shape[1:]
    inside, rows = mask[0] > 0.5, -(-len(nets) // columns)
    figure, axes = _subplots(rows, min(columns, len(nets)), 1.5 * min(columns, len(nets)), 2.2 * rows)
    for one in axes.flat:
        one.set_axis_off()
    hues = PALETTE[0] if colours is None else place_colours(_stretched(colours[inside])).numpy()
    for one, (title, net) in zip(axes.flat, nets.items(), strict=False):
        net = net.detach().cpu()
        one.add_collection(LineCollection(threads(net, inside), colors=NEUTRAL, linewidths=0.6, alpha=0.7))
        one.scatter(*net[inside].T.numpy(), s=9, c=hues, linewidths=0, zorder=2)
        one.add_patch(Rectangle((-1.03, -1.03), 2.06, 2.06, fill=False, edgecolor=NEUTRAL, linewidth=0.5, alpha=0.6))
        one.set(xlim=(-1.08, 1.08), ylim=(1.08, -1.08), title=title)
        one.set_aspect((height - 1) / (width - 1))
    return figure


def threads(net: Float[Tensor, "h w 2"], inside: Tensor) -> list[list[tuple[float, float]]]:
    """The two ends of every thread: centres of neighbouring queries that are both inside."""
    ends = []
    for dim in (0, 1):
        n = net.shape[dim] - 1
        pairs = inside.narrow(dim, 0, n) & inside.narrow(dim, 1, n)
        ends.append(torch.stack((net.narrow(dim, 0, n)[pairs], net.narrow(dim, 1, n)[pairs]), dim=1))
    return torch.cat(ends).tolist()


def _stretched(places: Float[Tensor, "n 2"]) -> Float[Tensor, "n 2"]:
    """Places moved and scaled so that they fill [-1, 1] along both axes."""
    low, high = places.aminmax(dim=0)
    return 2 * (places - low) / (high - low).clamp_min(1e-6) - 1
