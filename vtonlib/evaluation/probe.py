"""Does attention look at the garment? Show its keys another garment's pixels, and see how much worse it finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.scene import CYCLE
from vtonlib.evaluation.correspondence import end_point_error
from vtonlib.grids import resize_flow

Attend = Callable[[TryOnBatch, Float[Tensor, "b 3 h w"]], AttentionRecord]
"""Attention of a model on a batch, its keys shown these pictures in place of the garments."""


class Probe(NamedTuple):
    """What another garment's pixels do to attention, in steps of the lattice ``tokens``, for each sample.

    Centres are expected coordinates; all is NaN for a sample whose truth is not known.
    """

    own: Float[Tensor, " b"]
    """Error of the centres when the keys see the garment itself."""
    other: Float[Tensor, " b"]
    """Error when they see another one."""
    moved: Float[Tensor, " b"]
    """How far the centres move from the one to the other; exactly 0 for blind keys."""


def other_garments(batch: TryOnBatch) -> Float[Tensor, "b 3 h w"]:
    """For each example of a batch in the world's order, the garment of the example eight places on: of its category.

    Raises:
        ValueError: if the batch does not hold whole cycles of categories, at least two.
    """
    if len(batch) % len(CYCLE) or len(batch) < 2 * len(CYCLE):
        raise ValueError(f"the batch has {len(batch)} examples, expected a multiple of {len(CYCLE)}, at least two")
    return batch.garment.roll(-len(CYCLE), 0)


@torch.no_grad()
def other_garment_probe(
    attend: Attend, batch: TryOnBatch, *, tokens: Grid, others: Float[Tensor, "b 3 h w"] | None = None
) -> Probe:
    """Attention with the garment's own pixels against the same with another garment's.

    Mask and values stay the garment's own, so only what keys *see* changes. A model whose error hardly rises did not
    find its places by looking.

    Args:
        attend: reads a model's attention; the second argument is what the keys are shown.
        batch: examples with known flow.
        tokens: the lattice in whose steps distances are given.
        others: the pictures to show; by default :func:`other_garments`.

    Book: sec-what-it-looks-at.
    """
    others = other_garments(batch) if others is None else others
    seen, misled = (
        resize_flow(expected_coordinates(attend(batch, shown)), *batch.size) for shown in (batch.garment, others)
    )

    def distance(one: Tensor, two: Tensor) -> Tensor:
        return end_point_error(one, two, batch.flow_mask, lattice=tokens)

    return Probe(distance(seen, batch.flow), distance(misled, batch.flow), distance(misled, seen))
