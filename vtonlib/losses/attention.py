"""What attention is told where the true correspondence is known: the place to look at, or the whole row.

No map of all queries is made: only the rows whose truth is known are read, and of these only what the loss needs.

Book: sec-attention-supervision.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.attention.rows import MaskedRows, masked_rows


class KnownRows(NamedTuple):
    """The queries of a record whose true places are known."""

    chosen: MaskedRows
    """Their rows."""
    place: Float[Tensor, "b m 2"]
    """Where each should look: (x, y) in [-1, 1] of the garment."""


def known_rows(record: AttentionRecord, flow: Float[Tensor, "b h w 2"], mask: Float[Tensor, "b 1 h w"]) -> KnownRows:
    """The rows of ``record`` where ``mask`` is above 0, with the places that ``flow`` gives them.

    Raises:
        ValueError: where flow or mask are not on the lattice of the queries.
    """
    if flow.shape[:3] != (expected := (len(record.query), *record.query_grid)):
        raise ValueError(f"flow is {tuple(flow.shape)}, but the queries of '{record.name}' are {expected}")
    chosen = masked_rows(record, mask)
    places = flow.flatten(1, 2).gather(1, chosen.tokens[..., None].expand(-1, -1, 2)).to(chosen.weight.dtype)
    return KnownRows(chosen, places)


def coordinate_supervision(
    record: AttentionRecord, flow: Float[Tensor, "b h w 2"], mask: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, ""]:
    """The mean squared distance of the expected place and the true one, in units of [-1, 1]: where to look on average.

    A row that is spread evenly about the right place costs nothing: this moves attention, it does not sharpen it.

    Args:
        record: an attention with one lattice of keys, its graph kept.
        flow: the true correspondence on the lattice of the queries.
        mask: the weight of each query, 0 where the flow is not known. All 0 gives 0 with gradient 0.

    Raises:
        ValueError: as :func:`known_rows`, and where the keys lie on several lattices.

    Equation: eq-told-coordinates. Book: sec-attention-supervision.
    """
    rows, place = known_rows(record, flow, mask)
    expected = expected_coordinates(rows.record).flatten(1, 2)
    return rows.mean((expected - place).square().sum(-1))


def row_supervision(
    record: AttentionRecord, flow: Float[Tensor, "b h w 2"], mask: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, ""]:
    """The mean cross-entropy of rows of the head-mean map against the true place, in nats: the whole row.

    The true place lies between four keys; the target of a row are their bilinear weights w, and the loss is
    -sum_j w_j ln A_ij. It is least where the row equals them, so it moves attention *and* sharpens it; the least is
    their entropy, 0 for a place on a key and ln 4 for one amid four.

    Args:
        record: an attention with one lattice of keys, its graph kept.
        flow: the true correspondence on the lattice of the queries.
        mask: the weight of each query, 0 where the flow is not known. All 0 gives 0 with gradient 0.

    Raises:
        ValueError: as :func:`known_rows`, and where the keys lie on several lattices.

    Equation: eq-told-rows. Book: sec-attention-supervision.
    """
    rows, place = known_rows(record, flow, mask)
    index, target = bilinear_weights(place, rows.record.key_grid)
    log_weights = _log_weights(rows.record, index).logsumexp(1) - math.log(record.query.shape[1])
    return rows.mean(-(target * log_weights).sum(-1))


def bilinear_weights(place: Float[Tensor, "b m 2"], grid: Grid) -> tuple[Int[Tensor, "b m 4"], Float[Tensor, "b m 4"]]:
    """The four keys around each place and their weights: those with which a picture would be read there.

    Places outside the lattice are moved to its edge.
    """
    last = place.new_tensor((grid.width - 1, grid.height - 1))
    steps = ((place + 1) / 2 * last).clamp_min(0).minimum(last)
    low = steps.floor()
    high = (low + 1).minimum(last)
    x1, y1 = (steps - low).unbind(-1)
    columns, rows = torch.stack((low, high)).long().unbind(-1)
    index = torch.stack([rows[j] * grid.width + columns[i] for j in (0, 1) for i in (0, 1)], dim=-1)
    weight = torch.stack([wy * wx for wy in (1 - y1, y1) for wx in (1 - x1, x1)], dim=-1)
    return index, weight


def _log_weights(record: AttentionRecord, index: Int[Tensor, "b m 4"]) -> Float[Tensor, "b heads m 4"]:
    """ln of some entries of the rows of every head."""
    dtype = torch.promote_types(record.query.dtype, torch.float32)
    query, key = record.query.to(dtype), record.key.to(dtype)
    with torch.autocast(query.device.type, enabled=False):
        flat = index.flatten(1)[:, None, :, None].expand(-1, key.shape[1], -1, key.shape[3])
        chosen = key.gather(2, flat).unflatten(2, index.shape[1:])
        logits = record.scale * torch.einsum("bhmd, bhmkd -> bhmk", query, chosen)
    return logits - record.log_partition()[..., None]
