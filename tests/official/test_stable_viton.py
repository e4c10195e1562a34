"""StableVITON under the names of the released code: its tensors and all that it computes, gradients included."""

from __future__ import annotations

import json

import pytest
import torch
from stable_viton_goldens import GOLDENS, HEADS, assert_near, state, tensors, tiny_model
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from vtonlib.attention import AttentionTap
from vtonlib.losses.diffusion import denoising
from vtonlib.losses.total_variation import attention_total_variation
from vtonlib.models.image_encoder import PooledImageEncoder
from vtonlib.models.stable_viton import SD15, StableVITONUNet, ZeroCrossAttentionBlock
from vtonlib.models.unet import UNetEncoder
from vtonlib.official import RELEASES, load
from vtonlib.official.stable_viton import BLOCKS, BUFFERS, CONTROL, DEAD, clip_state, rename


@pytest.fixture(scope="module")
def model() -> StableVITONUNet:
    return tiny_model()


def released_keys() -> dict[str, tuple[int, ...]]:
    return json.loads((GOLDENS / "stableviton_keys.json").read_text(encoding="utf8"))


def given(name: str) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    golden = tensors(name)
    return (golden["cond"], golden["timesteps"], golden["context"], golden["hint"], golden["eps"])


def test_every_map_every_block_and_the_output(model: StableVITONUNet) -> None:
    golden = tensors("sv_tiny_forward")
    conditions, time, context, garment, expected = given("sv_tiny_forward")
    sample, seen = torch.cat((golden["x"], conditions), dim=1), {}
    hooks = [
        warp.register_forward_hook(lambda _, given, out, i=index: seen.update({i: out}))
        for index, warp in enumerate(model.warps)
    ]
    with torch.no_grad():
        features = model.encode_garment(garment, context)
        assert_near(model(sample, time, context, features), expected)
        maps = model.control(sample, time, context, features)
    for hook in hooks:
        hook.remove()
    assert len(seen) == len(maps.values) == BLOCKS
    for index in range(BLOCKS):
        assert_near(maps.values[index], golden[f"control.{index}"])
        assert_near(seen[index], golden[f"warp_out.{BLOCKS - 1 - index}"])


def test_the_dead_half_computes_what_the_release_computes_and_nothing_reads(model: StableVITONUNet) -> None:
    """All 13 maps, from an encoder with every level; the deepest three and the middle change no output."""
    golden, weights = tensors("sv_tiny_forward"), tensors("sv_tiny_state")
    whole = StableVITONUNet(**model.config).unet
    own = {rename(key).removeprefix("garment_encoder."): v for key, v in weights.items() if key.startswith(CONTROL)}
    added = torch.nn.functional.conv2d(
        golden["hint"], own.pop("garment_conv.weight"), own.pop("garment_conv.bias"), padding=1
    )
    assert not whole.load_state_dict(own, strict=False).unexpected_keys
    sample, time, context = torch.cat((golden["x"], golden["cond"]), dim=1), golden["timesteps"], golden["context"]
    with torch.no_grad():
        skips, embedding = UNetEncoder.encode(whole, sample, time, context, added=added)
        maps = (*skips, whole.mid_block(skips[-1], embedding, encoder_hidden_states=context))
    assert len(maps) == 13
    for index, found in enumerate(maps):
        assert_near(found, golden[f"control.{index}"])
    others = weights | {key: value + 1 for key, value in weights.items() if key.startswith(DEAD)}
    assert sum(key.startswith(DEAD) for key in weights) > 50
    loaded = load("stable_viton", others, num_attention_heads=HEADS)
    own = model.state_dict()
    assert all(torch.equal(value, own[key]) for key, value in loaded.state_dict().items())


