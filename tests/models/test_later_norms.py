"""What came after SPADE, each as a case of what was there before: equalities, and what holds in expectation."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vtonlib.models.normalization import (
    SPADE,
    adaptive_group_norm,
    class_adaptive,
    demodulate,
    group_standardize,
    instance_norm,
    modulate,
    rms_norm,
    standardize,
    weight_norm,
    zero_gated,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.equation("eq-instance-norm")
@pytest.mark.parametrize("shape", [(4, 6, 5, 7), (6, 5, 7)])
def test_instance_norm_is_torchs_with_and_without_affine_batched_and_not(shape: tuple[int, ...]) -> None:
    x = 3 * drawn(*shape) + 2
    torch.testing.assert_close(instance_norm(x), nn.InstanceNorm2d(6)(x))
    module = nn.InstanceNorm2d(6, affine=True).double()
    nn.init.normal_(module.weight), nn.init.normal_(module.bias)
    torch.testing.assert_close(instance_norm(x, module.weight, module.bias), module(x))
    torch.testing.assert_close(instance_norm(x, beta=module.bias), instance_norm(x) + module.bias[:, None, None])


def test_instance_norm_of_one_sample_is_that_of_a_batch_of_one() -> None:
    x = drawn(6, 5, 7)
    assert torch.equal(instance_norm(x), instance_norm(x[None])[0])
    assert torch.equal(instance_norm(drawn(3, 1, 1), beta=torch.arange(3)), torch.arange(3.0).double()[:, None, None])


@pytest.mark.parametrize("wrong", [torch.ones(5), torch.ones(6, 1), torch.ones(())])
def test_affine_numbers_must_be_one_for_each_channel(wrong: Tensor) -> None:
    with pytest.raises(ValueError, match=r"gamma is .*: expected \(6,\)"):
        instance_norm(drawn(2, 6, 4, 3), wrong)
    with pytest.raises(ValueError, match=r"beta is .*: expected \(6,\)"):
        instance_norm(drawn(6, 4, 3), None, wrong)


@pytest.mark.equation("eq-rms-norm")
def test_rms_norm_is_layer_norm_where_the_mean_is_zero_and_only_there() -> None:
    x = drawn(3, 5, 4, 6)
    centred = x - x.mean(1, keepdim=True)
    torch.testing.assert_close(rms_norm(centred, (1,)), standardize(centred, (1,)))
    assert (rms_norm(centred + 1, (1,)) - standardize(centred + 1, (1,))).abs().mean() > 0.3
    torch.testing.assert_close(rms_norm(x.movedim(1, -1), (3,)), F.rms_norm(x.movedim(1, -1), (5,), eps=1e-5))


@pytest.mark.equation("eq-demodulation")
def test_demodulated_weights_give_unit_variance_in_expectation() -> None:
    weight, style = drawn(6, 4, 3, 3), drawn(2, 4, seed=1).exp()
    each = demodulate(weight, style)
    noise = drawn(400, 4, 12, 12, seed=2)
    for sample in each:
        variance = F.conv2d(noise, sample).var((0, 2, 3))
        assert (variance - 1).abs().max() < 0.06
    plain = F.conv2d(noise, weight * style[0, None, :, None, None]).var((0, 2, 3))
    assert (plain - 1).abs().min() > 1


def test_demodulation_ignores_the_strength_of_weight_and_style_alike() -> None:
    weight, style = drawn(6, 4, 3, 3), drawn(2, 4, seed=1)
    torch.testing.assert_close(demodulate(weight, style), demodulate(7 * weight, 3 * style))


def test_demodulation_by_a_style_of_one_is_weight_norm_of_length_one() -> None:
    weight = drawn(6, 4, 3, 3)
    once = demodulate(weight, torch.ones(1, 4).double(), eps=0)[0]
    torch.testing.assert_close(once, weight_norm(weight, torch.ones(6).double()))
    with pytest.raises(ValueError, match=r"style is \(1, 3\): expected 4 numbers"):
        demodulate(weight, torch.ones(1, 3).double())


def test_a_spike_smuggles_strength_through_instance_norm_and_not_through_demodulation() -> None:
    """StyleGAN2's droplets: one huge pixel decides how strong the rest of the map comes out."""
    x, spiked = drawn(1, 4, 16, 16), drawn(1, 4, 16, 16)
    spiked[..., 3, 3] = 200
    rest = torch.ones(16, 16, dtype=torch.bool)
    rest[2:5, 2:5] = False
    before, after = (standardize(maps, (2, 3))[..., rest].std() for maps in (x, spiked))
    assert after < 0.1 * before
    weight = demodulate(drawn(4, 4, 1, 1, seed=1), torch.ones(1, 4).double())[0]
    torch.testing.assert_close(F.conv2d(x, weight)[..., rest], F.conv2d(spiked, weight)[..., rest])


