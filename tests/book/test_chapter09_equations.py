"""The equations of the chapter on augmentation, each written out from its formula, and its worked examples."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.data.moving import Move, moved_flow
from vtonlib.evaluation.dispersion import colour_mixture
from vtonlib.evaluation.parts import part_matrix
from vtonlib.grids import coordinate_grid, warp
from vtonlib.models.strip import CELLS, PARTS

HEIGHT, WIDTH = 9, 7


def moves() -> tuple[Move, Move]:
    """A move of a person and another of a garment, neither the same along x and y."""
    person = Move(torch.tensor([[0.9, 1.2]]), torch.tensor([[0.3, -0.2]]))
    return person, Move(torch.tensor([[-1.1, 0.8]]), torch.tensor([[-0.25, 0.1]]))


@pytest.mark.equation("eq-move")
def test_a_move_scales_then_shifts_and_is_undone() -> None:
    person, _ = moves()
    points = torch.tensor([[[0.5, -0.5], [-1.0, 0.25]]])
    by_hand = torch.tensor([[[0.9 * 0.5 + 0.3, 1.2 * -0.5 - 0.2], [0.9 * -1 + 0.3, 1.2 * 0.25 - 0.2]]])
    torch.testing.assert_close(person.forth(points), by_hand)
    torch.testing.assert_close(person.back(person.forth(points)), points)
    mirror = Move(torch.tensor([[-1.0, 1.0]]), torch.zeros(1, 2))
    torch.testing.assert_close(mirror.forth(points), points * torch.tensor([-1.0, 1.0]))


@pytest.mark.equation("eq-moved-picture")
def test_a_moved_picture_shows_each_point_where_it_went() -> None:
    person, _ = moves()
    places = coordinate_grid(HEIGHT, WIDTH).movedim(-1, 0)[None]  # a picture whose colours are its own coordinates
    moved = warp(places, person.sources(HEIGHT, WIDTH))
    for row in range(HEIGHT):
        for column in range(WIDTH):
            here = torch.tensor([2 * column / (WIDTH - 1) - 1, 2 * row / (HEIGHT - 1) - 1])
            old = (here - person.shift[0]) / person.scale[0]
            if (old.abs() <= 1).all():
                torch.testing.assert_close(moved[0, :, row, column], old, atol=1e-5, rtol=0)


def true_place(p: Tensor) -> Tensor:
    """An affine flow, so that reading it between pixels is exact."""
    return p @ torch.tensor([[1.1, 0.1], [-0.2, 0.9]]) + torch.tensor([0.05, 0.1])


@pytest.mark.equation("eq-moved-flow")
def test_a_moved_flow_goes_back_along_the_person_and_forth_along_the_garment() -> None:
    person, garment = moves()
    flow, mask = true_place(coordinate_grid(HEIGHT, WIDTH))[None], torch.ones(1, 1, HEIGHT, WIDTH)
    mask[:, :, :2] = 0
    moved, known = moved_flow(flow, mask, person, garment)
    assert 0 < known.sum() < known.numel()
    for row in range(HEIGHT):
        for column in range(WIDTH):
            here = torch.tensor([2 * column / (WIDTH - 1) - 1, 2 * row / (HEIGHT - 1) - 1])
            old = (here - person.shift[0]) / person.scale[0]
            place = true_place(old) * garment.scale[0] + garment.shift[0]
            if known[0, 0, row, column]:
                torch.testing.assert_close(moved[0, row, column], place, atol=1e-5, rtol=0)
                assert (old.abs() <= 1).all() and (place.abs() <= 1).all()
                assert old[1] >= 2 * 2 / (HEIGHT - 1) - 1 - 1e-5  # below the rows that were not known
            else:
                assert (moved[0, row, column] == 0).all()


def random_record(batch: int, queries: Grid, keys: Grid, heads: int = 2) -> AttentionRecord:
    generator = torch.Generator().manual_seed(9)
    query = 2 * torch.randn(batch, heads, queries.tokens, 4, dtype=torch.float64, generator=generator)
    key = torch.randn(batch, heads, keys.tokens, 4, dtype=torch.float64, generator=generator)
    return AttentionRecord(query, key, 1.0, queries, (keys,))


@pytest.mark.equation("eq-colour-mixture")
@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_one_drawn_key_errs_by_the_mixture_and_its_variance(temperature: float) -> None:
    record, generator = random_record(2, Grid(2, 3), Grid(4, 2)), torch.Generator().manual_seed(1)
    colours, wanted = (torch.rand(2, n, 3, dtype=torch.float64, generator=generator) for n in (8, 6))
    found = colour_mixture(record, colours, wanted, temperature=temperature)
    weights = record.weights(temperature=temperature).mean(1)
    for b in range(2):
        for i in range(6):
            row = weights[b, i].tolist()
            copied = sum(w * colours[b, j] for j, w in enumerate(row))
            drawn = sum(w * float((colours[b, j] - wanted[b, i]).square().sum()) for j, w in enumerate(row))
            mixed = sum(w * float((colours[b, j] - copied).square().sum()) for j, w in enumerate(row))
            error = float((copied - wanted[b, i]).square().sum())
            assert drawn == pytest.approx(error + mixed)
            assert [float(found.drawn[b, i]), float(found.error[b, i]), float(found.variance[b, i])] == pytest.approx(
                [drawn, error, mixed]
            )
    assert (found.error <= found.drawn).all()


@pytest.mark.equation("eq-part-matrix")
def test_the_matrix_of_parts_is_a_weighted_mean_of_rows() -> None:
    generator = torch.Generator().manual_seed(2)
    weights = torch.randn(2, 5, 6, generator=generator).softmax(-1)
    queries, keys = torch.rand(2, 5, 3, generator=generator), torch.randn(2, 6, 4, generator=generator).softmax(-1)
    found = part_matrix(weights, queries, keys)
    for p in range(3):
        for g in range(4):
            top = sum(
                float(queries[b, i, p] * weights[b, i, j] * keys[b, j, g])
                for b in range(2)
                for i in range(5)
                for j in range(6)
            )
            assert float(found[p, g]) == pytest.approx(top / float(queries[..., p].sum()), rel=1e-5)
    torch.testing.assert_close(found.sum(1), torch.ones(3))


def test_mean_errors_of_the_rules_by_hand() -> None:
    """Both shifts from 0 to 6: 'same cell' errs by 16/7, 'by part' by 12/7."""
    shifts = range(CELLS - PARTS + 1)
    same_cell = sum(abs(p - g) for p in shifts for g in shifts) / len(shifts) ** 2
    by_part = sum(abs(3 - g) for g in shifts) / len(shifts)
    assert (same_cell, by_part) == pytest.approx((16 / 7, 12 / 7))
