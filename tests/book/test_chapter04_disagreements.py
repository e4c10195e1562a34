"""Where paper, released code and notes differ on mask normalization: each variant written from its description."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vtonlib.models.normalization import mask_standardize

G = torch.Generator().manual_seed(11)
X = torch.randn(2, 3, 6, 4, generator=G, dtype=torch.float64) * 3 + 1
SOFT = torch.rand(2, 1, 6, 4, generator=G, dtype=torch.float64)
BINARY = SOFT.round()


def instance_norm(x: Tensor, eps: float) -> Tensor:
    centred = x - x.mean((2, 3), keepdim=True)
    return centred / (centred.square().mean((2, 3), keepdim=True) + eps).sqrt()


def released(x: Tensor, mask: Tensor, eps: float = 1e-5, *, factor: bool = True) -> Tensor:
    """Fill, instance norm, square root of the region's share."""
    total = torch.zeros_like(x)
    for w in (mask, 1 - mask):
        n = w.sum((2, 3), keepdim=True)
        mean = (w * x).sum((2, 3), keepdim=True) / n
        share = n / w[0].numel() if factor else torch.ones_like(n)
        total = total + share.sqrt() * instance_norm(w * x + (1 - w) * mean, eps)
    return total


def regions_apart(x: Tensor, mask: Tensor, eps: float) -> Tensor:
    """Each set of pixels by its own mean and standard deviation."""
    y = torch.zeros_like(x)
    for b in range(len(x)):
        for c in range(x.shape[1]):
            for region in (mask[b, 0] == 1, mask[b, 0] == 0):
                values = x[b, c][region]
                y[b, c][region] = (values - values.mean()) / (values.var(correction=0) + eps).sqrt()
    return y


@pytest.mark.disagreement("D5")
def test_the_factor_is_exact_up_to_eps() -> None:
    ours = mask_standardize(X, BINARY)
    torch.testing.assert_close(ours, released(X, BINARY))
    # with a vanishing eps the code is the definition: nothing about it is a heuristic
    torch.testing.assert_close(mask_standardize(X, BINARY, eps=1e-14), regions_apart(X, BINARY, 0.0))
    # with a large one they part: the code's eps is larger, most of all for small regions
    small = torch.zeros_like(BINARY)
    small[:, :, 2, :2] = 1
    code, definition = released(X, small, 0.1), regions_apart(X, small, 0.1)
    inside = small.bool().expand_as(X)
    assert (code[inside].abs() < definition[inside].abs()).all()
    torch.testing.assert_close(mask_standardize(X, small, eps=0.1), code)
    # without the factor a region's standard deviation would be the root of P / n: larger the smaller it is
    without = released(X, small, 1e-14, factor=False)[inside].view(2, 3, -1).std(-1, correction=0)
    torch.testing.assert_close(without, torch.full_like(without, math.sqrt(24 / 2)))


@pytest.mark.disagreement("D17")
def test_soft_weights_enter_squared_in_the_spread_and_once_in_the_sum() -> None:
    ours = mask_standardize(X, SOFT, eps=0.1)
    torch.testing.assert_close(ours, released(X, SOFT, 0.1))
    assert (ours - mask_standardize(X, BINARY, eps=0.1)).abs().max() > 0.3  # sets of pixels are something else

    def closed(spread_power: int, blend_power: int) -> Tensor:
        y = torch.zeros_like(X)
        for w in (SOFT, 1 - SOFT):
            n = w.sum((2, 3), keepdim=True)
            d = X - (w * X).sum((2, 3), keepdim=True) / n
            v = (w**spread_power * d.square()).mean((2, 3), keepdim=True)
            y = y + w**blend_power * d * (n / 24).sqrt() / (v + 0.1).sqrt()
        return y

    torch.testing.assert_close(ours, closed(2, 1))
    for wrong in ((1, 1), (2, 2)):
        assert (ours - closed(*wrong)).abs().max() > 0.1
