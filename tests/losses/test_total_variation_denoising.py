"""Total-variation denoising: closed forms, the conditions of its optimum, masks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vtonlib.losses.total_variation import total_variation_denoising


def line(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).view(1, 1, -1, 1)


def smoothed(x: Tensor, strength: float, **options) -> list[float]:
    return total_variation_denoising(x, torch.ones(1, 1, 1, x.shape[2]), float(strength), **options).flatten().tolist()


def cost(y: Tensor, x: Tensor, strength: float) -> float:
    varies = sum(y.diff(dim=d).abs().sum() for d in (1, 2))
    return float((y - x).square().sum() / 2 + strength * varies)


@pytest.mark.equation("eq-denoising")
@pytest.mark.parametrize(
    ("signal", "strength", "expected"),
    [
        ((0, 6, 0), 0, (0, 6, 0)),
        ((0, 6, 0), 1, (1, 4, 1)),  # a spike loses on both sides
        ((0, 6, 0), 2, (2, 2, 2)),
        ((0, 6, 0), 9, (2, 2, 2)),
        ((0, 0, 6, 6), 1, (0.5, 0.5, 5.5, 5.5)),  # a step loses on one, and shares it among its samples
        ((0, 0, 6, 6), 6, (3, 3, 3, 3)),
        ((0, 9, 0), 2, (2, 5, 2)),
    ],
)
def test_what_can_be_computed_by_hand(signal, strength, expected) -> None:
    assert smoothed(line(*signal), strength) == pytest.approx(expected, abs=1e-6)


@pytest.mark.equation("eq-denoising")
def test_nothing_near_costs_less() -> None:
    g = torch.Generator().manual_seed(0)
    x, strength = torch.randn(1, 5, 4, 1, generator=g, dtype=torch.float64), 0.3
    y = total_variation_denoising(x, torch.ones(1, 1, 5, 4), strength, steps=3000)
    for scale in (1e-4, 1e-2, 1.0):
        for _ in range(20):
            other = y + scale * torch.randn(y.shape, generator=g, dtype=torch.float64)
            assert cost(other, x, strength) >= cost(y, x, strength) - 1e-7


@pytest.mark.equation("eq-denoising-dual")
def test_prices_are_the_sums_of_what_was_moved() -> None:
    """Of a signal the price of a pair is the sum of y - x up to it: never beyond the strength, and at it on a jump."""
    g = torch.Generator().manual_seed(1)
    x, strength = torch.randn(1, 1, 40, 1, generator=g, dtype=torch.float64), 0.8
    y = total_variation_denoising(x, torch.ones(1, 1, 1, 40), strength, steps=5000)
    price = (y - x).flatten().cumsum(0)
    assert price[-1].abs() < 1e-6 and price.abs().max() <= strength + 1e-6  # nothing is lost
    jumps = y.flatten().diff()
    for p, jump in zip(price[:-1].tolist(), jumps.tolist(), strict=True):
        assert abs(jump) < 1e-4 or p == pytest.approx(strength * (1 if jump > 0 else -1), abs=1e-3)


def test_outside_the_mask_nothing_changes_and_nothing_is_felt() -> None:
    x, mask = line(0, 6, 0, 50, 7), torch.tensor([1.0, 1, 1, 0, 1]).view(1, 1, 1, 5)
    assert total_variation_denoising(x, mask, 1.0).flatten().tolist() == pytest.approx([1, 4, 1, 50, 7], abs=1e-6)


def test_a_picture_and_each_of_its_numbers_by_itself() -> None:
    spike = torch.zeros(1, 3, 3, 2, dtype=torch.float64)
    spike[0, 1, 1] = torch.tensor([8.0, -4.0])
    found = total_variation_denoising(spike, torch.ones(1, 1, 3, 3), 0.5, steps=2000)
    assert found[0, 1, 1].tolist() == pytest.approx([6, -2], abs=1e-5)  # four neighbours draw
    assert found.sum((0, 1, 2)).tolist() == pytest.approx([8, -4], abs=1e-9)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="strength is -1"):
        smoothed(line(0, 1), -1)
