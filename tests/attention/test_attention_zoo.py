"""The zoo of maps, and which parts of the garment a place is painted from."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates, nearest_coordinates
from vtonlib.attention.attribution import attributed_places, attribution_map, nearest_token
from vtonlib.attention.zoo import SHIFT, attention_zoo, record_of_map
from vtonlib.grids import coordinate_grid

GRID = Grid(12, 9)


def turned() -> Tensor:
    """A flow that is not the identity: the garment lies upside down, and smaller."""
    return -0.5 * coordinate_grid(*GRID)[None]


def test_a_record_of_a_map_has_that_map_and_its_gradient() -> None:
    weights = torch.rand(2, 6, 4, dtype=torch.float64).softmax(-1).requires_grad_()
    record = record_of_map(weights, Grid(2, 3), Grid(2, 2))
    torch.testing.assert_close(record.weights()[:, 0], weights)
    assert torch.autograd.grad(record.weights()[0, 0, 0, 1], weights)[0][0, 0].abs().sum() > 0
    with pytest.raises(ValueError, match="rows of the map sum to 2 to 2: expected 1"):
        record_of_map(torch.full((1, 6, 4), 0.5), Grid(2, 3), Grid(2, 2))


def test_what_each_map_looks_at() -> None:
    flow, grid = turned(), coordinate_grid(*GRID)[None]
    zoo = attention_zoo(flow)
    near = torch.tensor([2 / (GRID.width - 1), 2 / (GRID.height - 1)]) / 2 + 1e-6
    step = 2 * near
    looked = {name: nearest_coordinates(record) for name, record in zoo.items()}
    assert ((looked["truth"] - flow).abs() <= near).all()
    assert ((looked["blurred"] - flow).abs() <= near).all()
    assert ((looked["flip"] - flow * torch.tensor([-1, 1])).abs() <= near).all()
    assert ((looked["shift"] - looked["truth"] - SHIFT * step).abs() <= near)[0, 6:, 5:].all()
    assert torch.allclose(looked["identity"], grid) and torch.allclose(looked["blind"], grid)
    assert (looked["one key"] == looked["one key"][:, :1, :1]).all()
    assert expected_coordinates(zoo["uniform"]).abs().max() < 1e-5
    moved, kept = (looked[n].flatten(1, 2)[0].sort(0)[0] for n in ("permutation", "truth"))
    assert torch.equal(moved, kept) and not torch.equal(looked["permutation"], looked["truth"])
    entropies = {name: record.entropy() for name, record in zoo.items()}
    torch.testing.assert_close(entropies["shuffled rows"], entropies["blurred"], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(expected_coordinates(zoo["shuffled rows"]), expected_coordinates(zoo["blurred"]))


def test_the_zoo_is_the_same_every_time_and_leaves_the_generator_alone() -> None:
    state = torch.get_rng_state()
    one, two = attention_zoo(turned()), attention_zoo(turned())
    assert all(torch.equal(one[name].query, two[name].query) for name in one)
    assert not torch.equal(one["permutation"].query, attention_zoo(turned(), seed=1)["permutation"].query)
    assert torch.equal(state, torch.get_rng_state())


def random_record(queries: Grid, keys: Grid, seed: int) -> AttentionRecord:
    g = torch.Generator().manual_seed(seed)
    query, key = (torch.randn(2, 3, grid.tokens, 4, generator=g) for grid in (queries, keys))
    return AttentionRecord(query, key, 0.7, queries, (keys,))


def test_rows_and_columns_of_one_map() -> None:
    record, place = random_record(Grid(3, 4), Grid(2, 5), 0), torch.tensor([[0.4, -0.9], [-1.0, 1.3]])
    weights = record.weights().mean(1)
    query, key = nearest_token(place, Grid(3, 4)), nearest_token(place, Grid(2, 5))
    assert query.tolist() == [2, 8] and key.tolist() == [3, 5]
    row = torch.stack([weights[b, query[b]] for b in range(2)]).unflatten(1, (2, 5))
    torch.testing.assert_close(attribution_map([record], place, Grid(2, 5)), row)
    column = torch.stack([weights[b, :, key[b]] for b in range(2)]).unflatten(1, (3, 4))
    expected = column / column.sum((1, 2), keepdim=True)
    torch.testing.assert_close(attributed_places([record], place, Grid(3, 4)), expected)


def test_layers_count_alike_whatever_their_lattice() -> None:
    place = torch.zeros(2, 2)
    records = [random_record(Grid(3, 3), Grid(2, 2), 1), random_record(Grid(5, 5), Grid(6, 4), 2)]
    both = attribution_map(records, place, Grid(6, 4))
    torch.testing.assert_close(both.sum((1, 2)), torch.ones(2))
    alone = [attribution_map([record], place, Grid(6, 4)) for record in records]
    torch.testing.assert_close(both, (alone[0] + alone[1]) / 2)


def test_bad_records_are_refused() -> None:
    with pytest.raises(ValueError, match="records is empty"):
        attribution_map([], torch.zeros(2, 2), Grid(2, 2))
    double = AttentionRecord(torch.zeros(1, 1, 4, 2), torch.zeros(1, 1, 8, 2), 1.0, Grid(2, 2), (Grid(2, 2),) * 2, "a")
    for read in (attribution_map, attributed_places):
        with pytest.raises(ValueError, match="attention 'a' has 2 lattices"):
            read([double], torch.zeros(1, 2), Grid(2, 2))


def test_a_coarser_lattice_loses_no_weight() -> None:
    """All weight on one key of 32x24 is all weight on the token of 8x6 that holds it."""
    fine = Grid(32, 24)
    row = torch.zeros(1, 1, fine.tokens)
    row[..., 2 * 24 + 2] = 1
    record = record_of_map(row, Grid(1, 1), fine)
    found = attribution_map([record], torch.zeros(1, 2), Grid(8, 6))
    assert found[0, 0, 0] > 0.999
    mixed = attribution_map([record], torch.zeros(1, 2), Grid(8, 48))
    assert mixed[0, 0, :8].sum() > 0.999


def test_places_half_way_and_batches_that_do_not_fit() -> None:
    assert nearest_token(torch.zeros(1, 2), Grid(4, 4)).item() == 10
    assert nearest_token(torch.zeros(1, 2), Grid(6, 6)).item() == 21
    with pytest.raises(ValueError, match="place has 1 samples"):
        attributed_places([random_record(Grid(2, 2), Grid(2, 2), 0)], torch.zeros(1, 2), Grid(2, 2))


def test_maps_in_half_precision_and_negative_weights() -> None:
    half = torch.eye(768, dtype=torch.float16)[None]
    assert record_of_map(half, Grid(32, 24), Grid(32, 24)).weights().diagonal(dim1=2, dim2=3).min() > 0.999
    with pytest.raises(ValueError, match=r"the least weight of the map is -0\.5"):
        record_of_map(torch.tensor([[[1.5, -0.5]]]), Grid(1, 1), Grid(1, 2))
