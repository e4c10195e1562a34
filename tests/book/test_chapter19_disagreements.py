"""Where evaluators of try-on pictures differ, and what the library does."""

from __future__ import annotations

import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure as torchmetrics_ssim

from vtonlib.evaluation import frechet_distance, kernel_distance, ssim
from vtonlib.evaluation.likeness import FeatureDistance
from vtonlib.evaluation.sample_size import kernel_standard_error
from vtonlib.grids import resize_image


def pictures(seed: int, *, n: int = 6, size: tuple[int, int] = (32, 24)) -> torch.Tensor:
    return torch.rand(n, 3, *size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.disagreement("D95")
def test_the_same_pictures_resized_otherwise_are_another_set() -> None:
    """Every second pixel, or the mean of four: both are half as large, and FID tells them apart."""
    large = pictures(0, n=64)
    every_second, averaged = large[..., ::2, ::2], resize_image(large, 16, 12)

    def features(images: torch.Tensor) -> torch.Tensor:
        return torch.cat((images.mean((2, 3)), images.std((2, 3))), 1).double()

    same = frechet_distance(features(averaged[:32]), features(averaged[32:]))
    assert frechet_distance(features(every_second), features(averaged)) > 20 * same


@pytest.mark.disagreement("D96")
def test_two_networks_prefer_different_pictures() -> None:
    """What sees colours alone prefers the shuffled picture, what sees edges alone the darker one."""
    target = pictures(1)
    shuffled, darker = target.flatten(2).roll(1, 2).view_as(target), target - 0.5

    def colours(images: torch.Tensor) -> list[torch.Tensor]:
        return [images.mean((2, 3), keepdim=True) + 1.5]

    def edges(images: torch.Tensor) -> list[torch.Tensor]:
        return [images.diff(dim=3)]

    for maps, better, worse in ((colours, shuffled, darker), (edges, darker, shuffled)):
        distance = FeatureDistance(maps, maps.__name__)
        assert (distance(better, target) < distance(worse, target)).all()


@pytest.mark.disagreement("D97")
def test_a_range_taken_from_the_data_changes_ssim() -> None:
    """Two dim pictures: with the range told as 1 they are alike, with their own range they are not."""
    x, y = ((0.05 * pictures(seed) + 1) / 2 for seed in (2, 3))
    told, own = torchmetrics_ssim(x, y, data_range=1.0), torchmetrics_ssim(x, y)
    assert told > own + 0.3
    assert float(ssim(x * 2 - 1, y * 2 - 1).mean()) == pytest.approx(float(told), abs=1e-5)


@pytest.mark.disagreement("D98")
def test_the_deviation_over_subsets_does_not_shrink_and_the_standard_error_does() -> None:
    g = torch.Generator().manual_seed(4)
    x, y = (torch.randn(400, 6, generator=g) for _ in range(2))
    few, many = (kernel_distance(x[:n], y[:n], subset_size=50).std for n in (100, 400))
    assert many > 0.6 * few
    assert kernel_standard_error(x, y) < 0.5 * kernel_standard_error(x[:100], y[:100])
