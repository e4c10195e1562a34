"""Attention maps that a loss should be tried on before it is trained with: right, wrong, and wrong in telling ways.

``{name: loss(record) for name, record in attention_zoo(flow).items()}`` is the first table of every loss in the book.

Book: sec-minimiser-zoo.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention.core import Grid
from vtonlib.attention.record import AttentionRecord
from vtonlib.grids import coordinate_grid, to_pixels

WIDTH = 2.0
"""Steps of the lattice: the width of the blurred and of the blind map."""
SHIFT = 3
"""Steps of the lattice by which the shifted map misses, to the right and down."""


def record_of_map(weights: Float[Tensor, "b nq nk"], query_grid: Grid, key_grid: Grid) -> AttentionRecord:
    """A record of one head whose map is ``weights``: its queries are the logarithms, its keys the unit vectors.

    Weights of 0 become so small that no sum notices them, which half precision could not: maps of fewer bits become
    float32. Gradients reach ``weights``.

    Raises:
        ValueError: where a weight is negative, a row does not sum to 1 within 1e-3, or the grids have other numbers of
            tokens.
    """
    weights = weights.to(torch.promote_types(weights.dtype, torch.float32))
    if (weights < 0).any():
        raise ValueError(f"the least weight of the map is {float(weights.min()):.3g}: expected none below 0")
    if not torch.allclose(sums := weights.sum(-1), torch.ones_like(sums), atol=1e-3):
        raise ValueError(f"rows of the map sum to {float(sums.min()):.3g} to {float(sums.max()):.3g}: expected 1")
    key = torch.eye(weights.shape[-1], dtype=weights.dtype, device=weights.device)
    logits = weights.clamp_min(torch.finfo(weights.dtype).tiny).log()
    return AttentionRecord(logits[:, None], key.expand(len(weights), 1, -1, -1), 1.0, query_grid, (key_grid,))


def attention_zoo(flow: Float[Tensor, "b h w 2"], *, seed: int = 0) -> dict[str, AttentionRecord]:
    """Maps between two equal lattices, by name, given the true places.

    ``truth`` looks at the key nearest the true place, ``blurred`` at a normal density of two steps about it; ``flip``
    and ``shift`` at its mirror image and three steps beside it; ``identity`` at the query's own place, as copying does;
    ``blind`` at a density of two steps about that; ``one key`` in the middle; ``uniform`` everywhere alike;
    ``permutation`` gives every query the row of another, and ``shuffled rows`` orders the weights of each blurred row
    at random, so that its entropy stays and its place is lost. Equation: eq-blurred-map.

    Args:
        flow: the true places (x, y) in [-1, 1], on the lattice of the queries, which is that of the keys too.
        seed: of the permutation and of the order in the rows.

    Book: sec-minimiser-zoo.
    """
    grid = Grid(*flow.shape[1:3])
    places = coordinate_grid(*grid, device=flow.device, dtype=flow.dtype).flatten(0, 1)
    truth, own = flow.flatten(1, 2), places.expand(len(flow), -1, -1)
    mirrored = truth * truth.new_tensor((-1, 1))
    step = 2 / (truth.new_tensor((grid.width, grid.height)) - 1).clamp_min(1)
    g = torch.Generator().manual_seed(seed)
    order = torch.randperm(grid.tokens, generator=g).to(flow.device)
    blurred = _density(truth, places, grid)
    scrambled = torch.rand(grid.tokens, grid.tokens, generator=g).argsort(-1).to(flow.device)
    maps = {
        "truth": _strongest(truth, places, grid),
        "blurred": blurred,
        "flip": _strongest(mirrored, places, grid),
        "shift": _strongest(truth + SHIFT * step, places, grid),
        "identity": _strongest(own, places, grid),
        "blind": _density(own, places, grid),
        "one key": _strongest(torch.zeros_like(truth), places, grid),
        "uniform": torch.full_like(blurred, 1 / grid.tokens),
        "permutation": _strongest(truth, places, grid)[:, order],
        "shuffled rows": blurred.gather(2, scrambled.expand(len(flow), -1, -1)),
    }
    return {name: record_of_map(weights, grid, grid) for name, weights in maps.items()}


def _distances(wanted: Float[Tensor, "b n 2"], places: Float[Tensor, "n 2"], grid: Grid) -> Float[Tensor, "b n n"]:
    """Squared distances of the wanted places and the keys, in steps."""
    return (to_pixels(wanted, *grid)[:, :, None] - to_pixels(places, *grid)).square().sum(-1)


def _strongest(wanted: Float[Tensor, "b n 2"], places: Float[Tensor, "n 2"], grid: Grid) -> Float[Tensor, "b n n"]:
    return torch.nn.functional.one_hot(_distances(wanted, places, grid).argmin(-1), grid.tokens).to(wanted.dtype)


def _density(wanted: Float[Tensor, "b n 2"], places: Float[Tensor, "n 2"], grid: Grid) -> Float[Tensor, "b n n"]:
    return (-_distances(wanted, places, grid) / (2 * WIDTH**2)).softmax(-1)
