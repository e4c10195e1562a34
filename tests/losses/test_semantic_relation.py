"""Patch-wise semantic relation: from its formula, patch by patch, and what it is and is not for."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vtonlib.losses.patch_nce import patch_nce
from vtonlib.losses.semantic_relation import hard_negative_nce, negative_weights, relation_divergence


def patches(seed: int, *, unit: bool = False) -> Tensor:
    z = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(z, dim=-1) if unit else z


def shares(z: Tensor, i: int, scale: float) -> list[float]:
    logits = [scale * float(z[i] @ z[j]) for j in range(len(z))]
    total = sum(map(math.exp, logits))
    return [math.exp(x) / total for x in logits]


@pytest.mark.equation("eq-semantic-relation")
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_divergence_patch_by_patch(scale: float) -> None:
    source, translation = patches(0), patches(1)
    found = relation_divergence(translation, source, scale=scale)
    for b in range(2):
        for i in range(6):
            p, q = shares(source[b], i, scale), shares(translation[b], i, scale)
            pairs = [(x, y, (x + y) / 2) for x, y in zip(p, q, strict=True)]
            expected = sum(x * math.log(x / m) + y * math.log(y / m) for x, y, m in pairs) / 2
            assert float(found[b, i]) == pytest.approx(expected, abs=1e-12)


def test_relations_that_are_kept_cost_nothing_whatever_became_of_the_patches() -> None:
    """A rotation of all features keeps every product, so relations are equal; PatchNCE sees other patches."""
    source = patches(0, unit=True)
    turn = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)).Q
    assert relation_divergence(source @ turn, source).abs().max() < 1e-12
    assert patch_nce(source @ turn, source).mean() > 2 * patch_nce(source, source).mean()


def test_it_is_at_most_ln_2() -> None:
    one = 40 * torch.eye(2, dtype=torch.float64)[None]
    other = one.flip(1) * 0 + 40 * torch.tensor([[[1.0, 0], [1.0, 0]]], dtype=torch.float64)
    far = relation_divergence(one, other)
    assert 0 < float(far.max()) <= math.log(2)


def test_its_gradient_reaches_both_images() -> None:
    inputs = (patches(0).requires_grad_(), patches(1).requires_grad_())
    assert torch.autograd.gradcheck(relation_divergence, inputs)


@pytest.mark.equation("eq-hard-negatives")
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_weights_and_loss_patch_by_patch(gamma: float) -> None:
    query, key, temperature = patches(0, unit=True), patches(1, unit=True), 0.3
    weights, loss = negative_weights(key, gamma), hard_negative_nce(query, key, temperature=temperature, gamma=gamma)
    for b in range(2):
        for i in range(6):
            others = [j for j in range(6) if j != i]
            raw = {j: math.exp(gamma * float(key[b, i] @ key[b, j])) for j in others}
            total = sum(raw.values())
            assert float(weights[b, i, i]) == 0
            assert [float(weights[b, i, j]) for j in others] == pytest.approx([raw[j] / total for j in others])
            pushed = sum(raw[j] / total * math.exp(float(query[b, i] @ key[b, j]) / temperature) for j in others)
            own = float(query[b, i] @ key[b, i]) / temperature
            assert float(loss[b, i]) == pytest.approx(math.log(5 * pushed) - own)


def test_without_gamma_it_is_patch_nce_without_the_own_key() -> None:
    query, key = patches(0, unit=True), patches(1, unit=True)
    logits = (query @ key.mT / 0.07).masked_fill(torch.eye(6, dtype=torch.bool), -torch.inf)
    expected = logits.logsumexp(-1) - (query @ key.mT / 0.07).diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(hard_negative_nce(query, key, gamma=0.0), expected)
    assert (patch_nce(query, key) > hard_negative_nce(query, key, gamma=0.0)).all()


def test_keys_get_no_gradient() -> None:
    query, key = patches(0, unit=True).requires_grad_(), patches(1, unit=True).requires_grad_()
    hard_negative_nce(query, key).sum().backward()
    assert key.grad is None and bool(query.grad.isfinite().all())


@pytest.mark.usefixtures("unchecked")
def test_bad_arguments_are_named() -> None:
    z = patches(0)
    with pytest.raises(ValueError, match=r"\(2, 6, 4\) and \(2, 5, 4\)"):
        relation_divergence(z, z[:, :5])
    with pytest.raises(ValueError, match="scale is 0"):
        relation_divergence(z, z, scale=0)
    with pytest.raises(ValueError, match="temperature is 0"):
        hard_negative_nce(z, z, temperature=0)
    with pytest.raises(ValueError, match="1 patches: expected at least 2"):
        negative_weights(z[:, :1], 1.0)
