"""Rankings: ranks, their correlation, pairs in disorder, and intervals over seeds and people."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from vtonlib.evaluation.dispersion import partial_rank_correlation
from vtonlib.evaluation.ranking import discordant_pairs, draws, rank_correlation, ranks, seeds_and_people


def test_ranks_share_ties() -> None:
    assert ranks(torch.tensor([5.0, 1.0, 5.0, 9.0])).tolist() == [2.5, 1.0, 2.5, 4.0]


@pytest.mark.equation("eq-rank-correlation")
def test_without_ties_it_is_one_minus_six_squares() -> None:
    g = torch.Generator().manual_seed(0)
    for n in (3, 6, 17):
        x, y = torch.randn(2, n, generator=g, dtype=torch.float64)
        squares = (ranks(x) - ranks(y)).square().sum()
        wanted = 1 - 6 * float(squares) / (n * (n**2 - 1))
        assert float(rank_correlation(x, y)) == pytest.approx(wanted, abs=1e-12)
        assert float(rank_correlation(x, y)) == pytest.approx(partial_rank_correlation(x, y), abs=1e-12)
        assert float(rank_correlation(x, y.exp())) == pytest.approx(wanted, abs=1e-12)
    both = torch.randn(2, 5, 7, generator=g)
    together = rank_correlation(both[0], both[1])
    assert together.tolist() == [float(rank_correlation(*pair)) for pair in zip(*both, strict=True)]
    assert math.isnan(float(rank_correlation(torch.ones(4), torch.arange(4.0))))
    with pytest.raises(ValueError, match="expected two alike, of three or more"):
        rank_correlation(torch.ones(2), torch.ones(2))


def test_pairs_in_disorder_are_those_of_kendall() -> None:
    x, y = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([2.0, 1.0, 4.0, 4.0])
    assert discordant_pairs(x, y) == [(0, 1)]
    g = torch.Generator().manual_seed(1)
    x, y = torch.randn(2, 9, generator=g)
    found = {(i, j) for i, j in itertools.combinations(range(9), 2) if (x[i] < x[j]) != (y[i] < y[j])}
    assert set(discordant_pairs(x, y)) == found
    with pytest.raises(ValueError, match="of the same methods"):
        discordant_pairs(x, y[:3])


def test_the_interval_knows_seeds_and_people() -> None:
    g = torch.Generator().manual_seed(2)
    people, trainings = torch.randn(60, generator=g), torch.tensor([-1.0, 0.0, 1.0])
    alike, apart = people.expand(3, -1), people + trainings[:, None]
    narrow, wide = seeds_and_people(alike), seeds_and_people(apart)
    assert narrow.mean == pytest.approx(float(people.mean()), abs=1e-6) == wide.mean
    assert narrow.low < narrow.mean < narrow.high and wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    holes = alike.clone()
    holes[:, 0] = torch.nan
    assert seeds_and_people(holes).mean == pytest.approx(float(people[1:].mean()), abs=1e-6)
    assert seeds_and_people(alike) == narrow and narrow.n == 60
    which, who = draws(3, 60, 10)
    assert which.shape == (10, 3) and who.shape == (10, 60) and int(which.max()) <= 2
    with pytest.raises(ValueError, match="expected some numbers"):
        seeds_and_people(torch.full((2, 3), torch.nan))
