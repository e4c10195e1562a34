"""The perceptual loss."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vtonlib.losses.perceptual import perceptual, spade_weights


class Pyramid:
    """The image itself and its half: features that a reader can compute."""

    name = "pyramid"

    def maps(self, images: Tensor) -> list[Tensor]:
        return [images, torch.nn.functional.avg_pool2d(images, 2) ** 2]


@pytest.mark.equation("eq-perceptual")
def test_by_hand() -> None:
    real, fake = (torch.rand(2, 3, 4, 6, dtype=torch.float64) * 2 - 1 for _ in range(2))
    expected = 0.0
    for weight, r, f in zip((0.25, 2.0), Pyramid().maps(real), Pyramid().maps(fake), strict=True):
        differences = [abs(a - b) for a, b in zip(r.flatten().tolist(), f.flatten().tolist(), strict=True)]
        expected += weight * sum(differences) / len(differences)
    assert perceptual(Pyramid(), real, fake, (0.25, 2.0)).item() == pytest.approx(expected)


def test_only_the_fake_learns() -> None:
    real, fake = (torch.rand(1, 3, 4, 6, requires_grad=True) for _ in range(2))
    perceptual(Pyramid(), real, fake, (1.0, 1.0)).backward()
    assert real.grad is None and fake.grad.abs().sum() > 0
    assert perceptual(Pyramid(), real, real, (1.0, 1.0)) == 0


def test_weights_must_fit_the_maps() -> None:
    with pytest.raises(ValueError, match="weights has 1 entries: pyramid gives 2 maps"):
        perceptual(Pyramid(), torch.rand(1, 3, 4, 6), torch.rand(1, 3, 4, 6), (1.0,))


def test_weights_are_spades_unless_told() -> None:
    assert spade_weights(5) == (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1) and spade_weights(1) == (1,)
    real, fake = (torch.rand(1, 3, 4, 6) for _ in range(2))
    assert perceptual(Pyramid(), real, fake) == perceptual(Pyramid(), real, fake, (0.25, 1.0))


def test_gradcheck() -> None:
    real = torch.rand(1, 3, 2, 4, dtype=torch.float64)
    fake = torch.rand(1, 3, 2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: perceptual(Pyramid(), real, x, (0.5, 1.0)), fake)
