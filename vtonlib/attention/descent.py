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

Loss = Callable[[AttentionRecord], Float[Tensor, ""]]


class Descent(NamedTuple):
    """A map at some moments of its descent."""

    steps: tuple[int, ...]
    """The steps at which it was kept."""
    records: tuple[AttentionRecord, ...]
    """The map at each."""
    values: dict[str, tuple[float, ...]]
    """Every loss at each, without its weight; also of those whose weight is 0."""


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
    The books' losses are means over rows: a row then moves as if alone if ``rate`` grows with the number of rows.

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
    if unknown := sorted(set(weights) - set(losses)):
        raise ValueError(f"weights of {', '.join(unknown)}, but the losses are {', '.join(losses)}")
    if not steps or list(steps) != sorted(set(steps)) or steps[0] < 0:
        raise ValueError(f"steps are {list(steps)}: expected ascending numbers, 0 or more")
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
