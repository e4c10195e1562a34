"""Is a wrong colour the fault of dispersed attention, or of attention in the wrong place?

Book: sec-colour-mismatch.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vtonlib.attention import AttentionRecord
from vtonlib.data.batch import TryOnBatch
from vtonlib.evaluation.correspondence import truth_on_lattice
from vtonlib.grids import coordinate_grid, resize_mask, to_pixels, warp

COVERED = 0.9
"""The share of a token that the worn garment must cover, so that its mean colour is the garment's."""


class ColourMixture(NamedTuple):
    """What attention makes of the colours it looks at; squared distances, sums over the channels.

    ``drawn = error + variance``: mixing never errs more than drawing one key by weight.
    """

    copied: Float[Tensor, "b n 3"]
    """The colour that every query copies: the mean of the keys' colours by weight."""
    error: Float[Tensor, "b n"]
    """From that mean to the colour wanted."""
    variance: Float[Tensor, "b n"]
    """From the colours to their mean, on average by weight: how mixed the copy is."""
    drawn: Float[Tensor, "b n"]
    """From a key's colour to the one wanted, on average by weight."""


def colour_mixture(
    record: AttentionRecord,
    colours: Float[Tensor, "b nk 3"],
    wanted: Float[Tensor, "b n 3"],
    *,
    temperature: float = 1.0,
) -> ColourMixture:
    """The head-mean map applied to the colours of the keys, beside the colours wanted.

    Equation: eq-colour-mixture. Book: sec-colour-mismatch.
    """
    values = torch.cat((colours, colours.square().sum(-1, keepdim=True)), -1)[:, None]
    copied, square = record.read(values, temperature=temperature).mean(1).split((3, 1), -1)
    variance = (square[..., 0] - copied.square().sum(-1)).clamp_min(0)
    error = (copied - wanted).square().sum(-1)
    return ColourMixture(copied, error, variance, error + variance)


class Tokens(NamedTuple):
    """What is known of a batch's tokens, for measuring a record on it."""

    truth: Float[Tensor, "b n 2"]
    """The true place of every query, in [-1, 1]."""
    measured: Bool[Tensor, "b n"]
    """Queries whose place is known, and which the garment covers."""
    wanted: Float[Tensor, "b n 3"]
    """The colour that the worn garment has in every query, in [-1, 1]."""
    colours: Float[Tensor, "b 3 h w"]
    """The colour that the flat garment has in every key, in [-1, 1]."""
    share: Float[Tensor, "b 1 h w"]
    """How much of each key the garment covers."""


def batch_tokens(record: AttentionRecord, batch: TryOnBatch) -> Tokens:
    """A batch on the lattices of a record with one lattice of keys."""
    truth, known = truth_on_lattice(batch.flow, batch.flow_mask, *record.query_grid)
    worn = resize_mask(batch.garment_region, *record.query_grid)
    wanted = resize_mask(batch.person * batch.garment_region, *record.query_grid) / worn.clamp_min(1e-3)
    share = resize_mask(batch.garment_mask, *record.key_grid)
    colours = resize_mask(batch.garment * batch.garment_mask, *record.key_grid) / share.clamp_min(1e-3)
    measured = (known[:, 0] > 0.5) & (worn[:, 0] > COVERED)
    return Tokens(truth.flatten(1, 2), measured.flatten(1), wanted.flatten(2).mT, colours, share)


class ColourCauses(NamedTuple):
    """Squared colour errors of every query, with place and width of its attention as they are, or mended."""

    attended: Float[Tensor, "b n"]
    """As it is."""
    moved: Float[Tensor, "b n"]
    """The same map, shifted so that its centre is the true place: place mended, width kept."""
    narrowed: Float[Tensor, "b n"]
    """One look at the centre: width mended, place kept."""
    true: Float[Tensor, "b n"]
    """One look at the true place: what is left are shade and the size of tokens."""


@torch.no_grad()
def colour_causes(record: AttentionRecord, batch: TryOnBatch) -> ColourCauses:
    """Mend the place of the head-mean map, its width, or both, and see what becomes of the copied colours.

    Colours between tokens are interpolated, and only cloth counts.

    Book: sec-colour-mismatch.
    """
    tokens = batch_tokens(record, batch)
    weights = record.weights().mean(1)
    places = coordinate_grid(*record.key_grid, dtype=weights.dtype, device=weights.device).flatten(0, 1)
    centre = weights @ places
    premultiplied = torch.cat((tokens.colours * tokens.share, tokens.share), 1)

    def error(looks: Float[Tensor, "b n k 2"], by: Float[Tensor, "b n k"]) -> Float[Tensor, "b n"]:
        seen = (warp(premultiplied, looks) * by[:, None]).sum(-1)  # [b 4 n]
        colour = seen[:, :3] / seen[:, 3:].clamp_min(1e-3)
        return (colour.mT - tokens.wanted).square().sum(-1)

    one, whole = torch.ones_like(weights[..., :1]), places.expand(*weights.shape, 2)
    shift = (tokens.truth - centre)[:, :, None]
    return ColourCauses(
        attended=error(whole, weights),
        moved=error(whole + shift, weights),
        narrowed=error(centre[:, :, None], one),
        true=error(tokens.truth[:, :, None], one),
    )


def spread_in_tokens(record: AttentionRecord) -> Float[Tensor, "b n"]:
    """The spread of every row of the head-mean map in steps of the keys' lattice, not in [-1, 1]."""
    grid = record.key_grid
    places = to_pixels(coordinate_grid(*grid, device=record.key.device).flatten(0, 1), *grid)
    values = torch.cat((places, places.square().sum(-1, keepdim=True)), -1)[None, None]
    mean, square = record.read(values).mean(1).split((2, 1), -1)
    return (square[..., 0] - mean.square().sum(-1)).clamp_min(0).sqrt()


def partial_rank_correlation(x: Float[Tensor, " n"], y: Float[Tensor, " n"], *given: Float[Tensor, " n"]) -> float:
    """Spearman's correlation of x and y with the ranks of ``given`` held fixed, linearly.

    Without ``given`` it is Spearman's. Ties are ranked by place. It is 0 where nothing of x or y is left.

    Raises:
        ValueError: for fewer than three more values than quantities given.
    """
    if len(x) < len(given) + 3:
        raise ValueError(f"{len(x)} values: expected at least {len(given) + 3}")
    ranks = torch.stack([v.double().argsort(stable=True).argsort().double() for v in (x, y, *given)], 1)
    ranks = (ranks - ranks.mean(0)) / len(x)
    both, held = ranks[:, :2], ranks[:, 2:]
    if given:
        both = both - held @ torch.linalg.lstsq(held, both).solution
    scale = both.square().sum(0).prod().sqrt()
    return float(both.prod(1).sum() / scale) if scale > 1e-12 else 0.0
