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
    with pytest.raises(ValueError, match="10x8; both sides must be multiples of 4"):
        unet(torch.randn(1, 13, 10, 8), torch.tensor([1]), torch.randn(1, 1, 12))