@pytest.mark.equation("eq-adaptive-group-norm")
def test_adaptive_group_norm_is_conditional_norm_with_another_set() -> None:
    x, scale, shift = drawn(3, 6, 5, 4), drawn(3, 6, seed=1), drawn(3, 6, seed=2)
    wanted = torch.stack(
        [
            F.group_norm(x[n : n + 1], 3, 1 + scale[n], shift[n])[0]  # torch's affine pair, one for each sample
            for n in range(3)
        ]
    )
    torch.testing.assert_close(adaptive_group_norm(x, scale, shift, 3), wanted)
    by_channel = adaptive_group_norm(x, scale, shift, 6)
    torch.testing.assert_close(
        by_channel, modulate(standardize(x, (2, 3)), scale[..., None, None], shift[..., None, None])
    )
    torch.testing.assert_close(group_standardize(x, 3), adaptive_group_norm(x, 0 * scale, 0 * shift, 3))


@pytest.mark.equation("eq-zero-gate")
def test_a_gate_of_zero_makes_a_block_the_identity() -> None:
    x, scale, shift, gate = drawn(2, 7, 6), *(drawn(2, 6, seed=seed) for seed in (1, 2, 3))
    branch = nn.Linear(6, 6).double()
    assert torch.equal(zero_gated(x, branch, scale, shift, torch.zeros_like(gate)), x)
    wanted = x.clone()
    for n in range(2):
        for token in range(7):
            normal = F.layer_norm(x[n, token], (6,), eps=1e-6)
            wanted[n, token] += gate[n] * branch(normal * (1 + scale[n]) + shift[n])
    torch.testing.assert_close(zero_gated(x, branch, scale, shift, gate), wanted)


def tables(norm: SPADE, kinds: int) -> tuple[Tensor, Tensor]:
    """Gamma and beta of each label, from maps with that label everywhere, read in the middle."""
    flat = torch.eye(kinds, dtype=torch.float64)[:, :, None, None].expand(-1, -1, 5, 5)
    gamma, beta = norm.modulation(flat, 5, 5)
    return gamma[:, :, 2, 2], beta[:, :, 2, 2]


def label_map(height: int, width: int, kinds: int) -> Tensor:
    return torch.randint(kinds, (2, height, width), generator=torch.Generator().manual_seed(0))


@pytest.mark.equation("eq-class-adaptive")
def test_spade_with_kernels_of_one_pixel_is_a_table_of_labels() -> None:
    norm, labels, x = SPADE(6, 4, hidden=8).double(), label_map(9, 7, 4), drawn(2, 6, 9, 7)
    for name in ("shared", "gamma", "beta"):
        old = getattr(norm.modulation, name)
        setattr(norm.modulation, name, nn.Conv2d(old.in_channels, old.out_channels, 1).double())
    one_hot = F.one_hot(labels, 4).movedim(-1, 1).double()
    torch.testing.assert_close(class_adaptive(x, labels, *tables(norm, 4)), norm(x, one_hot))


def test_spade_of_three_by_three_is_the_table_away_from_borders_only() -> None:
    norm, x = SPADE(6, 4, hidden=8).double(), drawn(2, 6, 16, 12)
    labels = torch.zeros(2, 16, 12, dtype=torch.long)
    labels[:, 8:] = 3
    difference = class_adaptive(x, labels, *tables(norm, 4)) - norm(x, F.one_hot(labels, 4).movedim(-1, 1).double())
    moved = difference.abs().amax((0, 1)) > 1e-12
    inside = torch.zeros(16, 12, dtype=torch.bool)
    inside[2:6, 2:-2] = inside[10:-2, 2:-2] = True
    assert torch.equal(moved, ~inside)


@pytest.mark.parametrize("wrong", [-1, 4])
def test_a_label_without_a_row_is_an_error(wrong: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to 3"):
        class_adaptive(drawn(1, 2, 3, 3), torch.full((1, 3, 3), wrong), drawn(4, 2), drawn(4, 2))
