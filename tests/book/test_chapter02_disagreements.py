"""Where seed, papers and code differ on normalization: each variant written from its description."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from vtonlib.models.normalization import standardize

X = torch.randn(4, 3, 5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(6)) * 3 + 2


def captioned_instance(x: Tensor) -> Tensor:
    """The formula captioned "instance normalization": mu_i is a mean over t, l and m, the batch's index among them."""
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


def captioned_batch(x: Tensor) -> Tensor:
    """The formula captioned "batch normalization": mu_ti is a mean over l and m alone."""
    mean = x.mean((2, 3), keepdim=True)
    variance = (x - mean).square().mean((2, 3), keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


@pytest.mark.disagreement("D6")
def test_the_captions_are_exchanged() -> None:
    batch, instance = nn.BatchNorm2d(3, affine=False).double()(X), nn.InstanceNorm2d(3)(X)
    torch.testing.assert_close(captioned_instance(X), batch)
    torch.testing.assert_close(captioned_batch(X), instance)
    assert (batch - instance).abs().max() > 0.1
    torch.testing.assert_close(standardize(X, (0, 2, 3)), batch)  # ours are named as torch's
    torch.testing.assert_close(standardize(X, (2, 3)), instance)


@pytest.mark.disagreement("D16")
def test_batch_norm_with_one_sample_is_instance_norm_only_while_training() -> None:
    batch, one = nn.BatchNorm2d(3, affine=False).double(), X[:1]
    torch.testing.assert_close(batch(one), nn.InstanceNorm2d(3)(one))
    batch(X)
    assert (batch.eval()(one) - nn.InstanceNorm2d(3)(one)).abs().max() > 0.1
    torch.testing.assert_close(batch.running_var, 0.9 * (0.9 + 0.1 * one.var((0, 2, 3))) + 0.1 * X.var((0, 2, 3)))
    untracked = nn.BatchNorm2d(3, affine=False, track_running_stats=False).eval()
    torch.testing.assert_close(untracked(one), nn.InstanceNorm2d(3).eval()(one))
    torch.testing.assert_close(standardize(one, (0, 2, 3)), standardize(one, (2, 3)))
