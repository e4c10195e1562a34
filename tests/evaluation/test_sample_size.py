from __future__ import annotations

import pytest
import torch

from vtonlib.evaluation.distribution import frechet_distance
from vtonlib.evaluation.sample_size import frechet_by_size, kernel_standard_error


def features(n: int, d: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_whole_sets_are_the_largest_size() -> None:
    x, y = features(20), features(20, seed=1) + 0.5
    found = frechet_by_size(x, y, (5, 20), repeats=3)
    assert found.shape == (2, 3)
    assert found[1].tolist() == pytest.approx([frechet_distance(x, y)] * 3)
    assert found[0].mean() > found[1].mean()


@pytest.mark.usefixtures("as_installed")
def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="sizes has 21: expected 2 to 20"):
        frechet_by_size(features(20), features(30), (5, 21))
    with pytest.raises(ValueError, match="2 images: the jackknife needs at least 3"):
        kernel_standard_error(features(2), features(9))
