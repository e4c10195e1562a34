"""The equations of the chapter on conditional normalization, each written out from its formula."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from vtonlib.models.normalization import SPADE, ConditionalBatchNorm2d, adaptive_instance_norm, modulate

EPS = 1e-5


def noise(*shape: int, seed: int = 3) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.equation("eq-modulation")
def test_modulation_by_loop_and_at_zero() -> None:
    x, gamma, beta = noise(2, 3, 4, 5), noise(2, 3, 4, 5, seed=4), noise(2, 3, 4, 5, seed=5)
    y = torch.stack([v * (1 + g) + b for v, g, b in zip(x.ravel(), gamma.ravel(), beta.ravel(), strict=True)])
    torch.testing.assert_close(modulate(x, gamma, beta), y.view_as(x))
    assert torch.equal(modulate(x, 0 * gamma, 0 * beta), x)
    one = modulate(x, gamma[:, :, :1, :1], beta[:1, :, :1, :1])  # a vector for each sample, and one for all
    assert one[1, 2, 3, 4] == x[1, 2, 3, 4] + x[1, 2, 3, 4] * gamma[1, 2, 0, 0] + beta[0, 2, 0, 0]


@pytest.mark.equation("eq-adaptive-instance-norm")
def test_the_result_has_the_style_s_moments() -> None:
    content, style = noise(2, 3, 4, 5), 3 * noise(2, 3, 6, 2, seed=9) - 1
    y = adaptive_instance_norm(content, style)
    for n in range(2):
        for c in range(3):
            a, s = content[n, c], style[n, c]
            deviation = lambda v: ((v - v.mean()).square().mean() + EPS).sqrt()  # noqa: E731
            torch.testing.assert_close(y[n, c], deviation(s) * (a - a.mean()) / deviation(a) + s.mean())
    torch.testing.assert_close(y.mean((2, 3)), style.mean((2, 3)))


@pytest.mark.equation("eq-conditional-batch-norm")
def test_each_class_has_its_own_scale_and_shift() -> None:
    torch.manual_seed(0)
    norm = ConditionalBatchNorm2d(3, classes=4).double()
    torch.nn.init.normal_(norm.gamma.weight), torch.nn.init.normal_(norm.beta.weight)
    x, classes = noise(5, 3, 4, 2), torch.tensor([3, 0, 3, 1, 2])
    y = norm(x, classes)
    for n, k in enumerate(classes.tolist()):
        for c in range(3):
            mean, variance = x[:, c].mean(), x[:, c].var(correction=0)
            standard = (x[n, c] - mean) / (variance + EPS).sqrt()
            torch.testing.assert_close(y[n, c], standard * (1 + norm.gamma.weight[k, c]) + norm.beta.weight[k, c])


@pytest.mark.equation("eq-spade")
def test_spade_from_its_formula() -> None:
    torch.manual_seed(0)
    norm = SPADE(3, 4, hidden=6).double()
    x, labels = noise(2, 3, 6, 5), F.one_hot(torch.randint(4, (2, 3, 5)), 4).movedim(-1, 1).double()
    m = norm.modulation
    large = labels[:, :, torch.arange(6) // 2]  # nearest, from 3 rows to 6
    hidden = F.conv2d(large, m.shared.weight, m.shared.bias, padding=1).clamp_min(0)
    gamma = F.conv2d(hidden, m.gamma.weight, m.gamma.bias, padding=1)
    beta = F.conv2d(hidden, m.beta.weight, m.beta.bias, padding=1)
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
    torch.testing.assert_close(norm(x, labels), (1 + gamma) * (x - mean) / (variance + EPS).sqrt() + beta)


@pytest.mark.equation("eq-spade")
def test_spade_with_a_flat_map_knows_the_label() -> None:
    torch.manual_seed(0)
    norm = SPADE(3, 4, hidden=6).double()
    constant = torch.ones(4, 3, 8, 8, dtype=torch.float64)
    flat = torch.eye(4, dtype=torch.float64)[:, :, None, None].expand(4, 4, 8, 8)
    inner = norm(constant, flat)[:, :, 3:-3, 3:-3].mean((2, 3))
    assert torch.cdist(inner, inner)[~torch.eye(4, dtype=torch.bool)].min() > 1e-3
    assert F.instance_norm(constant).abs().max() == 0


@pytest.mark.equation("eq-modulation")
def test_the_worked_example() -> None:
    standard = torch.tensor([[-1.0, -1], [1, 1]]).expand(1, 1, 2, 2)
    gamma, beta = torch.tensor([[0.0, 0.5], [-1, 0.5]]), torch.tensor([[0.0, 2], [3, -1]])
    found = modulate(standard, gamma[None, None], beta[None, None])
    assert found.flatten().tolist() == [-1.0, 0.5, 3.0, 0.5]
