"""Leffa's UNet pairs under their released keys: every number of the released code, and what a step costs."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL
from leffa_goldens import TINY, given, released_keys, tiny_model
from stable_viton_goldens import assert_near, tensors
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.leffa_step import EveryQuery, with_every_query
from vtonlib.attention import AttentionTap
from vtonlib.models.leffa import LeffaUNet
from vtonlib.official import RELEASES, load
from vtonlib.official.leffa import DEAD

NETWORKS = ("sd", "xl")
PAIRS = ("leffa_try_on", "leffa_pose")


@pytest.mark.parametrize("network", NETWORKS)
def test_reference_features_one_block_and_the_output(network: str) -> None:
    golden, model, seen = tensors(f"leffa_{network}_forward"), tiny_model(network), {}
    sample, time, reference = given(network)
    block = model.unet.get_submodule(f"{TINY[network][2]}.attentions.0.transformer_blocks.0")
    block.register_forward_hook(lambda _, given, out: seen.update(block_in=given[0], block_out=out))
    with torch.no_grad():
        features = model.encode_reference(reference, time)
        assert_near(model(sample, time, features), golden["noise_pred"])
    expected = [golden[f"ref_feature.{index}"] for index in range(sum(key.startswith("ref_") for key in golden) - 1)]
    assert len(features.values) == len(expected) == {"sd": 4, "xl": 8}[network]
    for got, wanted in zip(features.values, expected, strict=True):
        assert_near(got, wanted)
    assert_near(seen["block_in"], golden["block_in"])
    assert_near(seen["block_out"], golden["block_out"])


@pytest.mark.parametrize("network", NETWORKS)
def test_the_quirk_of_the_removed_attention_is_live(network: str) -> None:
    """With the layer norm's echo gone, as the paper says, the output is another; so a release needs it."""
    golden, released = tensors(f"leffa_{network}_forward"), tiny_model(network)
    plain = LeffaUNet(**{**released.config, "text_attention": "removed"})
    left = plain.load_state_dict(released.state_dict(), strict=False)
    assert not left.missing_keys and all(".norm2." in key for key in left.unexpected_keys)
    sample, time, reference = given(network)
    with torch.no_grad():
        other = plain.eval()(sample, time, plain.encode_reference(reference, time))
    assert (other - golden["noise_pred"]).abs().max() > 0.1 * golden["noise_pred"].abs().max()


@pytest.mark.parametrize("network", NETWORKS)
def test_what_is_left_out_changes_nothing(network: str) -> None:
    release, options, _ = TINY[network]
    weights = tensors(f"leffa_{network}_state")
    dead = RELEASES[release].unused(weights)
    assert any(".attn2." in key for key in dead) and "unet_encoder.conv_out.weight" in dead
    for others in (
        weights | {key: torch.full_like(weights[key], torch.nan) for key in dead},
        {key: value for key, value in weights.items() if key not in dead},
    ):
        loaded, model = load(release, others, **options), tiny_model(network)
        own = model.state_dict()
        assert all(torch.equal(value, own[key]) for key, value in loaded.state_dict().items())


@pytest.mark.parametrize("network", NETWORKS)
def test_every_weight_that_is_kept_is_read(network: str) -> None:
    model = tiny_model(network)
    sample, time, reference = given(network)
    model(sample, time, model.encode_reference(reference, time)).square().sum().backward()
    assert {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()} == set()


def explicit_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return (query @ key.mT * query.shape[-1] ** -0.5).softmax(-1) @ value


@pytest.mark.parametrize("network", NETWORKS)
def test_half_of_the_queries_give_the_same(network: str) -> None:
    model = tiny_model(network).double()
    sample, time, reference = given(network)
    with torch.no_grad():
        features = model.encode_reference(reference.double(), time)
        half = model(sample.double(), time, features)
        whole = with_every_query(model, sample.double(), time, EveryQuery(features.values, explicit_attention))
    torch.testing.assert_close(half, whole, rtol=0, atol=1e-12)
    assert half.abs().max() > 0.1


