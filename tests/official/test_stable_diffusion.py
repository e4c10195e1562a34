"""A StableVITON that begins as a base model: the same pictures at first, whatever the layout of its weights."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel
from stable_viton_goldens import HEADS, tensors
from torch import Tensor

from vtonlib.models.unet import UNet
from vtonlib.official.latent_diffusion import rename_unet_key
from vtonlib.official.stable_diffusion import start
from vtonlib.official.stable_viton import DENOISER


def base(channels: int) -> dict[str, Tensor]:
    """The golden denoiser's weights as those of a base model with fewer input channels, in the first layout."""
    state = {k: v for k, v in tensors("sv_tiny_state").items() if k.startswith(DENOISER) and ".warp_" not in k}
    first = f"{DENOISER}input_blocks.0.0.weight"
    return {**state, first: state[first][:, :channels], "first_stage_model.x": torch.zeros(1)}


def inputs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    golden = tensors("sv_tiny_forward")
    sample = torch.cat((golden["x"], golden["cond"]), dim=1)
    return sample, golden["timesteps"], golden["context"], golden["hint"]


@pytest.mark.parametrize(("channels", "sees"), [(4, "garment"), (9, "person"), (13, "person")])
@torch.no_grad()
def test_it_paints_what_the_base_paints(channels: int, sees: str) -> None:
    sample, time, context, garment = inputs()
    weights = base(channels)
    model = start(weights, num_attention_heads=HEADS, control_sees=sees, zero_layers=2)
    config = {k: v for k, v in model.unet.config.items() if not k.startswith("_")}
    alone = UNet(**{**config, "in_channels": channels})
    alone.load_state_dict(
        {rename_unet_key(k.removeprefix(DENOISER)): v for k, v in weights.items() if k.startswith(DENOISER)}
    )
    got = model(sample, time, context, model.encode_garment(garment, context))
    torch.testing.assert_close(got, alone(sample[:, :channels], time, context), rtol=1e-5, atol=1e-5)
    other = sample.clone()
    other[:, channels:] += 1
    assert torch.equal(got, model(other, time, context, model.encode_garment(-garment, context)))


def test_the_control_branch_begins_as_a_copy() -> None:
    model = start(base(9), num_attention_heads=HEADS, control_sees="person")
    copied = {k: v for k, v in model.garment_encoder.state_dict().items() if not k.startswith("garment_conv.")}
    base_state = model.unet.state_dict()
    assert all(torch.equal(value, base_state[key]) for key, value in copied.items())
    assert not model.garment_encoder.garment_conv.weight.any()


def test_the_layout_of_diffusers_is_read_too() -> None:
    torch.manual_seed(0)
    theirs = UNet2DConditionModel(
        in_channels=4,
        block_out_channels=(64, 64),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        attention_head_dim=HEADS,
        cross_attention_dim=12,
    )
    model = start(theirs.state_dict(), num_attention_heads=HEADS)
    sample, garment = torch.randn(1, 13, 8, 6), torch.randn(1, 4, 8, 6)
    time, context = torch.tensor([7]), torch.randn(1, 3, 12)
    got = model(sample, time, context, model.encode_garment(garment, context))
    torch.testing.assert_close(got, theirs(sample[:, :4], time, context).sample)


def test_what_is_no_base_model_is_refused() -> None:
    with pytest.raises(ValueError, match=r"weights of a base model: there is no .conv_in\.weight. \(our name\)"):
        start({"fc.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match="has 13 input channels: expected at most 9"):
        start(base(13), num_attention_heads=HEADS, in_channels=9)
    with pytest.raises(ValueError, match=r"unexpected keys: 1: mid_block\.extra"):
        start(base(4) | {f"{DENOISER}mid_block.extra": torch.zeros(1)}, num_attention_heads=HEADS)
