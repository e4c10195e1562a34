"""Zero cross-attention: the identity at the start, StableVITON's block when given its weights."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from vtonlib.attention import AttentionTap
from vtonlib.models.garment_encoder import GarmentEncoder, position_features
from vtonlib.models.stable_viton import StableVITONUNet, ZeroCrossAttentionBlock
from vtonlib.models.unet import UNet

GOLDENS = Path(__file__).resolve().parents[1] / "goldens"
TINY = {
    "block_out_channels": (16, 32),
    "layers_per_block": 1,
    "attention_levels": (False, True),
    "num_attention_heads": 4,
    "cross_attention_dim": 12,
    "norm_num_groups": 8,
}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return StableVITONUNet(**TINY)


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(1)
    sample = torch.randn(2, 13, 8, 6, generator=generator)
    garment = torch.randn(2, 4, 8, 6, generator=generator)
    context = torch.randn(2, 1, 12, generator=generator)
    return sample, torch.tensor([10, 800]), context, garment


def golden_block():
    """The released code's block with its weights, in our names."""
    tensors = {k: v.float() for k, v in load_file(GOLDENS / "sv_zero_xattn_small.safetensors").items()}
    block = ZeroCrossAttentionBlock(64, 32, heads=4)
    state = {
        k.removeprefix("state.warp_flow_blk.")
        .removeprefix("transformer_blocks.0.")
        .replace("to_out.0.", "to_out.")
        .replace("state.warp_zero_conv.", "zero_conv."): v
        for k, v in tensors.items()
        if k.startswith("state.")
    }
    block.load_state_dict(state)
    return block, tensors


def assert_near(got, expected, rtol=2e-4):
    assert (got - expected).abs().max() <= rtol * expected.abs().max()


def test_golden_forward_and_gradients():
    block, golden = golden_block()
    x, garment = golden["x"].requires_grad_(), golden["hint"].requires_grad_()
    out = block(x, garment)
    assert_near(out, golden["warp_out"])
    (out * golden["cotangent"]).sum().div(100).backward()
    assert_near(x.grad, golden["grad_x"])
    assert_near(garment.grad, golden["grad_hint"])


def test_a_new_block_is_the_identity_bitwise():
    block = ZeroCrossAttentionBlock(16, 8, heads=4, norm_num_groups=8)
    x = torch.randn(2, 16, 6, 4)
    assert torch.equal(block(x, torch.randn(2, 8, 6, 4)), x)