@pytest.fixture(scope="module", params=PAIRS)
def release(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def weights(release: str) -> dict[str, Tensor]:
    """The released tensors by name and shape, without values."""
    return {key: torch.empty(shape, device="meta") for key, shape in released_keys(release).items()}


@pytest.fixture(scope="module")
def model(release: str, weights: dict[str, Tensor]) -> LeffaUNet:
    with torch.device("meta"):
        loaded = load(release, weights)
    assert isinstance(loaded, LeffaUNet)
    return loaded


def parameters(tensors: dict[str, Tensor], keys: set[str]) -> int:
    return sum(tensors[key].numel() for key in keys)


def test_every_released_tensor_is_used_or_named(release: str, weights: dict[str, Tensor], model: LeffaUNet) -> None:
    assert len(weights) == {"leffa_try_on": 1620, "leffa_pose": 3608}[release]
    with torch.device("meta"):
        autoencoder = load(f"{release}_autoencoder", weights)
    assert isinstance(autoencoder, AutoencoderKL)
    assert autoencoder.config.scaling_factor == {"leffa_try_on": 0.18215, "leffa_pose": 0.13025}[release]
    left = RELEASES[release].unused(weights)
    vae = {key for key in left if key.startswith("vae.")}
    assert len(vae) == len(autoencoder.state_dict()) == 248 and parameters(weights, vae) == 83_653_863
    assert len(weights) - len(left) == len(model.state_dict())
    dead = {part: {key for key in left if part in key} for part in DEAD}
    assert [(len(keys), parameters(weights, keys)) for keys in dead.values()] == {
        "leffa_try_on": [(160, 87_925_120), (0, 0)],
        "leffa_pose": [(700, 1_091_340_800), (8, 10_490_880)],
    }[release]
    after = left - vae - set().union(*dead.values())
    assert all(key.startswith(("unet_encoder.conv_", "unet_encoder.up_blocks.")) for key in after)


def test_the_sizes_are_those_of_the_base_models(release: str, model: LeffaUNet) -> None:
    shape = {
        "leffa_try_on": ((320, 640, 1280, 1280), (True, True, True, False), 8, (1, 1, 1, 1), False),
        "leffa_pose": ((320, 640, 1280), (False, True, True), (5, 10, 20), (1, 2, 10), True),
    }[release]
    names = ("block_out_channels", "attention_levels", "num_attention_heads", "transformer_layers_per_block")
    assert tuple(model.config[name] for name in (*names, "use_linear_projection")) == shape
    assert (model.config.in_channels, model.config.reference_channels, model.config.layers_per_block) == (12, 4, 2)


def test_a_guided_step_is_cheaper_than_the_release(release: str, model: LeffaUNet) -> None:
    """At 1024 x 768; the release spends 19.1 TFLOP on Stable Diffusion's pair, 13.0 with the reference read once."""
    time, meta = torch.zeros(2, dtype=torch.long, device="meta"), torch.device("meta")
    sample, reference = torch.empty(2, 12, 128, 96, device=meta), torch.empty(2, 4, 128, 96, device=meta)
    counts = {}
    with torch.no_grad():
        with FlopCounterMode(display=False) as counter:
            features = model.encode_reference(reference, time)
        counts["reference"] = counter.get_total_flops()
        with FlopCounterMode(display=False) as counter, AttentionTap(model, "unet.*.attn1.core") as tap:
            model(sample, time, features)
        counts["half"] = counter.get_total_flops()
        with FlopCounterMode(display=False) as counter:
            with_every_query(model, sample, time, EveryQuery(features.values))
        counts["whole"] = counter.get_total_flops()
    limit, accelerated, released = {"leffa_try_on": (14.6, 8.5, 13.02), "leffa_pose": (18.9, 10.6, 12.98)}[release]
    assert counts["half"] <= accelerated * 1e12
    assert counts["half"] + counts["reference"] <= limit * 1e12
    assert counts["whole"] == pytest.approx(released * 1e12, rel=1e-3)
    assert len(tap) == len(features.values) == {"leffa_try_on": 16, "leffa_pose": 70}[release]
    assert all(len(record.key_grids) == 2 and record.key_grids[0] == record.query_grid for record in tap.values())


@pytest.mark.parametrize("name", [*PAIRS, *(f"{pair}_autoencoder" for pair in PAIRS)])
def test_other_weights_are_errors(name: str) -> None:
    for weights in ({}, {"fc.weight": torch.zeros(1)}):
        with pytest.raises(ValueError, match=f"not the weights of {name}: there is no"):
            load(name, weights)


def test_what_does_not_fit_is_listed() -> None:
    weights = dict(tensors("leffa_sd_state"))
    del weights["unet_encoder.conv_in.bias"]
    weights["unet.extra"] = torch.zeros(1)
    weights["unet.conv_out.bias"] = torch.zeros(3)
    with pytest.raises(ValueError, match="not the weights of leffa_try_on;") as raised:
        load("leffa_try_on", weights, **TINY["sd"][1])
    message = str(raised.value)
    assert "missing keys (our names): 1: reference_unet.conv_in.bias" in message
    assert "unexpected keys: 1: unet.extra" in message
    assert "unet.conv_out.bias is (3,), expected (4,)" in message


def test_the_other_tasks_weights_are_refused() -> None:
    """Their tensors would fit: only the heads differ, which no tensor tells."""
    for network, other in (("sd", "xl"), ("xl", "sd")):
        release, right = TINY[network][0], TINY[other][0]
        with pytest.raises(ValueError, match=f"not the weights of {release}: .* as in the base model of {right}"):
            load(release, tensors(f"leffa_{other}_state"), norm_num_groups=8)
