"""Normalizations that need no mask: closed forms, torch's own modules, the official SPADE and ALIAS norms."""

from __future__ import annotations

import pytest
import torch
from gan_goldens import Golden, load_renamed, names, replay
from torch import Tensor, nn

from vtonlib.grids import resize_nearest
from vtonlib.models.normalization import (
    SPADE,
    ALIASNorm,
    ConditionalBatchNorm2d,
    LabelModulation,
    adaptive_instance_norm,
    alias_noise,
    from_hook_key,
    group_standardize,
    local_response_norm,
    modulate,
    power_iteration,
    spectral_norm,
    standardize,
    to_hook_key,
    weight_norm,
)
from vtonlib.official.keys import rename_generator_key

DTYPES = (torch.float32, torch.float64)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.equation("eq-standardize")
@pytest.mark.parametrize(
    ("dims", "module"),
    [((0, 2, 3), nn.BatchNorm2d(6)), ((2, 3), nn.InstanceNorm2d(6)), ((1, 2, 3), nn.LayerNorm((6, 5, 7)))],
)
def test_one_formula_is_batch_instance_and_layer_norm(dims: tuple[int, ...], module: nn.Module) -> None:
    x = 3 * drawn(4, 6, 5, 7) + 2
    torch.testing.assert_close(standardize(x, dims), module.double()(x))


def test_a_batch_of_one_makes_batch_norm_instance_norm() -> None:
    x = drawn(1, 3, 5, 4)
    torch.testing.assert_close(standardize(x, (0, 2, 3)), standardize(x, (2, 3)), rtol=0, atol=1e-14)


def test_a_single_number_becomes_zero() -> None:
    assert torch.equal(standardize(drawn(2, 3, 1, 1), (2, 3)), torch.zeros(2, 3, 1, 1, dtype=torch.float64))


@pytest.mark.equation("eq-group-norm")
@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_group_norm_lies_between_layer_and_instance_norm(groups: int) -> None:
    x = drawn(2, 6, 5, 7)
    y = group_standardize(x, groups)
    torch.testing.assert_close(y, nn.functional.group_norm(x, groups))
    if groups in (1, 6):
        torch.testing.assert_close(y, standardize(x, (1, 2, 3) if groups == 1 else (2, 3)))


@pytest.mark.parametrize("groups", [0, 4, 7])
def test_groups_that_do_not_divide_are_an_error(groups: int) -> None:
    with pytest.raises(ValueError, match=f"6 channels do not divide into groups={groups}"):
        group_standardize(drawn(1, 6, 2, 2), groups)


@pytest.mark.equation("eq-local-response-norm")
@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_local_response_norm_is_torchs(size: int) -> None:
    x = 5 * drawn(2, 6, 3, 4)
    torch.testing.assert_close(
        local_response_norm(x, size, alpha=0.3, beta=0.6, k=2.0), nn.LocalResponseNorm(size, 0.3, 0.6, 2.0)(x)
    )
    with pytest.raises(ValueError, match="at least 1, found 0"):
        local_response_norm(x, 0)


@pytest.mark.equation("eq-weight-norm")
def test_weight_norm_is_torchs() -> None:
    conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 2).double())
    stored = conv.parametrizations.weight
    torch.testing.assert_close(weight_norm(stored.original1, stored.original0.flatten()), conv.weight)
    assert torch.equal(weight_norm(torch.zeros(2, 3), torch.ones(2)), torch.zeros(2, 3))


@pytest.mark.equation("eq-spectral-norm")
def test_power_iteration_finds_the_largest_singular_value() -> None:
    matrix = drawn(5, 8)
    exact = torch.linalg.svdvals(matrix)[0]
    values = [power_iteration(matrix, torch.ones(5, dtype=torch.float64), steps).value for steps in (1, 2, 5, 300)]
    assert all(a <= b + 1e-12 for a, b in zip(values, [*values[1:], exact], strict=True))
    torch.testing.assert_close(values[-1], exact)
    with pytest.raises(ValueError, match="steps must be at least 1, found 0"):
        power_iteration(matrix, torch.ones(5), 0)


def test_power_iterations_gradient_is_exact_at_convergence() -> None:
    matrix = drawn(4, 3).requires_grad_()
    value, left, right = power_iteration(matrix, torch.ones(4, dtype=torch.float64), 500)
    torch.testing.assert_close(torch.autograd.grad(value, matrix)[0], left[:, None] * right)
    exact = torch.autograd.grad(torch.linalg.svdvals(matrix)[0], matrix)[0]
    torch.testing.assert_close(left[:, None] * right, exact)


