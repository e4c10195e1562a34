"""A StableVITON that begins as Stable Diffusion 1.5 or Paint-by-Example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.models.garment_encoder import begin_as
from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.official.latent_diffusion import rename_unet_key, unet_shape
from vtonlib.official.release import check_weights
from vtonlib.official.stable_viton import DENOISER

PERSON_CHANNELS = 13


def start(
    state_dict: Mapping[str, Tensor],
    *,
    in_channels: int = PERSON_CHANNELS,
    num_attention_heads: int = 8,
    **options: Any,
) -> StableVITONUNet:
    """The denoiser with the base model's weights, a control branch that begins as a copy, and new blocks.

    The new input channels have weight 0, so at first the model paints what the base model paints. Stable Diffusion's
    four channels are the noisy latents; Paint-by-Example's nine are ours in the same order and polarity: noisy latents,
    latents of the picture with a hole, mask with 1 = keep. (Stable Diffusion's own model for inpainting has nine too,
    but the mask before the picture and 1 = paint: not for here.)

    Args:
        state_dict: weights under the keys of the first latent diffusion repositories (a whole checkpoint: what is not
            the UNet's is left out), or those of diffusers' ``UNet2DConditionModel``.
        in_channels: channels of our input.
        num_attention_heads: of the base model; no tensor tells.
        options: ``control_sees``, ``zero_layers`` and ``keys_see`` of :class:`StableVITONUNet`.

    Raises:
        ValueError: where the weights are not those of such a UNet, or have more input channels than wanted.
    """
    first_layout = {k.removeprefix(DENOISER): v for k, v in state_dict.items() if k.startswith(DENOISER)}
    given = {rename_unet_key(key): value for key, value in first_layout.items()} or dict(state_dict)
    try:
        shape = unet_shape(given)
    except KeyError as missing:
        raise ValueError(f"these are not the weights of a base model: there is no {missing} (our name)") from None
    if shape["in_channels"] > in_channels:
        raise ValueError(f"the base model has {shape['in_channels']} input channels: expected at most {in_channels}")
    shape |= {"in_channels": in_channels, "num_attention_heads": num_attention_heads}
    model = StableVITONUNet(**shape, **options)
    given["conv_in.weight"] = widened(given["conv_in.weight"], in_channels)
    check_weights("a base model", model.unet.state_dict(), {key: key for key in given}, given)
    model.unet.load_state_dict(given)
    begin_as(model.garment_encoder, model.unet)
    return model


def widened(weight: Float[Tensor, "c n k k"], channels: int) -> Float[Tensor, "c channels k k"]:
    """A convolution's weight for more input channels: the new ones come last and are 0."""
    wide = weight.new_zeros(len(weight), channels, *weight.shape[2:])
    return torch.cat((weight, wide[:, weight.shape[1] :]), dim=1)
