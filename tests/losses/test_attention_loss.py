"""Attention told the truth: closed forms, gradients, and no map."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.grids import coordinate_grid, warp
from vtonlib.losses.attention import (
    bilinear_weights,
    coordinate_supervision,
    known_rows,
    row_supervision,
)

LOSSES = (coordinate_supervision, row_supervision)


def record(query: Tensor, key: Tensor, queries: Grid, keys: Grid) -> AttentionRecord:
    return AttentionRecord(query, key, query.shape[-1] ** -0.5, queries, (keys,), "a")


def random_record(*, dtype: torch.dtype = torch.float64, heads: int = 2) -> AttentionRecord:
    g = torch.Generator().manual_seed(0)
    query = torch.randn(2, heads, 12, 5, generator=g, dtype=dtype, requires_grad=True)
    key = torch.randn(2, heads, 20, 5, generator=g, dtype=dtype, requires_grad=True)
    return record(query, key, Grid(3, 4), Grid(4, 5))


def random_truth(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(1)
    flow = torch.rand(2, 3, 4, 2, generator=g, dtype=dtype) * 1.8 - 0.9
    mask = (torch.rand(2, 1, 3, 4, generator=g, dtype=dtype) < torch.tensor([0.3, 0.7]).view(2, 1, 1, 1)).to(dtype)
    assert mask[0].sum() != mask[1].sum() and mask[0].sum() > 0
    return flow, mask


def slow(attention: AttentionRecord, flow: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Both losses from the whole head-mean map, row by row."""
    weights = attention.weights().mean(1)
    keys = coordinate_grid(4, 5, dtype=flow.dtype).flatten(0, 1)
    distance, entropy, count = 0, 0, 0
    corners = torch.eye(20, dtype=flow.dtype).view(20, 1, 4, 5)  # read at a place, they give its bilinear weights
    for b in range(2):
        for i in range(12):
            if mask[b, 0, i // 4, i % 4]:
                place = flow[b, i // 4, i % 4]
                distance = distance + (weights[b, i] @ keys - place).square().sum()
                target = warp(corners, place.expand(20, 1, 1, 2)).flatten()
                entropy = entropy - (target * weights[b, i].log()).sum()
                count += 1
    return {"coordinate_supervision": distance / count, "row_supervision": entropy / count}


@pytest.mark.equation("eq-told-coordinates")
@pytest.mark.equation("eq-told-rows")
@pytest.mark.parametrize("loss", LOSSES)
def test_equal_to_the_definition_on_the_whole_map(loss) -> None:
    attention, truth = random_record(), random_truth()
    expected = slow(attention, *truth)[loss.__name__]
    torch.testing.assert_close(loss(attention, *truth), expected)
    ours = torch.autograd.grad(loss(attention, *truth), (attention.query, attention.key))
    theirs = torch.autograd.grad(expected, (attention.query, attention.key))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradcheck(loss) -> None:
    attention, truth = random_record(), random_truth()

    def run(query: Tensor, key: Tensor) -> Tensor:
        return loss(record(query, key, Grid(3, 4), Grid(4, 5)), *truth)

    assert torch.autograd.gradcheck(run, (attention.query, attention.key))


@pytest.mark.parametrize("loss", LOSSES)
def test_an_empty_mask_gives_0_with_gradient_0(loss) -> None:
    attention, (flow, mask) = random_record(), random_truth()
    value = loss(attention, flow, mask * 0)
    value.backward()
    assert value == 0
    assert (attention.query.grad == 0).all() and (attention.key.grad == 0).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_queries_whose_truth_is_not_known_get_no_gradient(loss) -> None:
    attention, (flow, mask) = random_record(), random_truth()
    loss(attention, flow, mask).backward()
    moved = attention.query.grad.abs().sum((1, 3)) > 0
    assert torch.equal(moved, mask.flatten(1) > 0)


def uniform(grid: Grid) -> AttentionRecord:
    query = torch.zeros(1, 1, grid.tokens, 3, requires_grad=True)
    return record(query, torch.randn(1, 1, grid.tokens, 3), grid, grid)


def test_uniform_attention_in_closed_form() -> None:
    """It expects the centre, and gives every key 1/n."""
    grid = Grid(3, 5)
    flow = torch.tensor([0.5, -1.0]).expand(1, 3, 5, 2)
    mask = torch.ones(1, 1, 3, 5)
    torch.testing.assert_close(coordinate_supervision(uniform(grid), flow, mask), torch.tensor(1.25))
    torch.testing.assert_close(row_supervision(uniform(grid), flow, mask), torch.tensor(math.log(15)))


def test_coordinates_forgive_a_broad_row_and_rows_do_not() -> None:
    """A row spread evenly about the right place: the first loss sees nothing to mend, the second ln 9."""
    grid = Grid(3, 3)
    flow, mask = torch.zeros(1, 3, 3, 2), torch.ones(1, 1, 3, 3)
    assert coordinate_supervision(uniform(grid), flow, mask) < 1e-12
    torch.testing.assert_close(row_supervision(uniform(grid), flow, mask), torch.tensor(math.log(9)))


def test_the_least_is_the_entropy_of_the_place() -> None:
    """Rows that are the bilinear weights themselves."""
    grid = Grid(2, 4)
    place = torch.tensor([0.2, -0.4])
    index, weight = bilinear_weights(place.view(1, 1, 2), grid)
    row = torch.full((8,), 1e-9, dtype=torch.float64).scatter(0, index.flatten(), weight.flatten().double())
    query = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    attention = AttentionRecord(query, row.log().view(1, 1, 8, 1), 1.0, Grid(1, 1), (grid,))
    value = row_supervision(attention, place.double().view(1, 1, 1, 2), torch.ones(1, 1, 1, 1).double())
    torch.testing.assert_close(value, torch.special.entr(weight.double()).sum(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("grid", [Grid(4, 5), Grid(1, 3), Grid(2, 1)])
def test_bilinear_weights_are_those_of_reading_a_picture(grid: Grid) -> None:
    g = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 1, *grid, generator=g)
    place = torch.cat((torch.rand(1, 9, 2, generator=g) * 2.4 - 1.2, torch.tensor([[[1.0, 1.0], [-1.0, -1.0]]])), 1)
    index, weight = bilinear_weights(place, grid)
    read = (picture.flatten()[index] * weight).sum(-1)
    torch.testing.assert_close(read, warp(picture, place[:, None])[0, 0])
    torch.testing.assert_close(weight.sum(-1), torch.ones(1, 11))


def test_log_partition_with_its_gradient() -> None:
    attention = random_record()
    expected = (attention.scale * attention.query @ attention.key.mT).logsumexp(-1)
    weight = torch.randn_like(expected)
    ours, theirs = ((value, *torch.autograd.grad((value * weight).sum(), (attention.query, attention.key)))
                    for value in (attention.log_partition(), expected))  # fmt: skip
    torch.testing.assert_close(ours, theirs)


def test_truth_on_another_lattice_is_refused() -> None:
    attention, (flow, mask) = random_record(), random_truth()
    with pytest.raises(ValueError, match=r"the queries of 'a' are \(2, 3, 4\)"):
        known_rows(attention, flow[:, :2], mask[:, :, :2])


@pytest.mark.parametrize("loss", LOSSES)
def test_no_map_is_kept_for_the_gradient(loss) -> None:
    grid, heads, width = Grid(16, 16), 2, 8
    query, key = (torch.randn(1, heads, grid.tokens, width, requires_grad=True) for _ in range(2))
    sizes = [0]

    def note(tensor: Tensor) -> Tensor:
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        value = loss(record(query, key, grid, grid), coordinate_grid(*grid)[None], torch.ones(1, 1, *grid))
    value.backward()
    assert 0 < max(sizes) < heads * grid.tokens**2 / 4
