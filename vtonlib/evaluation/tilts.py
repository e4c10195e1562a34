"""Which way a loss on attention pushes each look: nearer to the truth, or anywhere?

Book: sec-leffa.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord
from vtonlib.grids import coordinate_grid, to_pixels


def tilts(record: AttentionRecord, loss: Callable[[AttentionRecord], Tensor]) -> Float[Tensor, "b n 2"]:
    """Down a loss on an attention, by tilting each query's logits along x and y; steps of the reference's lattice.

    A look is *tilted* by adding t . G_j to the logits of all heads, G_j the place of key j: a small tilt moves the
    expected place by t times the covariance of the places. Returned is minus the derivative of the loss by t, at no
    tilt. Where keys lie on several lattices, the last is the reference's and the only one that is tilted.

    The steps of one picture may be compared with each other; their size has the loss's mean over a batch in it.

    Args:
        record: an attention; it needs no graph.
        loss: a number for a record, as ``partial(leffa, reference=..., target=..., mask=...)``.

    Book: sec-leffa.
    """
    query, key, grid = record.query.detach(), record.key.detach(), record.key_grids[-1]
    places = to_pixels(coordinate_grid(*grid, device=key.device, dtype=key.dtype), *grid).flatten(0, 1)
    tilted = key.new_zeros(key.shape[2], 2)
    tilted[-len(places) :] = places / record.scale
    with torch.enable_grad():
        tilt = query.new_zeros(len(query), 1, query.shape[2], 2).requires_grad_()
        queries = torch.cat((query, tilt.expand(-1, query.shape[1], -1, -1)), dim=-1)
        keys = torch.cat((key, tilted.expand(*key.shape[:2], -1, -1)), dim=-1)
        (slope,) = torch.autograd.grad(loss(replace(record, query=queries, key=keys)), tilt)
    return -slope[:, 0]