def test_a_training_step_and_its_gradients() -> None:
    golden, model = tensors("sv_train_step"), tiny_model()
    conditions, time, context, garment, expected = given("sv_train_step")
    context = context.clone().requires_grad_()
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    kept = torch.cumprod(1 - betas, 0)[time].float().view(-1, 1, 1, 1)
    noisy = kept.sqrt() * golden["x_start"] + (1 - kept).sqrt() * golden["noise"]
    with AttentionTap(model, "warps.4.attn2.core") as tap:
        features = model.encode_garment(garment, context)
        eps = model(torch.cat((noisy, conditions), dim=1), time, context, features, encoder_gradients=False)
    simple = denoising(eps, golden["noise"])
    variation = 0.001 * attention_total_variation(tap["warps.4.attn2.core"], golden["loss_mask"].float()[:, None])
    (simple + variation).backward()
    assert_near(eps, expected, 1e-3)
    for found, name in ((simple, "loss_simple"), (variation, "attn_loss"), (simple + variation, "loss")):
        assert_near(found[None], golden[name], 1e-3)
    parameters = dict(model.named_parameters())
    gradients = [key for key in golden if key.startswith("grad.")]
    assert len(gradients) == 11 and context.grad is not None
    for key in gradients:
        assert_near(parameters[rename(key.removeprefix("grad."))].grad, golden[key], 1e-3)
    assert_near(context.grad, golden["grad_context"], 1e-3)
    still = {name for name, p in parameters.items() if p.grad is None}
    frozen = ("unet.time_embedding.", "unet.conv_in.", "unet.down_blocks.", "unet.mid_block.")
    idle = (".attn2.to_q.", ".attn2.to_k.")  # of the token's attention; the release's have a gradient of zero
    by_token = {n for n in still if n.startswith(("unet.up", "garment_encoder.")) and any(part in n for part in idle)}
    norms = {n for n in parameters if ".attn2.to_q." in n and n in by_token}
    assert still == by_token | {n for n in parameters if n.startswith(frozen)} | {
        n.replace("attn2.to_q.weight", f"norm2.{part}") for n in norms for part in ("weight", "bias")
    }
    assert len(by_token) == 2 * (9 + 6), "60 tensors with their norms: the release's count of zero gradients"


@pytest.mark.parametrize("name", ["sv_zero_xattn_small", "sv_zero_xattn_atv"])
def test_one_block_its_gradients_and_its_variation(name: str) -> None:
    golden = tensors(name)
    official = {key.removeprefix("warp_"): value for key, value in state(name).items()}
    block = golden_block(official)
    x, garment = golden["x"].clone().requires_grad_(), golden["hint"].clone().requires_grad_()
    with AttentionTap(block, "attn2.core") as tap:
        out = block(x, garment)
    loss = (out * golden["cotangent"]).sum() / 100
    if "attn_loss" in golden:
        mask = torch.nn.functional.interpolate(golden["cloth_mask_64x48"].float(), out.shape[-2:])
        variation = 0.001 * attention_total_variation(tap["attn2.core"], mask)
        assert_near(variation[None], golden["attn_loss"])
        loss = loss + 1000 * variation
    loss.backward()
    assert_near(out, golden["warp_out"])
    assert_near(x.grad, golden["grad_x"])
    assert_near(garment.grad, golden["grad_hint"])


def golden_block(official: dict[str, Tensor]) -> ZeroCrossAttentionBlock:
    """One block with released weights, by the converter's names for the whole network's."""
    names = {"flow_blk.": "warp_flow_blks.0.", "zero_conv.": "warp_zero_convs.0."}
    renamed = {}
    for key, value in official.items():
        head = next(head for head in names if key.startswith(head))
        whole = rename(f"model.diffusion_model.{names[head]}{key.removeprefix(head)}")
        renamed[whole.removeprefix(f"warps.{BLOCKS - 1}.")] = value
    channels, context = renamed["attn2.to_q.weight"].shape[0], renamed["attn2.to_k.weight"].shape[1]
    block = ZeroCrossAttentionBlock(channels, context, HEADS)
    block.load_state_dict(renamed)
    return block


def test_the_mapper_of_pooled_features() -> None:
    golden, null = tensors("sv_clip_mapper"), torch.arange(16.0).view(1, 1, 16)
    encoder = load("stable_viton_image_encoder", state("sv_clip_mapper") | {"learnable_vector": null})
    assert isinstance(encoder, PooledImageEncoder) and not encoder.training
    pooled = golden["pooled"][:, 0]
    assert_near(encoder.norm(encoder.mapper(pooled))[:, None], golden["mapped"])
    assert_near(encoder(pooled), golden["projected"])
    dropped = encoder(pooled, drop=torch.tensor([False, True, False]))
    assert torch.equal(dropped[1:2], null) and torch.equal(dropped[::2], encoder(pooled)[::2])


