"""Where papers and released code differ on reading an attention: each variant written from its description."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.grids import coordinate_grid

QUERIES, KEYS = Grid(4, 6), Grid(6, 4)


def record(query_grid: Grid = QUERIES, key_grid: Grid = KEYS, *, heads: int = 2) -> AttentionRecord:
    generator = torch.Generator().manual_seed(3)
    query = 2 * torch.randn(1, heads, query_grid.tokens, 5, dtype=torch.float64, generator=generator)
    key = torch.randn(1, heads, key_grid.tokens, 5, dtype=torch.float64, generator=generator)
    return AttentionRecord(query, key, 1.0, query_grid, (key_grid,))


def token_units(grid: Grid) -> Tensor:
    """(row, column) of every token, counted from 0."""
    rows, columns = torch.meshgrid(torch.arange(grid.height), torch.arange(grid.width), indexing="ij")
    return torch.stack((rows, columns), dim=-1).flatten(0, 1).double()


def variation(field: Tensor) -> Tensor:
    """The mean difference of vertical neighbours of a field [b h w 2], plus that of horizontal ones."""
    return field.diff(dim=1).abs().sum(-1).mean() + field.diff(dim=2).abs().sum(-1).mean()


@pytest.mark.disagreement("D3")
def test_centres_by_equation_by_code_and_here() -> None:
    r = record()
    weights, normalised = r.weights().mean(1), coordinate_grid(*KEYS, dtype=torch.float64).flatten(0, 1)
    equation = weights @ normalised / KEYS.tokens  # Eq. 4: a mean over the keys, coordinates in [-1, 1]
    code = weights @ token_units(KEYS)  # released code: a sum, in tokens, (row, column)
    here = expected_coordinates(r).flatten(1, 2)
    torch.testing.assert_close(here, equation * KEYS.tokens)
    half = torch.tensor([(KEYS.height - 1) / 2, (KEYS.width - 1) / 2], dtype=torch.float64)
    torch.testing.assert_close(here, (code / half - 1).flip(-1))
    assert equation.abs().max() <= 1 / KEYS.tokens  # all of Eq. 4's centres lie within a small square
    # and in tokens a step of the same size, as a share of the image, weighs more along the longer side
    assert half[0] / half[1] == 5 / 3


@pytest.mark.disagreement("D13")
def test_x_before_y() -> None:
    """Sampled through (row, column), the garment is transposed: no error tells, the picture does."""
    key = torch.eye(KEYS.tokens, dtype=torch.float64)[None, None]
    identity = AttentionRecord(key, key, 1e3, KEYS, (KEYS,))
    ours = expected_coordinates(identity)
    torch.testing.assert_close(ours, coordinate_grid(*KEYS, dtype=torch.float64)[None])
    half = torch.tensor([(KEYS.height - 1) / 2, (KEYS.width - 1) / 2], dtype=torch.float64)
    row_column = (identity.weights().mean(1) @ token_units(KEYS) / half - 1).unflatten(1, KEYS)
    torch.testing.assert_close(row_column.flip(-1), ours)
    assert (row_column - ours).abs().max() == 2


@pytest.mark.disagreement("D14")
def test_centres_lie_on_the_lattice_of_the_queries() -> None:
    """A smooth map, queries 4x6 and keys 6x4: each query looks at the key nearest to its own place."""
    places, keys = (coordinate_grid(*grid, dtype=torch.float64).flatten(0, 1) for grid in (QUERIES, KEYS))
    chosen = torch.nn.functional.one_hot(torch.cdist(places, keys).argmin(1), KEYS.tokens).double()
    smooth = AttentionRecord(chosen[None, None], torch.eye(24).double()[None, None], 1e3, QUERIES, (KEYS,))
    ours = expected_coordinates(smooth)
    assert ours.shape == (1, *QUERIES, 2)
    with_key_sizes = ours.flatten(1, 2).unflatten(1, KEYS)  # as many tokens, so nothing fails
    assert variation(with_key_sizes) > 1.5 * variation(ours)  # but other tokens are neighbours now
    same = expected_coordinates(record(KEYS, KEYS))  # on equal lattices both are one
    torch.testing.assert_close(same.flatten(1, 2).unflatten(1, KEYS), same)


@pytest.mark.disagreement("D15")
def test_entropy_of_the_mean_map_is_larger() -> None:
    r = record(heads=4)
    of_mean = torch.special.entr(r.weights().mean(1)).sum(-1)
    mean_of = r.entropy().mean(1)
    assert (of_mean >= mean_of).all() and (of_mean - mean_of).mean() > 0.05
    torch.testing.assert_close(r.entropy(), torch.special.entr(r.weights()).sum(-1))  # ours: one for each head
    # two heads, each sure of another key: each knows, their mean does not
    key = torch.eye(2, dtype=torch.float64)[None, None].expand(1, 2, 2, 2)
    query = torch.eye(2, dtype=torch.float64)[None, :, None]
    sure = AttentionRecord(query, key, 1e3, Grid(1, 1), (Grid(1, 2),))
    assert sure.entropy().max() < 1e-9
    assert torch.special.entr(sure.weights().mean(1)).sum().item() == pytest.approx(torch.log(torch.tensor(2.0)).item())
