"""Where an attention looks, in the coordinates of its keys."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention.record import AttentionRecord
from vtonlib.grids import coordinate_grid


def _key_coordinates(record: AttentionRecord) -> Float[Tensor, "nk 2"]:
    """Coordinates (x, y) in [-1, 1] of the keys of a record with one lattice of keys."""
    dtype = torch.promote_types(record.key.dtype, torch.float32)
    return coordinate_grid(*record.key_grid, device=record.key.device, dtype=dtype).flatten(0, 1)


def expected_coordinates(record: AttentionRecord, *, temperature: float = 1.0) -> Float[Tensor, "b hq wq 2"]:
    """The expected key position (x, y), in [-1, 1], of every query under the head-mean map: a flow on its lattice.

    Raises:
        ValueError: for a record with several lattices of keys.

    Source: StableVITON Eq. 4, the centre coordinate map (the paper divides by the number of keys besides, the
    released code does not, nor do we); Leffa, the flow field. Equation: eq-expected-coordinates.
    Book: sec-expected-coordinates.
    """
    flow = record.read(_key_coordinates(record)[None, None], temperature=temperature).mean(1)
    return flow.unflatten(1, record.query_grid)


def coordinate_spread(record: AttentionRecord, *, temperature: float = 1.0) -> Float[Tensor, "b hq wq"]:
    """How far from its expected position a query looks: the root of E|c - E[c]|^2, in units of [-1, 1].

    The expectation is that of the head-mean map, so heads that disagree count as spread; 0 for attention to one key.

    Raises:
        ValueError: for a record with several lattices of keys.

    Equation: eq-coordinate-spread. Book: sec-expected-coordinates.
    """
    keys = _key_coordinates(record)
    values = torch.cat((keys, keys.square().sum(-1, keepdim=True)), dim=-1)[None, None]
    mean, square = record.read(values, temperature=temperature).mean(1).split((2, 1), dim=-1)
    variance = square.squeeze(-1) - mean.square().sum(-1)
    return variance.clamp_min(torch.finfo(variance.dtype).tiny).sqrt().unflatten(1, record.query_grid)


@torch.no_grad()
def nearest_coordinates(record: AttentionRecord, *, rows_per_chunk: int = 256) -> Float[Tensor, "b hq wq 2"]:
    """The position (x, y), in [-1, 1], of the key that the head-mean map weighs most; without a gradient.

    Unlike :func:`expected_coordinates` it does not draw an undecided query to the centre of the image.

    Raises:
        ValueError: for a record with several lattices of keys.

    Equation: eq-nearest-key. Book: sec-expected-coordinates.
    """
    keys, rows = _key_coordinates(record), torch.arange(record.query.shape[2], device=record.query.device)
    best = [
        record.weights(chunk.expand(len(record.query), -1)).mean(1).argmax(-1) for chunk in rows.split(rows_per_chunk)
    ]
    return keys[torch.cat(best, dim=-1)].unflatten(1, record.query_grid)
