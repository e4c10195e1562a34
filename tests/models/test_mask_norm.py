"""Mask normalization: the official values, the definition in small steps, and every odd mask."""

from __future__ import annotations

import pytest
import torch
from gan_goldens import Golden, names
from torch import Tensor
from torch.nn import functional as F

from vtonlib.models.normalization import MaskNorm, mask_standardize, region_moments, standardize


def as_the_paper_says(x: Tensor, mask: Tensor, eps: float = 1e-5) -> Tensor:
    """Fill the other region with the mean, instance norm of the whole, times sqrt(n / P); the sum of both regions."""
    total = torch.zeros_like(x)
    for weight in (mask, 1 - mask):
        n = weight.sum((2, 3), keepdim=True)
        n = torch.where(n == 0, 1.0, n)
        mean = (weight * x).sum((2, 3), keepdim=True) / n
        filled = weight * x + (1 - weight) * mean
        total = total + F.instance_norm(filled, eps=eps) * torch.sqrt(n / x[0, 0].numel())
    return total


def example(kind: str, *, seed: int = 0, shape: tuple[int, ...] = (2, 3, 6, 5)) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator, dtype=torch.float64) * 2 + 1
    soft = torch.rand((shape[0], 1, *shape[2:]), generator=generator, dtype=torch.float64)
    one = torch.zeros_like(soft)
    one[:, :, 2, 3] = 1
    masks = {
        "soft": soft,
        "binary": (soft > 0.6).double(),
        "faint": 1e-3 * soft,
        "empty": torch.zeros_like(soft),
        "full": torch.ones_like(soft),
        "one pixel": one,
        "all but one": 1 - one,
    }
    return x, masks[kind]


KINDS = ("soft", "binary", "faint", "empty", "full", "one pixel", "all but one")


@pytest.mark.equation("eq-mask-norm")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", names("masknorm"))
def test_equals_the_official_one(name: str, dtype: torch.dtype) -> None:
    golden = Golden(name, dtype)
    x = golden["x"].requires_grad_()
    y = MaskNorm()(x, golden["mask"])
    (y * golden["ct"]).sum().backward()
    golden.check("y", y)
    golden.check("grad.x", x.grad)
    assert not golden.unchecked


def test_the_example_worked_by_hand() -> None:
    golden = Golden("masknorm_seed_5x5", torch.float64)
    y = mask_standardize(golden["x"], golden["mask"], eps=0)[0, 0]
    inside = golden["mask"][0, 0] == 1
    half = torch.tensor(1.5, dtype=torch.float64)
    torch.testing.assert_close(y[inside].abs().amax(), half.sqrt())
    torch.testing.assert_close(y[~inside].abs().amax(), (22 / torch.tensor(8.0, dtype=torch.float64)).sqrt())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_equals_the_definition(kind: str, seed: int) -> None:
    x, mask = example(kind, seed=seed, shape=(2, 3, 6 + seed, 5))
    x.requires_grad_()
    ours, definition = mask_standardize(x, mask), as_the_paper_says(x, mask)
    torch.testing.assert_close(ours, definition, rtol=1e-9, atol=1e-11)
    cotangent = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype)
    gradients = [torch.autograd.grad(y, x, cotangent)[0] for y in (ours, definition)]
    torch.testing.assert_close(*gradients, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind: str) -> None:
    x, mask = example(kind, shape=(1, 2, 4, 5))
    assert torch.autograd.gradcheck(lambda x: mask_standardize(x, mask, eps=1e-2), x.requires_grad_())
    mask.requires_grad_()
    mask_standardize(x, mask).sum().backward()
    assert mask.grad is None


def test_a_binary_mask_standardizes_each_region_with_a_scaled_eps() -> None:
    x, mask = example("binary")
    y = mask_standardize(x, mask, eps=1e-3)
    for sample in range(2):
        for inside in (True, False):
            region = (mask[sample, 0] == 1) == inside
            values, n = x[sample, :, region], region.sum()
            spread = values.var(1, correction=0, keepdim=True) + 1e-3 * 30 / n
            wanted = (values - values.mean(1, keepdim=True)) / spread.sqrt()
            torch.testing.assert_close(y[sample, :, region], wanted)


@pytest.mark.parametrize("kind", ["empty", "full"])
def test_one_region_alone_is_instance_norm(kind: str) -> None:
    x, mask = example(kind)
    torch.testing.assert_close(mask_standardize(x, mask), standardize(x, (2, 3)))


def test_a_region_of_one_pixel_becomes_zero() -> None:
    x, mask = example("one pixel")
    assert mask_standardize(x, mask)[:, :, 2, 3].abs().max() < 1e-12


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 1, 1), (1, 2, 1, 7), (1, 2, 9, 1)])
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_small_maps_give_numbers(shape: tuple[int, ...], value: float) -> None:
    x, _ = example("soft", shape=(*shape[:2], 9, 9))
    x = x[:, :, : shape[2], : shape[3]].float().requires_grad_()
    y = mask_standardize(x, torch.full((shape[0], 1, *shape[2:]), value))
    y.sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()
    if shape[2:] == (1, 1):
        assert y.abs().max() < 1e-4


def test_values_far_from_zero_keep_their_digits() -> None:
    """Each region has its own level, thousands of its deviations away from 0 and from the other."""
    x, mask = example("binary")
    apart = x + torch.where(mask == 1, 4000.0, -1000.0)
    exact = mask_standardize(apart, mask)
    torch.testing.assert_close(mask_standardize(apart.float(), mask.float()).double(), exact, rtol=0, atol=1e-3)
    constant = torch.where(mask == 1, 4000.0, -1000.0).float().expand(-1, 3, -1, -1)
    assert mask_standardize(constant, mask.float()).isfinite().all()


def test_moments_are_those_of_the_regions() -> None:
    x, mask = example("binary")
    size, mean, spread = region_moments(x, mask)
    for region, inside in enumerate((True, False)):
        values = x[1, :, (mask[1, 0] == 1) == inside]
        torch.testing.assert_close(size[1, region, 0].item(), float(values.shape[1]))
        torch.testing.assert_close(mean[1, region], values.mean(1))
        torch.testing.assert_close(spread[1, region], values.var(1, correction=0) * values.shape[1] / 30)


def test_samples_and_channels_do_not_see_each_other() -> None:
    x, mask = example("soft", shape=(3, 4, 5, 6))
    whole = mask_standardize(x, mask)
    alone = mask_standardize(x[1:2, 2:3], mask[1:2])
    torch.testing.assert_close(whole[1:2, 2:3], alone)


@pytest.mark.parametrize("shape", [(2, 1, 5, 6), (1, 1, 6, 5), (2, 3, 6, 5), (2, 6, 5)])
def test_a_mask_of_another_shape_is_an_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(2, 1, 6, 5\)"):
        mask_standardize(torch.zeros(2, 3, 6, 5), torch.zeros(shape))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_single(dtype: torch.dtype) -> None:
    x, mask = example("soft")
    x = x.to(dtype).requires_grad_()
    y = mask_standardize(x, mask.to(dtype))
    y.sum().backward()
    assert y.dtype == x.grad.dtype == dtype
    torch.testing.assert_close(y.float(), mask_standardize(x.float(), mask.to(dtype).float()), rtol=1e-2, atol=1e-3)


def test_a_second_derivative_is_refused_not_wrong() -> None:
    x, mask = example("soft")
    x.requires_grad_()
    (first,) = torch.autograd.grad(mask_standardize(x, mask).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
