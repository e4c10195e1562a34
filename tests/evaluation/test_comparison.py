from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vtonlib.evaluation.comparison import difference_interval, holm, sign_flip, variance_parts


def same_people(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    hard = torch.randn(n, generator=g)
    return hard + 0.1 + 0.05 * torch.randn(n, generator=g), hard + 0.05 * torch.randn(n, generator=g)


def test_pairs_cancel_what_is_hard_for_both() -> None:
    x, y = same_people(60)
    paired, unpaired = difference_interval(x, y), difference_interval(x, y, paired=False)
    assert paired.mean == pytest.approx(unpaired.mean, abs=1e-6)
    assert paired.low > 0 and unpaired.low < 0 < unpaired.high
    assert unpaired.high - unpaired.low > 10 * (paired.high - paired.low)


def test_the_unpaired_interval_is_as_wide_as_two_independent_means_make_it() -> None:
    g = torch.Generator().manual_seed(1)
    x, y = torch.randn(300, generator=g), 2 * torch.randn(200, generator=g)
    interval = difference_interval(x, y, paired=False)
    error = float((x.var() / 300 + y.var() / 200).sqrt())
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * error, rel=0.08)


@pytest.mark.usefixtures("as_installed")
def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="found 3 and 4"):
        difference_interval(torch.zeros(3), torch.zeros(4))
    with pytest.raises(ValueError, match="1 trainings of 5 people"):
        variance_parts(torch.zeros(1, 5))


def test_holm_keeps_its_promise_and_gives_more_than_counting_all() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])
    g = torch.Generator().manual_seed(2)
    false_finds = sum(min(holm(torch.rand(8, generator=g).tolist())) < 0.05 for _ in range(2000))
    assert false_finds / 2000 <= 0.065


def test_all_signs_are_tried_where_differences_are_few() -> None:
    assert sign_flip(torch.tensor([1.0, 2.0, 3.0])) == pytest.approx(2 / 8)  # all up or all down
    assert sign_flip(torch.tensor([1.0, -1.0])) == 1.0
    clear = sign_flip(torch.full((40,), 0.3) + 0.1 * torch.randn(40, generator=torch.Generator().manual_seed(3)))
    assert clear == pytest.approx(1 / 4096)