def test_only_the_last_zero_receives_a_gradient_in_the_first_step():
    block = ZeroCrossAttentionBlock(16, 8, heads=4, norm_num_groups=8)
    block(torch.randn(2, 16, 6, 4), torch.randn(2, 8, 6, 4)).square().sum().backward()
    moved = {name for name, p in block.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert moved == {"zero_conv.weight", "zero_conv.bias"}


def test_maps_of_different_size_are_refused():
    block = ZeroCrossAttentionBlock(16, 8, heads=4, norm_num_groups=8)
    with pytest.raises(ValueError, match=r"\(6, 4\), garment features \(3, 2\)"):
        block(torch.randn(1, 16, 6, 4), torch.randn(1, 8, 3, 2))


def test_a_new_model_ignores_the_garment_features(model, inputs):
    sample, time, context, garment = inputs
    features = model.encode_garment(garment, context)
    other = model.encode_garment(garment.flip(0), context)
    assert torch.equal(model(sample, time, context, features), model(sample, time, context, other))
    assert torch.equal(model(sample, time, context, features), model.unet(sample, time, context))


def test_a_block_before_every_skip_but_the_deepest_level(model, inputs):
    sample, time, context, garment = inputs
    with AttentionTap(model, "warps.*.attn2.core") as tap:
        model(sample, time, context, model.encode_garment(garment, context))
    grids = {name: record.query_grid for name, record in tap.items()}
    assert grids == {"warps.1.attn2.core": (8, 6), "warps.0.attn2.core": (8, 6)}
    nine = UNet(block_out_channels=(16, 32, 48, 48), layers_per_block=2, num_attention_heads=4, norm_num_groups=8)
    assert len(nine.skip_channels) - 3 == 9, "Stable Diffusion's shape has nine blocks, as the paper says"


def test_sample_of_a_batch_equals_the_sample_alone(model, inputs):
    for warp in model.warps:  # away from the identity
        torch.nn.init.normal_(warp.zero_conv.weight, std=0.1)
        torch.nn.init.normal_(warp.proj_out.weight, std=0.1)
    sample, time, context, garment = inputs
    both = model(sample, time, context, model.encode_garment(garment, context))
    alone = model(sample[1:], time[1:], context[1:], model.encode_garment(garment[1:], context[1:]))
    torch.testing.assert_close(both[1:], alone, rtol=1e-4, atol=1e-5)


def test_garment_encoder_starts_as_a_copy_of_the_denoisers(model):
    for name, weight in model.garment_encoder.state_dict().items():
        same = torch.equal(weight, model.unet.state_dict()[name]) if not name.startswith("conv_in.") else True
        assert same, name
    assert GarmentEncoder.from_unet(model.unet).conv_in.weight.shape == (16, 16, 3, 3)


def test_a_linear_key_can_point_at_any_position():
    """The property that positions are encoded for: k = f(place) is most like itself, with a margin."""
    features = position_features(8, 6).flatten(1).T
    logits = features @ features.T
    assert torch.equal(logits.argmax(1), torch.arange(48))
    assert features.shape == (48, 12)


def test_saved_and_loaded_models_are_equal(model, inputs, tmp_path):
    sample, time, context, garment = inputs
    model.save_pretrained(tmp_path)
    loaded = StableVITONUNet.from_pretrained(tmp_path)
    features = model.encode_garment(garment, context)
    assert torch.equal(loaded(sample, time, context, features), model(sample, time, context, features))
    assert [p.suffix for p in tmp_path.iterdir() if "model" in p.name] == [".safetensors"]


def blind_twin(model):
    twin = StableVITONUNet(**TINY, keys_see="place")
    twin.load_state_dict(model.state_dict())
    return twin


def records_of(model, inputs, **options):
    sample, time, context, garment = inputs
    with AttentionTap(model, "warps.*.attn2.core") as tap:
        model(sample, time, context, model.encode_garment(garment, context, **options))
    return dict(tap)


def test_blind_keys_see_no_pixel_and_values_do(model, inputs):
    """Exactly: another garment changes no key by one bit, and every value."""
    twin, (_, _, context, garment) = blind_twin(model), inputs
    own, other = (twin.encode_garment(g, c) for g, c in ((garment, context), (garment.flip(0), context.flip(0))))
    assert all(torch.equal(one, two) for one, two in zip(own.keys, other.keys, strict=True))
    assert not any(torch.allclose(one, two) for one, two in zip(own.values, other.values, strict=True))
    garment = garment.clone().requires_grad_()
    sum(key.sum() for key in twin.encode_garment(garment, context).keys).backward()
    assert garment.grad is None
    seeing = model.encode_garment(*(inputs[i] for i in (3, 2)))
    assert all(torch.equal(one, two) for one, two in zip(own.values, seeing.values, strict=True))
    assert all(one is two for one, two in zip(seeing.keys, seeing.values, strict=True))


def test_the_keys_can_be_shown_another_garment(model, inputs):
    own, other = records_of(model, inputs), records_of(model, inputs, shown=inputs[3].flip(0))
    for name, record in own.items():
        assert torch.equal(other[name].query, record.query) and not torch.allclose(other[name].key, record.key)
    same = records_of(model, inputs, shown=inputs[3])
    assert all(torch.equal(same[name].key, record.key) for name, record in own.items())
    twin = blind_twin(model)
    blind, misled = records_of(twin, inputs), records_of(twin, inputs, shown=inputs[3].flip(0))
    assert all(torch.equal(misled[name].key, record.key) for name, record in blind.items())


def test_a_blind_twin_is_saved_as_one(model, tmp_path):
    blind_twin(model).save_pretrained(tmp_path)
    assert StableVITONUNet.from_pretrained(tmp_path).blind
    with pytest.raises(ValueError, match="keys_see is 'outline', expected 'garment' or 'place'"):
        StableVITONUNet(**TINY, keys_see="outline")
