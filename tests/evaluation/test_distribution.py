from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import poly_mmd

from vtonlib.evaluation.distribution import extract, frechet_distance, kernel_distance, squared_mmd


def standardized(n: int, d: int, seed: int) -> torch.Tensor:
    """Features whose sample mean is exactly 0 and whose sample covariance is exactly the identity."""
    x = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    x = x - x.mean(0)
    return x @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T))).T


def test_frechet_distance_of_gaussians_with_known_moments() -> None:
    x, y = standardized(60, 4, 0), standardized(50, 4, 1)
    scale, shift = torch.tensor([1.0, 2.0, 3.0, 0.5]), torch.tensor([0.0, 1.0, -2.0, 0.0])
    expected = 5.0 + sum((1 - s) ** 2 for s in scale.tolist())  # commuting covariances
    assert frechet_distance(x, y * scale + shift) == pytest.approx(expected, abs=1e-9)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_equals_that_of_torchmetrics() -> None:
    class Identity(torch.nn.Module):
        num_features = 5

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:, 0, 0]

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 5, generator=generator)
    y = torch.randn(30, 5, generator=generator) @ torch.randn(5, 5, generator=generator) + 0.3
    fid = FrechetInceptionDistance(feature=Identity(), input_img_size=(1, 1, 5)).set_dtype(torch.float64)
    fid.update(x[:, None, None], real=True)
    fid.update(y[:, None, None], real=False)
    assert frechet_distance(x, y) == pytest.approx(fid.compute().item(), rel=1e-6)


def test_frechet_distance_of_fewer_images_than_features_is_finite() -> None:
    x = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    assert frechet_distance(x, x + 1) == pytest.approx(16, rel=1e-5)
    assert frechet_distance(torch.zeros(3, 1), torch.ones(3, 1)) == pytest.approx(1)


def test_squared_mmd_equals_that_of_torchmetrics_and_the_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(12, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    assert squared_mmd(x, y) == pytest.approx(poly_mmd(x, y).item(), abs=1e-12)

    def kernel(a: torch.Tensor, b: torch.Tensor) -> float:
        return ((a @ b).item() / 3 + 1) ** 3

    y = y[:7]
    pairs_x = [kernel(x[i], x[j]) for i in range(12) for j in range(12) if i != j]
    pairs_y = [kernel(y[i], y[j]) for i in range(7) for j in range(7) if i != j]
    cross = [kernel(a, b) for a in x for b in y]
    expected = sum(pairs_x) / len(pairs_x) + sum(pairs_y) / len(pairs_y) - 2 * sum(cross) / len(cross)
    assert squared_mmd(x, y) == pytest.approx(expected, abs=1e-12)


def test_kernel_distance_is_near_zero_for_one_law_and_clear_for_two() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(300, 8, generator=generator), torch.randn(200, 8, generator=generator)
    same, other = kernel_distance(x, y), kernel_distance(x, y + 1)
    assert abs(same.mean) < 0.05
    assert other.mean > 1 > same.std > 0
    assert kernel_distance(x, y) == same
    assert kernel_distance(x, y, subset_size=1000, subsets=3).std == pytest.approx(0, abs=1e-6)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize("distance", [frechet_distance, squared_mmd, kernel_distance])
def test_features_are_checked(distance) -> None:
    with pytest.raises(ValueError, match="at least 2 images"):
        distance(torch.zeros(1, 4), torch.zeros(5, 4))
    with pytest.raises(ValueError, match="x has 4 features per image but y has 3"):
        distance(torch.zeros(5, 4), torch.zeros(5, 3))


@dataclass
class MeanColour:
    name: str = "mean colour"

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3))


def test_extract_joins_the_batches() -> None:
    images = torch.rand(5, 3, 6, 4)
    found = extract(MeanColour(), images.split(2))
    assert found.dtype == torch.float64
    torch.testing.assert_close(found.float(), images.mean((2, 3)))
    assert math.isfinite(frechet_distance(found, found))
    with pytest.raises(ValueError, match="mean colour"):
        extract(MeanColour(), [])
