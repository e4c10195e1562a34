"""Which parts of the garment a place on the person is painted from, over all layers and steps, and the other way round.

Book: sec-image-attribution.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.attention.core import Grid
from vtonlib.attention.record import AttentionRecord
from vtonlib.grids import resize_flow, resize_mask


def attribution_map(
    records: Iterable[AttentionRecord], place: Float[Tensor, "b 2"], grid: Grid
) -> Float[Tensor, "b h w"]:
    """The image attribution map of a place on the person: how much of it is looked up where in the garment.

    The row of the nearest query of every record, averaged over heads, brought to one lattice and to the sum 1, and
    averaged over the records: those of several layers, and of several denoising steps.

    Args:
        records: attentions of one model, each with one lattice of keys; their graphs are not used.
        place: (x, y) in [-1, 1] of the person, for each sample.
        grid: lattice of the result.

    Raises:
        ValueError: without any record, for one with several lattices of keys, or of another batch size than ``place``.

    Source: the figure of image conditioning in the notes on StableVITON, which give no formula.
    Equation: eq-attribution-map. Book: sec-image-attribution.
    """
    return _mean(((_row(record, place), record.key_grid) for record in records), grid)


def attributed_places(
    records: Iterable[AttentionRecord], place: Float[Tensor, "b 2"], grid: Grid
) -> Float[Tensor, "b h w"]:
    """The other way round: how much the places of the person look at one place of the garment.

    The column of the nearest key of every record, averaged over heads, brought to one lattice and to the sum 1, and
    averaged over the records.

    Args:
        records: as in :func:`attribution_map`.
        place: (x, y) in [-1, 1] of the garment, for each sample.
        grid: lattice of the result.

    Raises:
        ValueError: as :func:`attribution_map`.

    Equation: eq-attributed-places. Book: sec-image-attribution.
    """
    return _mean(((_column(record, place), record.query_grid) for record in records), grid)


@torch.no_grad()
def _row(record: AttentionRecord, place: Float[Tensor, "b 2"]) -> Float[Tensor, "b nk"]:
    return record.weights(nearest_token(place, record.query_grid)[:, None]).mean(1)[:, 0]


@torch.no_grad()
def _column(record: AttentionRecord, place: Float[Tensor, "b 2"]) -> Float[Tensor, "b nq"]:
    if len(place) != len(record.key):
        raise ValueError(f"place has {len(place)} samples, attention '{record.name}' {len(record.key)}")
    index = nearest_token(place, record.key_grid).view(-1, 1, 1, 1).expand(-1, *record.key.shape[1:2], 1, 1)
    key = record.key.gather(2, index.expand(-1, -1, -1, record.key.shape[3]))
    dtype = torch.promote_types(record.query.dtype, torch.float32)
    logits = record.scale * (record.query.to(dtype) * key.to(dtype)).sum(-1)
    return (logits - record.log_partition()).exp().mean(1)


def nearest_token(place: Float[Tensor, "b 2"], grid: Grid) -> Int[Tensor, " b"]:
    """The number of the token nearest to (x, y) in [-1, 1]; places outside are moved to the edge.

    Half-way between two it is the one further right, or further down. Equation: eq-row-major. Book: sec-index-lab.
    """
    last = place.new_tensor((grid.width - 1, grid.height - 1))
    column, row = ((place.clamp(-1, 1) + 1) / 2 * last + 0.5).floor().long().unbind(-1)
    return row * grid.width + column


def _mean(parts: Iterable[tuple[Float[Tensor, "b n"], Grid]], grid: Grid) -> Float[Tensor, "b h w"]:
    resized = [_resize(values.unflatten(1, own), grid) for values, own in parts]
    if not resized:
        raise ValueError("records is empty: expected at least one attention")
    return torch.stack([x / x.sum((1, 2), keepdim=True).clamp_min(torch.finfo(x.dtype).tiny) for x in resized]).mean(0)


def _resize(values: Float[Tensor, "b h w"], grid: Grid) -> Float[Tensor, "b H W"]:
    """Finer bilinearly; coarser by the mean over each new token, which loses no weight."""
    height, width = values.shape[1:]
    if grid.height < height or grid.width < width:
        values = resize_mask(values[:, None], min(height, grid.height), min(width, grid.width))[:, 0]
    return resize_flow(values[..., None], *grid)[..., 0]
