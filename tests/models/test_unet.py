"""The UNet is diffusers' UNet2DConditionModel, cut in two."""

import pytest
import torch
from diffusers import UNet2DConditionModel

from vtonlib.models.unet import UNet

SHAPES = {
    "two attention levels": ((16, 32, 32), 1, (True, True, False)),
    "two layers": ((16, 32), 2, (False, True)),
    "one level": ((16,), 1, (True,)),
}


def pair(channels, layers, attention):
    """A diffusers UNet and ours, with the same weights."""
    torch.manual_seed(0)
    reference = UNet2DConditionModel(
        sample_size=16,
        in_channels=13,
        out_channels=4,
        block_out_channels=channels,
        layers_per_block=layers,
        down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attention),
        up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attention)),
        attention_head_dim=4,
        cross_attention_dim=12,
        norm_num_groups=8,
    )
    ours = UNet(
        in_channels=13,
        block_out_channels=channels,
        layers_per_block=layers,
        attention_levels=attention,
        num_attention_heads=4,
        cross_attention_dim=12,
        norm_num_groups=8,
    )
    ours.load_state_dict(reference.state_dict())
    return reference, ours


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_equals_diffusers_with_the_same_weights(shape):
    reference, ours = pair(*shape)
    sample, time, context = torch.randn(2, 13, 12, 8), torch.tensor([3, 700]), torch.randn(2, 5, 12)
    torch.testing.assert_close(ours(sample, time, context), reference(sample, time, context).sample)


def test_warp_sees_every_skip_once_with_the_promised_channels():
    _, unet = pair(*SHAPES["two attention levels"])
    seen = {}

    def warp(index, hidden):
        seen[index] = hidden.shape[1]
        return hidden

    sample, time, context = torch.randn(1, 13, 12, 8), torch.tensor([3]), torch.randn(1, 1, 12)
    with_warp = unet(sample, time, context, warp=warp)
    assert tuple(seen[i] for i in range(len(seen))) == unet.decoder_channels
    assert tuple(s.shape[1] for s in unet.encode(sample, time, context).skips) == unet.skip_channels
    torch.testing.assert_close(with_warp, unet(sample, time, context), rtol=0, atol=0)


def test_time_matters_at_every_shape():
    _, unet = pair(*SHAPES["one level"])
    sample, context = torch.randn(1, 13, 6, 4), torch.randn(1, 1, 12)
    early, late = unet(sample, torch.tensor([1]), context), unet(sample, torch.tensor([900]), context)
    assert (early - late).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norm_num_groups": 16, "block_out_channels": (16, 16)}, "cancel the time embedding"),
        ({"norm_num_groups": 6}, "multiple of 6 groups"),
        ({"attention_levels": (True,)}, "attention_levels has 1"),
    ],
)
def test_impossible_widths_are_refused(change, message):
    arguments = {
        "block_out_channels": (16, 32),
        "layers_per_block": 1,
        "attention_levels": (True, True),
        "num_attention_heads": 4,
        "norm_num_groups": 8,
    }
    with pytest.raises(ValueError, match=message):
        UNet(**{**arguments, **change})


def test_a_size_that_does_not_divide_is_refused():
    _, unet = pair(*SHAPES["two attention levels"])
    with pytest.raises(ValueError, match="latents are 10x8: height and width must be multiples of 4"):
        unet(torch.randn(1, 13, 10, 8), torch.tensor([1]), torch.randn(1, 1, 12))


def test_attention_to_one_token_is_a_constant_and_equals_diffusers():
    """Softmax over one key is 1: the same vector at every place, whatever asks. (Diffusers computes it.)"""
    reference, ours = pair(*SHAPES["two attention levels"])
    sample, time, context = torch.randn(2, 13, 12, 8), torch.tensor([3, 700]), torch.randn(2, 1, 12)
    outputs = [net(sample, time, context) for net in (reference, ours)]
    torch.testing.assert_close(outputs[1], outputs[0].sample)
    for output in (outputs[0].sample, outputs[1]):
        output.square().sum().backward()
    theirs = dict(reference.named_parameters())
    for name, parameter in ours.named_parameters():
        if any(part in name for part in (".attn2.to_q.", ".attn2.to_k.", ".norm2.")) and "attentions" in name:
            assert parameter.grad is None and theirs[name].grad.abs().max() < 1e-6, name  # theirs is rounding
        else:
            torch.testing.assert_close(parameter.grad, theirs[name].grad, rtol=1e-3, atol=1e-4)
    said = {}
    block = ours.mid_block.attentions[0].transformer_blocks[0].attn2
    block.register_forward_hook(lambda module, given, output: said.update(out=output))
    ours(sample, time, context)
    assert said["out"].shape[1] == 3 * 2
    assert torch.equal(said["out"], said["out"][:, :1].expand_as(said["out"]))
    assert torch.equal(said["out"][:, 0], block.to_out[0](block.to_v(context))[:, 0])
