from __future__ import annotations

import math

import pytest
import torch

from vtonlib.evaluation.bootstrap import bootstrap_interval


def test_the_interval_contains_the_mean_and_repeats() -> None:
    values = torch.randn(50, generator=torch.Generator().manual_seed(0))
    interval = bootstrap_interval(values)
    assert interval.low < interval.mean < interval.high
    assert interval.mean == pytest.approx(values.mean().item(), abs=1e-6)
    assert interval.n == 50
    assert bootstrap_interval(values) == interval
    assert bootstrap_interval(values, seed=1) != interval


def test_its_width_is_that_of_the_normal_approximation() -> None:
    values = torch.randn(400, generator=torch.Generator().manual_seed(1))
    interval = bootstrap_interval(values)
    normal = 2 * 1.96 * values.std().item() / math.sqrt(400)
    assert interval.high - interval.low == pytest.approx(normal, rel=0.08)
    wider = bootstrap_interval(values, level=0.99)
    assert wider.low < interval.low and wider.high > interval.high


def test_it_covers_the_true_mean_about_as_often_as_it_says() -> None:
    generator = torch.Generator().manual_seed(2)
    hits = 0
    for seed in range(200):
        interval = bootstrap_interval(torch.rand(40, generator=generator), resamples=400, seed=seed, level=0.9)
        hits += interval.low <= 0.5 <= interval.high
    assert 0.82 <= hits / 200 <= 0.96


def test_nan_is_dropped() -> None:
    values = torch.tensor([1.0, math.nan, 3.0, math.nan])
    assert bootstrap_interval(values) == bootstrap_interval(torch.tensor([1.0, 3.0]))
    empty = bootstrap_interval(torch.tensor([math.nan]))
    assert empty.n == 0 and math.isnan(empty.mean) and math.isnan(empty.low)
    assert bootstrap_interval(torch.tensor([2.0]))[:] == (2.0, 2.0, 2.0, 1)


@pytest.mark.usefixtures("as_installed")
def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match=r"a vector; found the shape \(2, 2\)"):
        bootstrap_interval(torch.zeros(2, 2))
    with pytest.raises(ValueError, match="level must lie between 0 and 1, found 95"):
        bootstrap_interval(torch.zeros(2), level=95)
