"""Zero cross-attention: the identity at the start; what the control branch sees; what is saved."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from vtonlib.attention import AttentionTap
from vtonlib.models.garment_encoder import ControlBranch, GarmentEncoder, position_features
from vtonlib.models.stable_viton import StableVITONUNet, ZeroCrossAttentionBlock
from vtonlib.models.stored import load_stored
from vtonlib.models.unet import UNet

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


def test_a_new_block_is_the_identity_bitwise():
    block = ZeroCrossAttentionBlock(16, 8, heads=4, norm_num_groups=8)
    x = torch.randn(2, 16, 6, 4)
    assert torch.equal(block(x, torch.randn(2, 8, 6, 4)), x)


def moved(block):
    """The parameters with a gradient; then one step along it."""
    block.zero_grad()
    block(torch.randn(2, 16, 6, 4), torch.randn(2, 8, 6, 4)).square().sum().backward()
    names = {name for name, p in block.named_parameters() if p.grad.abs().max() > 0}
    with torch.no_grad():
        for parameter in block.parameters():
            parameter -= 0.01 * parameter.grad
    return names


@pytest.mark.parametrize(("zeros", "steps"), [(1, 2), (2, 3)])
def test_each_zero_layer_stops_the_gradient_for_one_step(zeros, steps):
    torch.manual_seed(0)
    block = ZeroCrossAttentionBlock(16, 8, heads=4, norm_num_groups=8, zero_layers=zeros)
    names, last = {name for name, _ in block.named_parameters()}, {"zero_conv.weight", "zero_conv.bias"}
    learns = [moved(block) for _ in range(steps)]
    assert learns[0] == last
    if zeros == 2:
        assert learns[1] == last | {"proj_out.weight", "proj_out.bias"}
    assert learns[-1] == names
    assert block.proj_out.weight.abs().max() > 0


def test_another_number_of_zero_layers_is_refused():
    with pytest.raises(ValueError, match="zero_layers is 3, expected 1 or 2"):
        ZeroCrossAttentionBlock(16, 8, heads=4, norm_num_groups=8, zero_layers=3)


def test_maps_of_different_size_are_refused():
    block = ZeroCrossAttentionBlock(16, 8, heads=4, norm_num_groups=8)
    with pytest.raises(ValueError, match=r"\(6, 4\), garment features \(3, 2\)"):
        block(torch.randn(1, 16, 6, 4), torch.randn(1, 8, 3, 2))


@pytest.mark.parametrize(("patch", "height", "multiple"), [(1, 9, 2), (2, 10, 4), (3, 8, 6)])
def test_a_size_that_patches_or_levels_do_not_divide_is_refused_in_latents(inputs, patch, height, multiple):
    model = StableVITONUNet(**TINY, patch_size=patch, carries_latents=True)
    _, time, context, _ = inputs
    assert model.multiple == multiple
    fits, odd = (torch.randn(2, 13, h, 12) for h in (12, height))
    message = f"the latents are {height}x12: height and width must be multiples of {multiple}"
    for refused in (
        lambda: model.encode_garment(odd[:, :4], context),
        lambda: model.paint(odd, time, context),
        lambda: model(odd, time, context, model.encode_garment(fits[:, :4], context)),
    ):
        with pytest.raises(ValueError, match=message):
            refused()
    assert model(fits, time, context, model.encode_garment(fits[:, :4], context)).shape == (2, 4, 12, 12)
    with pytest.raises(ValueError, match="features"):
        model(fits, time, context, model.encode_garment(torch.randn(2, 4, 12, 24), context))


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


def awakened(**options):
    """A model with both zeros away from zero, so that what the blocks read arrives at the output."""
    torch.manual_seed(0)
    model = StableVITONUNet(**TINY, **options).eval()
    for name, parameter in model.named_parameters():
        if any(part in name for part in ("zero_conv", "proj_out", "garment_conv")):
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def test_a_new_released_model_equals_its_base_bitwise(inputs):
    sample, time, context, garment = inputs
    model = StableVITONUNet(**TINY, control_sees="person", zero_layers=2)
    features = model.encode_garment(garment, context)
    assert torch.equal(model(sample, time, context, features), model.unet(sample, time, context))
    assert model.garment_encoder.garment_conv.weight.count_nonzero() == 0
    assert all(warp.proj_out.weight.count_nonzero() == 0 for warp in model.warps)


def test_the_released_branch_sees_the_person_the_time_and_the_garment(inputs):
    sample, time, context, garment = inputs
    model = awakened(control_sees="person")
    assert isinstance(model.garment_encoder, ControlBranch)

    def maps(sample=sample, time=time, context=context, garment=garment):
        return model.control(sample, time, context, model.encode_garment(garment, context)).values

    own = maps()
    for change in ({"sample": sample + 1}, {"time": time + 50}, {"garment": garment.flip(0)}):
        assert not torch.allclose(own[-1], maps(**change)[-1]), change
    features = model.encode_garment(garment, context)
    assert len(features.values) == 1 and features.keys is features.values
    before, after = (model(sample, time, context, model.encode_garment(g, context)) for g in (garment, -garment))
    assert not torch.allclose(before, after)


def test_the_garment_alone_decides_what_our_branch_computes(model, inputs):
    sample, time, context, garment = inputs
    features = model.encode_garment(garment, context)
    assert model.control(sample, time, context, features) is features


@pytest.mark.parametrize("sees", ["garment", "person"])
def test_the_control_branch_has_no_level_that_nothing_reads(sees):
    model = awakened(control_sees=sees)
    assert len(model.garment_encoder.down_blocks) == len(TINY["block_out_channels"]) - 1
    sample, context, garment = torch.randn(1, 13, 8, 6), torch.randn(1, 1, 12), torch.randn(1, 4, 8, 6)
    model(sample, torch.tensor([5]), context, model.encode_garment(garment, context)).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.garment_encoder.parameters())
    with pytest.raises(ValueError, match="block_out_channels has one level: expected at least 2"):
        StableVITONUNet(**{**TINY, "block_out_channels": (16,), "attention_levels": (True,)}, control_sees=sees)


def test_the_released_branch_has_a_blind_twin_and_can_be_shown_another_garment(inputs):
    model, twin = awakened(control_sees="person"), awakened(control_sees="person", keys_see="place")
    own, misled = records_of(model, inputs), records_of(model, inputs, shown=inputs[3].flip(0))
    name = "warps.0.attn2.core"
    assert not torch.allclose(misled[name].key, own[name].key)
    sample, time, context, garment = inputs
    one, two = (records_of(twin, (sample, time, c, g)) for c, g in ((context, garment), (-context, -garment)))
    first = "warps.1.attn2.core"  # the first block of the decoder: its queries have not met a garment yet
    assert torch.equal(one[first].key, two[first].key) and torch.equal(one[name].key, two[name].key)


def test_a_garment_of_another_size_is_refused(inputs):
    sample, time, context, _ = inputs
    for sees in ("garment", "person"):
        model = awakened(control_sees=sees)
        with pytest.raises(ValueError, match=r"\(8, 6\)|8, 6\)"):
            model(sample, time, context, model.encode_garment(torch.randn(2, 4, 4, 4), context))
    with pytest.raises(ValueError, match="control_sees is 'pose', expected 'garment' or 'person'"):
        StableVITONUNet(**TINY, control_sees="pose")


def test_files_of_the_time_before_load_without_what_nothing_read(model, inputs, tmp_path):
    sample, time, context, garment = inputs
    model.save_pretrained(tmp_path)
    file = next(tmp_path.glob("*.safetensors"))
    weights = load_file(file)
    dead = {f"garment_encoder.{k}": v for k, v in model.unet.state_dict().items() if k.startswith("down_blocks.1.")}
    assert dead and not dead.keys() & weights.keys()
    save_file(weights | dead, file, metadata={"format": "pt"})
    loaded = load_stored(StableVITONUNet, tmp_path)
    features = model.encode_garment(garment, context)
    assert torch.equal(loaded(sample, time, context, features), model(sample, time, context, features))
    save_file({k: v for k, v in weights.items() if "garment_encoder.conv_in" not in k}, file, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks garment_encoder\.conv_in"):
        load_stored(StableVITONUNet, tmp_path)


def test_without_encoder_gradients_the_result_is_the_same_and_the_encoder_learns_nothing(inputs):
    model, (sample, time, context, garment) = awakened(), inputs
    outputs = []
    for encoder_gradients in (True, False):
        model.zero_grad()
        features = model.encode_garment(garment, context)
        outputs.append(model(sample, time, context, features, encoder_gradients=encoder_gradients))
        outputs[-1].square().sum().backward()
    assert torch.equal(*outputs)
    still = {name.split(".")[1] for name, p in model.unet.named_parameters(prefix="unet") if p.grad is None}
    assert {"conv_in", "time_embedding", "down_blocks", "mid_block"} <= still
    assert all(p.grad is not None for p in model.unet.up_blocks[1].resnets.parameters())
