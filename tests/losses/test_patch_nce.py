"""PatchNCE: the released loss, its plain form, and what it is least for."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from gan_goldens import Golden, names
from torch import Tensor

from vtonlib.losses.patch_nce import patch_nce


def patches(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return F.normalize(torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype), dim=-1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", names("patchnce"))
def test_loss_and_gradient_equal_the_official_ones(name: str, dtype: torch.dtype) -> None:
    golden = Golden(name, dtype)
    images = 1 if golden.args["all_negatives"] else golden.args["batch_size"]
    query = golden["feat_q"].requires_grad_()
    grouped = (query.unflatten(0, (images, -1)), golden["feat_k"].unflatten(0, (images, -1)))
    loss = patch_nce(*grouped, temperature=golden.args["nce_T"], released=True).flatten()
    golden.check("loss", loss)
    loss.mean().backward()
    golden.check("grad.feat_q", query.grad)
    assert not golden.unchecked


def test_the_released_term_shows_at_high_temperature_and_not_at_the_usual_one() -> None:
    query, key = patches(1, 6, 4), patches(1, 6, 4, seed=1)
    usual = [patch_nce(query, key, released=released) for released in (False, True)]
    torch.testing.assert_close(*usual, rtol=0, atol=1e-14)
    high = [patch_nce(query, key, temperature=2.0, released=released) for released in (False, True)]
    assert (high[1] - high[0]).min() > 1e-4
    total = (query @ key.mT / 2).exp().sum(-1)
    torch.testing.assert_close(high[1] - high[0], (1 + math.exp(-5) / total).log())


def test_it_is_the_cross_entropy_with_the_own_key_as_label() -> None:
    query, key = patches(3, 5, 4), patches(3, 5, 4, seed=1)
    expected = F.cross_entropy((query @ key.mT / 0.2).flatten(0, 1), torch.arange(5).repeat(3), reduction="none")
    torch.testing.assert_close(patch_nce(query, key, temperature=0.2).flatten(), expected)


def test_values_known_by_hand() -> None:
    own = torch.eye(4, dtype=torch.float64)[None]
    assert patch_nce(own, own).max() < 1e-5
    alike = own[:, :1].expand(-1, 4, -1)
    torch.testing.assert_close(patch_nce(alike, alike), torch.full((1, 4), math.log(4), dtype=torch.float64))
    assert patch_nce(own, own.roll(1, 1)).min() > 14  # 1 / 0.07: every query takes its neighbour's key for its own


def test_keys_get_no_gradient_and_queries_the_true_one() -> None:
    query, key = patches(2, 4, 3).requires_grad_(), patches(2, 4, 3, seed=1).requires_grad_()
    patch_nce(query, key).sum().backward()
    assert key.grad is None and query.grad is not None
    assert torch.autograd.gradcheck(lambda q: patch_nce(q, key.detach(), temperature=0.5, released=True), query)


def test_half_precision_is_computed_in_full() -> None:
    query, key = patches(1, 8, 4).bfloat16(), patches(1, 8, 4, seed=1).bfloat16()
    found = patch_nce(query, key)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, patch_nce(query.double(), key.double()).float())


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"temperature is 0\.0: expected a number above 0"):
        patch_nce(patches(1, 2, 3), patches(1, 2, 3), temperature=0.0)


@pytest.mark.usefixtures("unchecked")
def test_shapes_that_differ_are_named() -> None:
    with pytest.raises(ValueError, match=r"query is \(1, 2, 3\) and key \(1, 4, 3\)"):
        patch_nce(patches(1, 2, 3), patches(1, 4, 3))
