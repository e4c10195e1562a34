from __future__ import annotations

import pytest
import torch
from torch import nn

from vtonlib.evaluation import FeatureExtractor, InceptionExtractor, extract, lpips_distance


class Bytes(nn.Module):
    """Wants bytes, as Inception does, and returns the mean of each channel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.dtype == torch.uint8
        return x.double().mean((2, 3))


def test_inception_gets_bytes_and_has_a_name() -> None:
    extractor = InceptionExtractor(Bytes())
    assert isinstance(extractor, FeatureExtractor)
    assert extractor.name == "inception-v3-compat"
    images = torch.stack([torch.full((3, 4, 5), x) for x in (-1.0, 0.0, 1.0, 3.0)])
    assert extract(extractor, [images])[:, 0].tolist() == [0, 128, 255, 255]


def test_a_network_that_returns_a_tuple_is_named() -> None:
    class Tuples(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
            return (x.float(),)

    with pytest.raises(TypeError, match="returned tuple, expected a tensor"):
        InceptionExtractor(Tuples()).features(torch.zeros(1, 3, 4, 5))


def test_lpips_gives_one_number_per_sample() -> None:
    class Squares(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return (x - y).square().mean((1, 2, 3), keepdim=True)

    image = torch.zeros(2, 3, 4, 5)
    image[1] = 0.5
    assert lpips_distance(image, torch.zeros_like(image), Squares()).tolist() == [0, 0.25]
