"""Attention total variation: neighbours should look at neighbours."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord, expected_coordinates
from vtonlib.grids import to_pixels


def attention_total_variation(record: AttentionRecord, mask: Float[Tensor, "b h w"]) -> Float[Tensor, ""]:
    """StableVITON's attention total variation as its code has it, before its weight of 0.001.

    The expected key position of every query, in steps of the keys' lattice; the absolute differences of neighbours
    that both lie in ``mask``, summed over the two coordinates; their mean over pairs below one another, plus the mean
    over pairs beside one another. Pairs are counted over the whole batch. The paper sums over all neighbours of the
    masked map instead, with coordinates in [-1, 1] that it divides by the number of keys.

    Args:
        record: one zero cross-attention.
        mask: 1 where the garment is, on the lattice of the queries. Without any pair the result is 0, with gradient 0;
            the released code returns NaN.

    Raises:
        ValueError: where ``mask`` is not on the lattice of the queries, or keys lie on several lattices.

    Source: StableVITON, Eq. 5. Book: sec-attention-total-variation.
    """
    centres = to_pixels(expected_coordinates(record), *record.key_grids[0])
    if mask.shape != centres.shape[:3]:
        raise ValueError(f"mask is {tuple(mask.shape)}, but the queries lie on {tuple(centres.shape[:3])}")
    total = centres.new_zeros(())
    for dim in (1, 2):
        size = centres.shape[dim] - 1
        pairs = mask.narrow(dim, 1, size) * mask.narrow(dim, 0, size)
        steps = (centres.narrow(dim, 1, size) - centres.narrow(dim, 0, size)).abs().sum(-1)
        total = total + (pairs * steps).sum() / pairs.sum().clamp_min(torch.finfo(steps.dtype).tiny)
    return total