def test_spectral_norm_holds_the_largest_singular_value_at_one() -> None:
    conv = spectral_norm(nn.Conv2d(3, 8, 3).double())
    for _ in range(200):
        conv(drawn(1, 3, 4, 4))
    conv.eval()
    torch.testing.assert_close(torch.linalg.svdvals(conv.weight.detach().flatten(1))[0], torch.tensor(1.0).double())
    before = {key: value.clone() for key, value in conv.state_dict().items()}
    conv(drawn(1, 3, 4, 4))
    assert all(torch.equal(value, before[key]) for key, value in conv.state_dict().items())


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_spectral_norm_equals_torchs_old_hook_through_training_steps() -> None:
    ours, old = nn.Conv2d(3, 4, 3).double(), nn.Conv2d(3, 4, 3).double()
    spectral_norm(ours)
    torch.nn.utils.spectral_norm(old)
    ours.load_state_dict({from_hook_key(key): value for key, value in old.state_dict().items()})
    for step in range(3):
        x = drawn(2, 3, 5, 6, seed=step)
        torch.testing.assert_close(ours(x), old(x))
    for key, value in ours.state_dict().items():
        torch.testing.assert_close(value, old.state_dict()[to_hook_key(key)])


def test_spectral_norm_survives_two_forward_passes_before_the_backward_pass() -> None:
    conv = spectral_norm(nn.Conv2d(2, 3, 3))
    (conv(torch.ones(1, 2, 4, 4)).sum() - conv(torch.zeros(1, 2, 4, 4)).sum()).backward()
    assert conv.parametrizations.weight.original.grad.isfinite().all()


def test_an_assigned_weight_is_normalized_at_once_in_evaluation() -> None:
    conv = spectral_norm(nn.Conv2d(2, 3, 3)).eval()
    conv.weight = torch.eye(3)[:, :2, None, None] * 7 * torch.ones(3, 3)
    torch.testing.assert_close(torch.linalg.matrix_norm(conv.weight.detach().flatten(1), 2), torch.tensor(1.0))


@pytest.mark.parametrize("key", ["weight_orig", "a.b.weight_u", "conv.weight_v", "conv.bias", "norm.weight", "x"])
def test_hook_keys_convert_to_and_fro(key: str) -> None:
    assert to_hook_key(from_hook_key(key)) == key
    assert (from_hook_key(key) != key) == key.endswith(("orig", "_u", "_v"))


@pytest.mark.equation("eq-modulation")
def test_modulation() -> None:
    x, gamma, beta = drawn(2, 3, 4, 5), drawn(2, 3, 4, 5, seed=1), drawn(2, 3, 1, 1, seed=2)
    torch.testing.assert_close(modulate(x, gamma, beta), x + x * gamma + beta)
    assert torch.equal(modulate(x, torch.zeros_like(x), torch.zeros_like(x)), x)


@pytest.mark.equation("eq-adaptive-instance-norm")
def test_adaptive_instance_norm_takes_over_the_style_s_statistics() -> None:
    content, style = drawn(2, 3, 9, 7), 4 * drawn(2, 3, 5, 8, seed=1) - 1
    y = adaptive_instance_norm(content, style, eps=0)
    torch.testing.assert_close(*(torch.var_mean(image, (2, 3), correction=0) for image in (y, style)))
    torch.testing.assert_close(adaptive_instance_norm(content, content), content)


@pytest.mark.equation("eq-conditional-batch-norm")
def test_conditional_batch_norm_scales_each_sample_by_its_class() -> None:
    norm, x = ConditionalBatchNorm2d(3, 4).double(), drawn(3, 3, 4, 5)
    labels = torch.tensor([2, 0, 2])
    torch.testing.assert_close(norm(x, labels), standardize(x, (0, 2, 3)))
    norm.gamma.weight.data[2], norm.beta.weight.data[2] = 1.0, 5.0
    wanted = standardize(x, (0, 2, 3))
    wanted[[0, 2]] = 2 * wanted[[0, 2]] + 5
    torch.testing.assert_close(norm(x, labels), wanted)


