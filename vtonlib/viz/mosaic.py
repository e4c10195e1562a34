"""All rows of an attention map in one picture: the attention mosaic, and the map of centres beside it.

Book: sec-attention-mosaic.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from matplotlib.figure import Figure
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.evaluation.parts import flow_weights
from vtonlib.grids import coordinate_grid, resize_image
from vtonlib.viz.figures import _painted, _picture, _pixels, _subplots, place_colours

INK = (0.30, 0.0, 0.42)
"""The colour of weight, dark on the pale colour of the token: readable without telling hues apart."""
PALE = 0.55
"""How far a token's own colour is mixed with white."""


def attention_mosaic(
    picture: Float[Tensor, "3 H W"], weights: Float[Tensor, "nq nk"], query: Grid, key: Grid
) -> Float[Tensor, "3 h w"]:
    """The picture shrunk to the lattice of the queries, each of its cells replaced by that query's whole map.

    A cell has the token's own colour, paled, and as many pixels as there are keys; a key is the darker the more
    weight it has, each row on its own scale (the root of the share of its largest weight). With 32 x 24 tokens the
    mosaic has 1024 x 576 pixels.

    Args:
        picture: the person, painted or true, in [-1, 1].
        weights: one map, rows are queries.
        query: lattice of the rows.
        key: lattice of the columns.

    Raises:
        ValueError: where the map does not have the tokens of the lattices.

    Source: StableVITON, the figure of its 32 x 24 cross-attention: shrunk to 32 x 24, enlarged to 32^2 x 24^2.
    Book: sec-attention-mosaic.
    """
    if weights.shape != (query.tokens, key.tokens):
        raise ValueError(f"weights is {tuple(weights.shape)}: expected {(query.tokens, key.tokens)}, {query} by {key}")
    small = (resize_image(picture[None], *query)[0] + 1) / 2
    pale = torch.lerp(small, torch.ones_like(small), PALE)[:, :, None, :, None]
    share = (weights / weights.amax(1, keepdim=True).clamp_min(1e-12)).sqrt()
    dark = share.view(*query, *key).movedim(2, 1)[None]  # [1 hq hk wq wk]
    ink = torch.tensor(INK, dtype=small.dtype, device=small.device).view(3, 1, 1, 1, 1)
    return (torch.lerp(pale, ink, dark) * 2 - 1).flatten(3, 4).flatten(1, 2)


def mosaic_figure(  # budget: a figure's parts, drawn one after another
    picture: Float[Tensor, "3 H W"],
    garment: Float[Tensor, "3 H W"],
    records: Mapping[str, AttentionRecord],
    truth: Float[Tensor, "hq wq 2"],
    known: Bool[Tensor, "hq wq"],
    *,
    example: int = 0,
    width: float = 1.75,
) -> Figure:
    """A mosaic for each record, the true one last, and below each the map of its centres.

    The garment with a colour for each of its places is the key to the lower row: a query has the colour of the place
    where it looks on average. Queries whose true place is not known are grey there, and rows of the truth without one
    are empty.

    Args:
        picture: the person behind the mosaics, in [-1, 1].
        garment: the garment, in [-1, 1].
        records: the attentions by title, all on the lattices of the first.
        truth: true places on the lattice of the queries.
        known: where they are known.
        example: which sample of the records.
        width: of a panel in inches.
    """
    first = next(iter(records.values()))
    query, key = first.query_grid, first.key_grid
    true = flow_weights(truth.flatten(0, 1)[None], key)[0] * known.flatten()[:, None]
    maps = {name: record.weights()[example].detach().mean(0) for name, record in records.items()} | {"truth": true}
    centres = {name: expected_coordinates(record)[example].detach() for name, record in records.items()}
    centres |= {"truth": truth}
    height = width * query.height * key.height / (query.width * key.width)
    below = width * query.height / query.width
    count = len(maps)
    figure, axes = _subplots(2, count + 1, width * (count + 1), height + below + 0.5)
    for column, (name, weights) in enumerate(maps.items()):
        _picture(axes[0, column], _pixels(attention_mosaic(picture, weights, query, key)), name)
        grey = torch.full((*query, 3), 0.5)
        shown = torch.where(known[..., None], place_colours(centres[name]), grey)
        _picture(axes[1, column], shown.numpy())
    _picture(axes[0, count], _pixels(garment), "garment")
    inside = ((garment - 1).abs().amax(0, keepdim=True) > 0.02).to(garment.dtype)
    places = coordinate_grid(*garment.shape[-2:], dtype=garment.dtype)
    _picture(axes[1, count], _pixels(_painted(garment, places, inside)), "its places")
    return figure
