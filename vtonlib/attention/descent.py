"""Gradient steps on a map itself: what losses make of it where no model and no data stand in the way.

Book: sec-descend-a-map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention.record import AttentionRecord
from vtonlib.attention.zoo import SHIFT, attention_zoo

Loss = Callable[[AttentionRecord], Float[Tensor, ""]]
NOISE = 2.0
"""Steps of the lattice: the deviation of a noisy map's places, down and across."""


class Descent(NamedTuple):
    """A map at some moments of its descent."""

    steps: tuple[int, ...]
    """The steps at which it was kept."""
    records: tuple[AttentionRecord, ...]
    """The map at each."""
    values: dict[str, tuple[float, ...]]
    """Every loss at each, without its weight; also of those whose weight is 0."""


def wrong_maps(flow: Float[Tensor, "b h w 2"], *, seed: int = 0) -> dict[str, AttentionRecord]:
    """Undecided maps that are wrong in four ways, to descend from; their rows are two steps wide.

    ``noisy`` looks about places that are off by a normal error of two steps, drawn for each query by itself;
    ``shifted`` about places three steps to the right and below, ``mirrored`` about the mirror image; ``chance`` orders
    the weights of each row at random (the zoo's shuffled rows).

    Args:
        flow: the true places (x, y) in [-1, 1], on the lattice of the queries, which is that of the keys too.
        seed: of the noise and of the order.

    Book: sec-descend-a-map.
    """
    step = 2 / (flow.new_tensor((flow.shape[2], flow.shape[1])) - 1).clamp_min(1)
    noise = NOISE * step * torch.randn(flow.shape, generator=torch.Generator().manual_seed(seed), dtype=flow.dtype)
    mirror = flow.new_tensor((-1, 1))
    places = {"noisy": flow + noise.to(flow.device), "shifted": flow + SHIFT * step, "mirrored": flow * mirror}
    found = {name: attention_zoo(place)["blurred"] for name, place in places.items()}
    return found | {"chance": attention_zoo(flow, seed=seed)["shuffled rows"]}


def descend(
    record: AttentionRecord,
    losses: Mapping[str, Loss],
    weights: Mapping[str, float],
    *,
    steps: Sequence[int],
    rate: float,
) -> Descent:
    """Plain gradient descent on the queries of an attention, keys held fixed: q <- q - rate * gradient of the mixture.

    For a record of :func:`vtonlib.attention.zoo.record_of_map` the queries are the map's logits, so every row is free.
    The book's losses are means over rows: a row then moves as if alone if ``rate`` grows with the number of rows.

    Args:
        record: where it starts; left as it is.
        losses: by name, of a record whose graph is kept.
        weights: of those that are in the mixture, by the same names.
        steps: the steps at which the map is kept, ascending; the last one ends the descent.
        rate: length of a step, in units of the gradient.

    Raises:
        ValueError: for a weight of a loss that is not there, or steps that do not ascend from 0 or more.

    Equation: eq-mixture. Book: sec-descend-a-map.
    """
    _check(losses, weights, steps)
    query = record.query.detach().clone()
    records: list[AttentionRecord] = []
    for step in range(steps[-1] + 1):
        query.requires_grad_()
        now = replace(record, query=query, key=record.key.detach())
        if step in steps:
            records.append(replace(now, query=query.detach()))
        mixed = sum((weight * losses[name](now) for name, weight in weights.items() if weight), query.new_zeros(()))
        slope = torch.autograd.grad(mixed, query)[0] if mixed.requires_grad else torch.zeros_like(query)
        query = (query - rate * slope).detach()
    with torch.no_grad():
        values = {name: tuple(float(loss(one)) for one in records) for name, loss in losses.items()}
    return Descent(tuple(steps), tuple(records), values)


def _check(losses: Mapping[str, Loss], weights: Mapping[str, float], steps: Sequence[int]) -> None:
    if unknown := sorted(set(weights) - set(losses)):
        raise ValueError(f"weights of {', '.join(unknown)}, but the losses are {', '.join(losses)}")
    if not steps or list(steps) != sorted(set(steps)) or steps[0] < 0:
        raise ValueError(f"steps are {list(steps)}: expected ascending numbers, 0 or more")
