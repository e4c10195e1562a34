"""Scores of selections, on regions small enough to count."""

from __future__ import annotations

import math

import pytest
import torch

from vtonlib.evaluation.selection import average_precision, edge_energy, lowest_first, mean_cosine, score_selection

INSIDE = torch.tensor([[True, True, False, False, False, True], [False] * 6])


def test_precision_and_recall_are_counted() -> None:
    score = score_selection(torch.tensor([[0, 1, 2, 3], [0, 1, 2, 3]]), INSIDE)
    assert score.precision[0] == 2 / 4 and score.recall[0] == 2 / 3
    assert score.precision[1].isnan() and score.recall[1].isnan(), "an empty region has neither"


def test_random_selections_meet_chance() -> None:
    draw = torch.Generator().manual_seed(0)
    inside = (torch.arange(40) < 10).expand(4000, -1)
    score = score_selection(torch.rand(4000, 40, generator=draw).argsort(1)[:, :8], inside)
    assert abs(float(score.precision.mean()) - 10 / 40) < 0.01
    assert abs(float(score.recall.mean()) - 8 / 40) < 0.01


@pytest.mark.parametrize("ids", [torch.tensor([[0, 6], [0, 1]]), torch.tensor([[0, -1], [0, 1]])])
def test_patches_that_are_not_there_are_refused(ids: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="expected 0 to 5"):
        score_selection(ids, INSIDE)


def test_a_selection_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one patch"):
        score_selection(torch.zeros(2, 0, dtype=torch.long), INSIDE)


def test_the_first_of_equals_comes_first() -> None:
    assert lowest_first(torch.tensor([[1.0, 0.0, 1.0, 0.0]]), 3).tolist() == [[1, 3, 0]]


def test_average_precision_by_hand() -> None:
    found = average_precision(torch.tensor([[1.0, 4.0, 2.0, 3.0, 6.0, 5.0], [0.0] * 6]), INSIDE)
    assert found[0] == pytest.approx((1 / 1 + 2 / 4 + 3 / 5) / 3)  # met at places 1, 4 and 5
    assert found[1].isnan()
    assert average_precision(-INSIDE[:1].float(), INSIDE[:1]) == 1


def test_a_ramp_has_the_energy_of_its_slope() -> None:
    x, y = torch.arange(7.0), torch.arange(5.0)
    ramp = (3 * x + 4 * y[:, None]).expand(2, 3, -1, -1)
    energy = edge_energy(ramp)
    assert energy.shape == (2, 1, 5, 7)
    torch.testing.assert_close(energy[..., 1:-1, 1:-1], torch.full((2, 1, 3, 5), 25.0))
    assert edge_energy(torch.full((1, 3, 4, 4), 2.0)).abs().max() == 0


def test_cosines_between_different_patches() -> None:
    angle = math.pi / 3
    patches = torch.tensor([[[2.0, 0.0], [math.cos(angle), math.sin(angle)], [0.0, 3.0]], [[1.0, 1.0]] * 3])
    expected = (math.cos(angle) + math.cos(math.pi / 2) + math.cos(math.pi / 6)) / 3
    torch.testing.assert_close(mean_cosine(patches), torch.tensor([expected, 1.0]).double())
    with pytest.raises(ValueError, match="at least two"):
        mean_cosine(patches[:, :1])
