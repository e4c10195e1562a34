"""The equations of the chapter on centre coordinates, each from its formula, and its worked examples."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from vtonlib import check
from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.attention.attribution import nearest_token
from vtonlib.attention.zoo import WIDTH, attention_zoo, record_of_map
from vtonlib.check.indices import WRONG_PLACES, row_and_column
from vtonlib.grids import coordinate_grid, total_variation
from vtonlib.losses.total_variation import attention_total_variation, centre_coordinates

QUERIES, KEYS = Grid(2, 4), Grid(5, 3)


def record(heads: int = 2) -> AttentionRecord:
    g = torch.Generator().manual_seed(1)
    query, key = (torch.randn(2, heads, n.tokens, 4, generator=g, dtype=torch.float64) for n in (QUERIES, KEYS))
    return AttentionRecord(query, key, 0.6, QUERIES, (KEYS,))


@pytest.mark.equation("eq-row-major")
@pytest.mark.parametrize("grid", [KEYS, Grid(3, 5), Grid(1, 4)])
def test_tokens_are_numbered_row_by_row(grid: Grid) -> None:
    places = coordinate_grid(*grid).flatten(0, 1)
    numbers = nearest_token(places, grid).tolist()
    assert numbers == [r * grid.width + c for r in range(grid.height) for c in range(grid.width)]
    assert row_and_column(*grid).tolist() == [[j // grid.width, j % grid.width] for j in numbers]


@pytest.mark.equation("eq-centre-coordinates")
def test_the_centre_is_the_expected_step() -> None:
    r = record()
    weights, found = r.weights().mean(1), centre_coordinates(r)
    for b in range(2):
        for i in range(QUERIES.tokens):
            expected = [0.0, 0.0]
            for j, a in enumerate(weights[b, i].tolist()):
                row, column = divmod(j, KEYS.width)
                expected[0] += a * (column - (KEYS.width - 1) / 2)
                expected[1] += a * (row - (KEYS.height - 1) / 2)
            row, column = divmod(i, QUERIES.width)
            assert found[b, row, column].tolist() == pytest.approx(expected)


@pytest.mark.equation("eq-centre-units")
def test_three_units_of_one_centre() -> None:
    r = record()
    weights, steps = r.weights().mean(1), centre_coordinates(r)
    normalised = coordinate_grid(*KEYS, dtype=torch.float64).flatten(0, 1)
    here = expected_coordinates(r)
    paper = (weights @ normalised / KEYS.tokens).unflatten(1, QUERIES)
    code = (weights @ row_and_column(*KEYS).double()).unflatten(1, QUERIES)
    middle = torch.tensor([(KEYS.height - 1) / 2, (KEYS.width - 1) / 2], dtype=torch.float64)
    torch.testing.assert_close(steps, here * middle.flip(0))
    torch.testing.assert_close(steps, paper * KEYS.tokens * middle.flip(0))
    torch.testing.assert_close(steps, (code - middle).flip(-1))


@pytest.mark.equation("eq-centre-gradient")
def test_a_key_pulls_by_its_weight_and_its_distance() -> None:
    g = torch.Generator().manual_seed(2)
    logits = torch.randn(1, 8, 15, generator=g, dtype=torch.float64, requires_grad=True)
    key = torch.eye(15, dtype=torch.float64)[None, None]
    centre = centre_coordinates(AttentionRecord(logits[:, None], key, 1.0, QUERIES, (KEYS,))).flatten(1, 2)
    steps = row_and_column(*KEYS).double().flip(-1) - torch.tensor([1.0, 2.0])
    weights = logits.detach().softmax(-1)
    for axis in (0, 1):
        (slope,) = torch.autograd.grad(centre[0, 3, axis], logits, retain_graph=True)
        expected = weights[0, 3] * (steps[:, axis] - centre[0, 3, axis].detach())
        torch.testing.assert_close(slope[0, 3], expected)
        assert slope[0, 3].sum().abs() < 1e-12 and slope[0, :3].abs().max() == 0


@pytest.mark.equation("eq-blurred-map")
def test_the_blurred_map_is_a_normal_density() -> None:
    flow = 0.5 * coordinate_grid(4, 3, dtype=torch.float64)[None]
    found = attention_zoo(flow)["blurred"].weights()[0, 0]
    for i in range(12):
        x, y = flow[0].flatten(0, 1)[i].tolist()
        at = (x + 1), (y + 1) * 1.5  # in steps from the first key
        powers = [math.exp(-((j % 3 - at[0]) ** 2 + (j // 3 - at[1]) ** 2) / (2 * WIDTH**2)) for j in range(12)]
        assert found[i].tolist() == pytest.approx([p / sum(powers) for p in powers], rel=1e-5)


SIX = torch.tensor([[8, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 8], [0, 0, 8, 0, 0, 0], [4, 0, 0, 0, 0, 4.0]]) / 8


def test_the_worked_example_of_six_keys() -> None:
    grid, places = Grid(2, 3), row_and_column(2, 3)
    assert (SIX @ places).tolist() == [[0, 0], [1, 2], [0, 2], [0.5, 1]]
    assert SIX.sum(-1).tolist() == [1] * 4
    steps = centre_coordinates(record_of_map(SIX[None], Grid(2, 2), grid)).flatten(1, 2)[0]
    torch.testing.assert_close(steps, torch.tensor([[-1, -0.5], [1, 0.5], [1, -0.5], [0, 0]]), atol=1e-5, rtol=0)
    pulled = torch.tensor([0.5, 0.25, 0.25]) * (torch.arange(3.0) - 0.75)
    assert pulled.tolist() == [-3 / 8, 1 / 16, 5 / 16]


STRIP = {  # centres on five keys: summed differences, mean error
    "truth": ((0, 1, 2, 3, 4), 4, 0),
    "mirrored": ((4, 3, 2, 1, 0), 4, 12 / 5),
    "one jump": ((0, 0, 4, 4, 4), 4, 4 / 5),
    "shuffled": ((2, 0, 4, 1, 3), 11, 8 / 5),
    "one key": ((2, 2, 2, 2, 2), 0, 6 / 5),
}


@pytest.mark.parametrize("name", STRIP)
def test_the_worked_example_of_a_strip(name: str) -> None:
    centres, variation, error = STRIP[name]
    field = torch.tensor(centres, dtype=torch.float32).view(1, 1, 5, 1)
    assert float(total_variation(field, torch.ones(1, 1, 1, 5))) * 4 == variation
    assert float((field.flatten() - torch.arange(5.0)).abs().mean()) == pytest.approx(error)


def test_which_probe_finds_which_wrong_numbering() -> None:
    height, width = 4, 3
    right = row_and_column(height, width)
    found = {
        (j // width, j % width): [bool((wrong(height, width)[j] != right[j]).any()) for wrong in WRONG_PLACES.values()]
        for j in (0, 11, 2, 5)
    }
    assert found[0, 0] == [False] * 5  # the first key finds nothing
    assert found[3, 2] == [False, True, True, True, True]  # the last key overlooks the transposed one
    assert found[0, 2] == [True, True, True, False, True]  # the end of the first row overlooks the divided one
    assert found[1, 2] == [True] * 5
    square = [(wrong(3, 3)[8] != row_and_column(3, 3)[8]).any() for wrong in WRONG_PLACES.values()]
    assert sum(map(bool, square)) == 2  # on a square lattice three of five pass with the first key and the last


@pytest.mark.parametrize("answer", [(1, 2), [5], "five", 12, 2.5])
def test_a_probe_that_is_no_key_is_named_as_an_answer(answer) -> None:
    said = repr(check.probe_key(answer))
    assert "is no " in said and "your function" not in said


def test_a_key_off_the_diagonal_may_pass_the_transposed_numbering() -> None:
    """Not in the first row, not on the diagonal, not last: enough on 4 rows of 3, and not on every lattice."""
    assert WRONG_PLACES["meshgrid, xy"](7, 3)[3 * 3 + 1].tolist() == [3, 1]
    assert row_and_column(2, 5)[4].tolist() == [0, 4] != WRONG_PLACES["divided by h"](2, 5)[4].tolist()


@pytest.mark.parametrize("degrees", [0, 15, 30, 45])
def test_a_turned_identity_varies_more_than_an_upright_one(degrees: float) -> None:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    steps = row_and_column(9, 6).unflatten(0, (9, 6)) @ torch.tensor([[c, s], [-s, c]])
    found = float(total_variation(steps[None], torch.ones(1, 1, 9, 6)))
    assert found == pytest.approx(2 * (c + s), rel=1e-5)


@pytest.mark.parametrize(("sigma", "rougher"), [(1, True), (2, False)])
def test_shuffled_rows_vary_as_their_width_lets_them(sigma: float, rougher: bool) -> None:
    """A quarter of the temperature halves a normal density's width; shuffled, narrow rows vary more."""
    flow, mask = coordinate_grid(16, 12)[None], torch.ones(1, 1, 16, 12)
    zoo = attention_zoo(flow)
    found = attention_total_variation(replace(zoo["shuffled rows"], scale=(WIDTH / sigma) ** 2), mask)
    assert (found > 2 * attention_total_variation(zoo["truth"], mask)) == rougher