@pytest.mark.parametrize("wrong", [-1, 4])
def test_a_class_that_does_not_exist_is_an_error(wrong: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to 3"):
        ConditionalBatchNorm2d(3, 4)(torch.zeros(2, 3, 2, 2), torch.tensor([0, wrong]))


@pytest.mark.parametrize(("old", "new"), [((9, 12), (3, 4)), ((5, 7), (3, 10)), ((4, 4), (4, 4)), ((1, 6), (5, 1))])
def test_labels_are_resized_by_picking(old: tuple[int, int], new: tuple[int, int]) -> None:
    labels = drawn(2, 3, *old)
    rows, columns = (torch.arange(n) * o // n for o, n in zip(old, new, strict=True))
    assert torch.equal(resize_nearest(labels, *new), labels[:, :, rows][:, :, :, columns])


def test_modulation_sees_five_by_five_labels() -> None:
    modulation, labels = LabelModulation(2, 3, hidden=8).double(), drawn(1, 3, 11, 9).requires_grad_()
    gamma, beta = modulation(labels, 11, 9)
    (gamma[0, :, 5, 4].sum() + beta[0, :, 5, 4].sum()).backward()
    seen = labels.grad[0].abs().amax(0).nonzero()
    assert (seen.amin(0).tolist(), seen.amax(0).tolist()) == ([3, 2], [7, 6])


def test_wrong_label_maps_are_errors() -> None:
    modulation = LabelModulation(2, 3)
    with pytest.raises(ValueError, match=r"labels are \(1, 4, 2, 2\): expected 3 channels"):
        modulation(torch.zeros(1, 4, 2, 2), 2, 2)
    with pytest.raises(ValueError, match="int64: expected floats"):
        modulation(torch.zeros(1, 3, 2, 2, dtype=torch.int64), 2, 2)


@pytest.mark.equation("eq-spade")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", names("spade_norm"))
def test_spade_equals_the_official_one(name: str, dtype: torch.dtype) -> None:
    golden = Golden(name, dtype)
    text, args = golden.args["config_text"], golden.args
    norm = "sync_batch" if "sync" in text else "batch" if "batch" in text else "instance"
    module = SPADE(args["norm_nc"], args["label_nc"], norm=norm).to(dtype).train(args["mode"] == "train")
    load_renamed(module, golden.state, rename_generator_key)
    x = golden["x"].requires_grad_()
    y = module(x, golden["segmap"])
    (y * golden["ct"]).sum().backward()
    golden.check("y", y)
    golden.check("grad.x", x.grad)
    if "grad.mlp_shared.0.bias" in golden.unchecked:
        golden.check("grad.mlp_shared.0.bias", module.modulation.shared.bias.grad)
    for key, buffer in module.named_buffers():
        if f"after.{key}" in golden.unchecked:
            golden.check(f"after.{key}", buffer)
    assert not golden.unchecked


def test_spade_names_its_norms_and_refuses_one_pixel() -> None:
    with pytest.raises(ValueError, match="'layer': expected one of instance, batch, sync_batch"):
        SPADE(3, 2, norm="layer")
    with pytest.raises(ValueError, match="more than 1 spatial element"):
        SPADE(3, 2)(torch.zeros(1, 3, 1, 1), torch.zeros(1, 2, 4, 4))


@pytest.mark.equation("eq-alias-norm")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", names("aliasnorm"))
def test_alias_norm_equals_the_official_one(name: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Golden(name, dtype)
    args, mask = golden.args, golden.inputs.get("mask")
    replay(monkeypatch, golden.noises())
    module = ALIASNorm(args["norm_nc"], args["label_nc"], norm=args["norm_type"].removeprefix("alias")).to(dtype)
    load_renamed(module, golden.state, rename_generator_key)
    x = golden["x"].requires_grad_()
    y = module(x, golden["seg"], mask)
    (y * golden["ct"]).sum().backward()
    golden.check("y", y)
    golden.check("grad.x", x.grad)
    golden.check("grad.noise_scale", module.noise_scale.grad)
    if "grad.conv_beta.bias" in golden.unchecked:
        golden.check("grad.conv_beta.bias", module.modulation.beta.bias.grad)
    assert not golden.unchecked


@pytest.mark.parametrize("name", names("aliasnorm"))
def test_a_seed_draws_the_official_noise(name: str) -> None:
    golden = Golden(name)
    noise = alias_noise(golden["x"], torch.Generator().manual_seed(golden.args["torch_seed"]))
    assert torch.equal(noise, next(golden.noises()))


def test_noise_is_one_number_per_pixel_times_a_scale_per_channel() -> None:
    norm = ALIASNorm(2, 3, norm="instance")
    x, labels = torch.zeros(1, 2, 6, 5), torch.zeros(1, 3, 6, 5)
    assert norm(x, labels, generator=torch.Generator()).abs().max() < 10
    norm.noise_scale.data = torch.tensor([3.0, -3.0])
    norm.modulation.gamma.weight.data.zero_(), norm.modulation.beta.weight.data.zero_()
    norm.modulation.gamma.bias.data.zero_(), norm.modulation.beta.bias.data.zero_()
    y = norm(x, labels, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(y[:, 0], -y[:, 1])
    torch.testing.assert_close(y, norm(x, labels, generator=torch.Generator().manual_seed(1)), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("norm", "mask", "message"),
    [
        ("mask", None, "missing"),
        ("instance", torch.zeros(1, 1, 4, 5), "superfluous"),
        ("mask", torch.zeros(1, 1, 5, 4), r"expected \(1, 1, 4, 5\)"),
        ("mask", torch.zeros(1, 2, 4, 5), r"expected \(1, 1, 4, 5\)"),
    ],
)
def test_a_mask_must_be_there_exactly_where_it_is_used(norm: str, mask: Tensor | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ALIASNorm(3, 2, norm=norm)(torch.zeros(1, 3, 4, 5), torch.zeros(1, 2, 4, 5), mask)


def test_alias_norm_of_one_pixel_is_the_shift_alone() -> None:
    norm, labels = ALIASNorm(3, 2), torch.ones(1, 2, 1, 1)
    y = norm(torch.full((1, 3, 1, 1), 7.0), labels, torch.ones(1, 1, 1, 1))
    torch.testing.assert_close(y, norm.modulation(labels, 1, 1).beta)