def test_the_autoencoder() -> None:
    golden = tensors("sv_vae_tiny")
    alone = {key.removeprefix("first_stage_model."): value for key, value in state("sv_vae_tiny").items()}
    for weights in (state("sv_vae_tiny"), alone | {"loss.logvar": torch.zeros(1)}):
        autoencoder = load("stable_viton_autoencoder", weights)
        with torch.no_grad():
            posterior = autoencoder.encode(golden["image"]).latent_dist
            decoded = autoencoder.decode(golden["mode"]).sample
        assert_near(posterior.parameters, golden["moments"])
        assert_near(posterior.mode(), golden["mode"])
        assert_near(decoded, golden["decoded"])
        assert autoencoder.config.scaling_factor == 0.18215


@pytest.fixture(scope="module")
def released() -> dict[str, Tensor]:
    """The 1,957 tensors that the released code builds, by name and shape, without values."""
    return {key: torch.empty(shape, device="meta") for key, shape in released_keys().items()}


def test_every_released_tensor_is_used_or_named(released: dict[str, Tensor]) -> None:
    assert len(released) == 1957
    with torch.device("meta"):
        parts = {name: load(name, released) for name in RELEASES if name.startswith("stable_viton")}
        named = StableVITONUNet(**SD15)
    used = set()
    for name in parts:
        release = RELEASES[name]
        prepared = dict(zip(release.prepare(released), released, strict=True))
        used |= {official for key, official in prepared.items() if key not in release.unused(dict.fromkeys(prepared))}
    clip = {f"cond_stage_model.transformer.{key}" for key in clip_state(released)}
    left = set(released) - used - clip
    assert left == BUFFERS | {"lastzc.weight", "lastzc.bias"} | {key for key in released if key.startswith(DEAD)}
    assert sum(released[key].numel() for key in left if key.startswith(DEAD)) == 174_062_080
    denoiser = parts["stable_viton"]
    assert {k: v.shape for k, v in denoiser.state_dict().items()} == {k: v.shape for k, v in named.state_dict().items()}
    assert dict(denoiser.config) == dict(named.config)
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in denoiser.named_children()}
    assert counts == {
        "unet": 859_546_884,
        "garment_encoder": 348_750_720 - 174_062_080,
        "warps": 171_783_680 + 7_994_880,
    }


@pytest.mark.parametrize("sees", ["person", "garment"])
def test_a_step_of_the_released_size_is_cheap_and_has_nine_blocks(sees: str) -> None:
    """At 512 x 384 the release spends 1.91 TFLOP a step, 0.83 of them on encoding the garment again."""
    with torch.device("meta"), torch.no_grad():
        model = StableVITONUNet(**{**SD15, "control_sees": sees})
        sample, time, token = torch.empty(1, 13, 64, 48), torch.zeros(1, dtype=torch.long), torch.empty(1, 1, 768)
        features = model.encode_garment(torch.empty(1, 4, 64, 48), token)
        with FlopCounterMode(display=False) as counter, AttentionTap(model, "warps.*.attn2.core") as tap:
            model(sample, time, token, features)
    assert 0.8e12 < counter.get_total_flops() <= 1.1e12
    widths = [(record.query_grid, record.query.shape[1] * record.query.shape[3]) for record in tap.values()]
    assert widths == [
        *([((16, 12), 1280)] * 3),
        ((32, 24), 1280),
        *([((32, 24), 640)] * 2),
        ((64, 48), 640),
        *([((64, 48), 320)] * 2),
    ]
    keys = [warp.attn2.to_k.in_features for warp in reversed(model.warps)]
    assert keys == [1280, 1280, 640, 640, 640, 320, 320, 320, 320]


def test_what_does_not_fit_is_listed() -> None:
    weights = dict(tensors("sv_tiny_state"))
    del weights["control_model.cond_first_block.0.bias"]
    weights["control_model.input_blocks.1.0.extra"] = torch.zeros(1)
    weights["model.diffusion_model.warp_zero_convs.0.bias"] = torch.zeros(3)
    with pytest.raises(ValueError, match="not the weights of stable_viton;") as raised:
        load("stable_viton", weights, num_attention_heads=HEADS)
    message = str(raised.value)
    assert "missing keys (our names): 1: garment_encoder.garment_conv.bias" in message
    assert "unexpected keys: 1: control_model.input_blocks.1.0.extra" in message
    assert "warp_zero_convs.0.bias is (3,), expected (32,)" in message


@pytest.mark.parametrize("name", ["stable_viton", "stable_viton_autoencoder", "stable_viton_image_encoder"])
def test_other_weights_are_errors(name: str) -> None:
    for weights in ({}, {"fc.weight": torch.zeros(1)}):
        with pytest.raises(ValueError, match=f"not the weights of {name}: there is no"):
            load(name, weights)
