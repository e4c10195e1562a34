"""Chapter 04's formulas, written out pixel by pixel, against vtonlib; and its example worked by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vtonlib.models.normalization import (
    ALIASNorm,
    effective_eps,
    fill_with_mean,
    mask_norm_steps,
    mask_standardize,
)

B, C, H, W = 2, 3, 4, 5
P, EPS = H * W, 0.07
EXAMPLE = [[1, 2, 3, 2, 2], [2, 2, 2, 2, 2], [1, 1, 3, 2, 3], [2, 2, 1, 2, 3], [3, 1, 2, 2, 2]]


@pytest.fixture(params=["binary", "soft"])
def case(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(5)
    x = 2 * torch.randn(B, C, H, W, generator=g, dtype=torch.float64) + 3
    mask = torch.rand(B, 1, H, W, generator=g, dtype=torch.float64)
    return x, mask.round() if request.param == "binary" else mask


def mean(x: list[float], w: list[float]) -> float:
    return sum(a * b for a, b in zip(x, w, strict=True)) / sum(w)


def everywhere(x: Tensor, mask: Tensor, of: Callable[[list[float], list[float]], list[float]]) -> Tensor:
    """What a function of one channel's values and the mask's weights gives, for every sample and channel."""
    rows = [[of(x[b, c].flatten().tolist(), mask[b, 0].flatten().tolist()) for c in range(C)] for b in range(B)]
    return torch.tensor(rows, dtype=torch.float64).view(B, C, H, W)


def filled(x: list[float], w: list[float]) -> list[float]:
    mu = mean(x, w)
    return [b * a + (1 - b) * mu for a, b in zip(x, w, strict=True)]


def normed(x: list[float]) -> list[float]:
    mu = sum(x) / P
    variance = sum((a - mu) ** 2 for a in x) / P
    return [(a - mu) / math.sqrt(variance + EPS) for a in x]


@pytest.mark.equation("eq-mask-fill")
def test_fill(case: tuple[Tensor, Tensor]) -> None:
    x, mask = case
    torch.testing.assert_close(fill_with_mean(x, mask), everywhere(x, mask, filled))


@pytest.mark.equation("eq-mask-norm-steps")
def test_three_steps(case: tuple[Tensor, Tensor]) -> None:
    x, mask = case

    def steps(values: list[float], weights: list[float]) -> list[float]:
        y = [0.0] * P
        for w in (weights, [1 - b for b in weights]):
            factor = math.sqrt(sum(w) / P)
            y = [a + factor * b for a, b in zip(y, normed(filled(values, w)), strict=True)]
        return y

    torch.testing.assert_close(mask_norm_steps(x, mask, eps=EPS).result, everywhere(x, mask, steps))


@pytest.mark.equation("eq-fill-variance")
def test_moments_of_the_filled_map(case: tuple[Tensor, Tensor]) -> None:
    x, mask = case
    full = fill_with_mean(x, mask)
    for b in range(B):
        weights = mask[b, 0].flatten().tolist()
        for c in range(C):
            values = x[b, c].flatten().tolist()
            mu = mean(values, weights)
            squares = [(w * (a - mu)) ** 2 for a, w in zip(values, weights, strict=True)]
            assert full[b, c].mean().item() == pytest.approx(mu)
            assert full[b, c].var(correction=0).item() == pytest.approx(sum(squares) / P)
            if set(weights) <= {0.0, 1.0}:
                region = x[b, c][mask[b, 0] == 1]
                share = len(region) / P
                assert full[b, c].var(correction=0).item() == pytest.approx(share * region.var(correction=0).item())


@pytest.mark.equation("eq-mask-norm")
def test_closed_form(case: tuple[Tensor, Tensor]) -> None:
    x, mask = case

    def closed(values: list[float], weights: list[float]) -> list[float]:
        y = [0.0] * P
        for w in (weights, [1 - b for b in weights]):
            mu = mean(values, w)
            v = sum((b * (a - mu)) ** 2 for a, b in zip(values, w, strict=True)) / P
            s = math.sqrt(sum(w) / P) / math.sqrt(v + EPS)
            y = [old + b * (a - mu) * s for old, a, b in zip(y, values, w, strict=True)]
        return y

    torch.testing.assert_close(mask_standardize(x, mask, eps=EPS), everywhere(x, mask, closed))


@pytest.mark.equation("eq-effective-eps")
def test_effective_eps(case: tuple[Tensor, Tensor]) -> None:
    x, mask = case[0], case[1].round()
    eps = effective_eps(mask, eps=EPS)
    y = mask_standardize(x, mask, eps=EPS)
    for b in range(B):
        for k, region in enumerate((mask[b, 0] == 1, mask[b, 0] == 0)):
            assert eps[b, k].item() == pytest.approx(EPS * P / int(region.sum()))
            for c in range(C):
                values = x[b, c][region]
                scale = torch.sqrt(values.var(correction=0) + eps[b, k])
                torch.testing.assert_close(y[b, c][region], (values - values.mean()) / scale)


@pytest.mark.equation("eq-alias-norm")
def test_alias_norm(case: tuple[Tensor, Tensor]) -> None:
    x, mask = case
    layer = ALIASNorm(C, 2, hidden=4).double()
    torch.nn.init.normal_(layer.noise_scale)
    labels = torch.nn.functional.one_hot((torch.arange(B * P) % 3 > 0).long().view(B, H, W), 2).movedim(-1, 1).double()
    y = layer(x, labels, mask, generator=torch.Generator().manual_seed(8))
    z = torch.randn(B, W, H, 1, generator=torch.Generator().manual_seed(8), dtype=torch.float64).transpose(1, 3)
    gamma, beta = layer.modulation(labels, H, W)
    normal = mask_norm_steps(x + layer.noise_scale.view(1, C, 1, 1) * z, mask).result
    torch.testing.assert_close(y, (1 + gamma) * normal + beta)


@pytest.mark.equation("eq-mask-norm")
def test_the_worked_example() -> None:
    x = torch.tensor(EXAMPLE, dtype=torch.float64)[None, None]
    mask = torch.zeros_like(x)
    mask[0, 0, 2, 1:4] = 1
    steps = mask_norm_steps(x, mask)
    assert steps.filled.flatten(2).mean(-1).flatten().tolist() == pytest.approx([2, 2])
    assert steps.normalized[0, 0].max().item() == pytest.approx(3.53531, abs=5e-6)
    assert steps.normalized[0, 1].max().item() == pytest.approx(1.76774, abs=5e-6)
    y = mask_standardize(x, mask)[0, 0]
    assert y[2, 1:4].tolist() == pytest.approx([-1.22467, 1.22467, 0], abs=5e-6)
    others = y[mask[0, 0] == 0]
    signs = torch.tensor(EXAMPLE, dtype=torch.float64)[mask[0, 0] == 0] - 2
    torch.testing.assert_close(others, 1.65829 * signs, atol=5e-6, rtol=0)


@pytest.mark.equation("eq-mask-norm")
def test_half_weights_everywhere_are_instance_norm_times_root_two(case: tuple[Tensor, Tensor]) -> None:
    x, mask = case
    whole = everywhere(x, mask, lambda values, _: normed(values))
    half = mask_standardize(x, torch.full_like(mask, 0.5), eps=EPS / 4)
    torch.testing.assert_close(half, math.sqrt(2) * whole)


def test_a_shift_of_a_region_has_no_gradient(case: tuple[Tensor, Tensor]) -> None:
    x, mask = case[0].requires_grad_(), case[1].round()
    weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    (gradient,) = torch.autograd.grad((weights * mask_standardize(x, mask)).sum(), x)
    for region in (mask, 1 - mask):
        torch.testing.assert_close((gradient * region).sum((2, 3)), torch.zeros(B, C).double())
    assert gradient.abs().mean() > 0.01
