"""The equations of the chapter on normalization, each written out from its formula, and its worked example."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vtonlib.models.normalization import group_standardize, local_response_norm, standardize, weight_norm

EPS = 1e-5
X = torch.randn(3, 4, 2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 2 + 1


def by_sets(x: Tensor, set_of: object) -> Tensor:
    """The formula as it stands: every number against the mean and the variance of its set."""
    sets: dict[object, list[float]] = {}
    places = [(n, c, i, j) for n in range(3) for c in range(4) for i in range(2) for j in range(5)]
    for place in places:
        sets.setdefault(set_of(*place), []).append(float(x[place]))  # type: ignore[operator]
    y = torch.empty_like(x)
    for place in places:
        values = sets[set_of(*place)]  # type: ignore[operator]
        mean = sum(values) / len(values)
        variance = sum((v - mean) ** 2 for v in values) / len(values)
        y[place] = (float(x[place]) - mean) / math.sqrt(variance + EPS)
    return y


@pytest.mark.equation("eq-standardize")
def test_the_axes_are_the_whole_difference() -> None:
    torch.testing.assert_close(standardize(X, (0, 2, 3)), by_sets(X, lambda n, c, i, j: c))
    torch.testing.assert_close(standardize(X, (2, 3)), by_sets(X, lambda n, c, i, j: (n, c)))
    torch.testing.assert_close(standardize(X, (1, 2, 3)), by_sets(X, lambda n, c, i, j: n))


@pytest.mark.equation("eq-standardize")
def test_a_factor_and_a_constant_of_a_set_vanish() -> None:
    torch.manual_seed(0)
    factor, constant = (torch.rand(3, 4, 1, 1, dtype=torch.float64) + 0.5 for _ in range(2))
    changed = factor * X + constant
    torch.testing.assert_close(standardize(changed, (2, 3), eps=0), standardize(X, (2, 3), eps=0))
    for axes in ((0, 2, 3), (1, 2, 3)):  # sets that mix samples or channels with different factors keep a trace
        assert (standardize(changed, axes) - standardize(X, axes)).abs().max() > 0.1


@pytest.mark.equation("eq-group-norm")
def test_groups_are_runs_of_neighbouring_channels() -> None:
    torch.testing.assert_close(group_standardize(X, 2), by_sets(X, lambda n, c, i, j: (n, c // 2)))
    torch.testing.assert_close(group_standardize(X, 1), standardize(X, (1, 2, 3)))
    torch.testing.assert_close(group_standardize(X, 4), standardize(X, (2, 3)))


@pytest.mark.equation("eq-local-response-norm")
def test_local_response_norm_by_loop() -> None:
    size, alpha, beta, k = 3, 0.7, 0.6, 1.5
    y = torch.empty_like(X)
    for c in range(4):
        window = [X[:, d].square() for d in range(c - size // 2, c - size // 2 + size) if 0 <= d < 4]
        y[:, c] = X[:, c] / (k + alpha / size * torch.stack(window).sum(0)) ** beta
    torch.testing.assert_close(local_response_norm(X, size, alpha=alpha, beta=beta, k=k), y)


@pytest.mark.equation("eq-weight-norm")
def test_weight_norm_separates_length_and_direction() -> None:
    length = torch.tensor([0.5, 2.0, 3.0], dtype=torch.float64)
    rows = [[float(g) * v / math.dist(row, [0.0] * len(row)) for v in row]
            for g, row in zip(length, X.flatten(1).tolist(), strict=True)]  # fmt: skip
    torch.testing.assert_close(weight_norm(X, length), torch.tensor(rows, dtype=torch.float64).view_as(X))


@pytest.mark.equation("eq-standardize")
def test_the_worked_example() -> None:
    """Two samples, two channels, 2x2 pixels: the numbers of the chapter's table."""
    x = torch.tensor([[[1.0, 3, 1, 3], [5, 7, 5, 7]], [[11, 13, 11, 13], [3, 5, 3, 5]]]).view(2, 2, 2, 2).double()
    first = {axes: float(standardize(x, axes, eps=0)[0, 0, 0, 0]) for axes in ((0, 2, 3), (2, 3), (1, 2, 3))}
    assert first[(2, 3)] == pytest.approx(-1)
    assert first[(1, 2, 3)] == pytest.approx(-3 / math.sqrt(5))
    assert first[(0, 2, 3)] == pytest.approx(-6 / math.sqrt(26))


@pytest.mark.equation("eq-group-norm")
def test_one_group_per_channel_cancels_what_was_added_to_the_channel() -> None:
    torch.manual_seed(0)
    time = torch.randn(3, 4, 1, 1, dtype=torch.float64)
    torch.testing.assert_close(group_standardize(X + time, 4), group_standardize(X, 4))
    assert (group_standardize(X + time, 2) - group_standardize(X, 2)).abs().max() > 0.1
