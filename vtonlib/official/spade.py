"""SPADE: its generator, the encoder of styles, and the discriminator (files ``latest_net_G``, ``_E`` and ``_D``).

Every norm of its options is read off the tensors: instance or (synchronized) batch norm in the generator with kernels
of any size, the start from a label map or from a style (``--use_vae``), and in the discriminator instance, batch or no
norm beside the spectral one. Two options leave no trace in tensors; they are arguments of :func:`build`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from vtonlib.models.discriminator import MultiscaleDiscriminator, PatchNorm
from vtonlib.models.normalization import from_hook_key
from vtonlib.models.spade import SPADEGenerator, Upsampling
from vtonlib.models.style import StyledSPADEGenerator, StyleEncoder
from vtonlib.official.keys import BLOCKS, rename_generator_key, weight
from vtonlib.official.release import Release

DOUBLINGS: dict[Upsampling, int] = {"normal": 5, "more": 6, "most": 7}


def build(
    state_dict: Mapping[str, Tensor], *, upsampling: Upsampling | None = None, aspect_ratio: float | None = None
) -> nn.Module:
    """The generator of the right sizes: one that starts from the label map, or from a style.

    Args:
        state_dict: the official tensors.
        upsampling: the option of that name. Tensors tell ``normal`` from ``most`` but not from ``more``, which differs
            by one doubling and no weight: without an eighth block this is ``normal`` unless told.
        aspect_ratio: width over height, the option of that name, where a style is the start: of the smallest map only
            the number of pixels is known. Square unless told.

    Raises:
        ValueError: where the upsampling does not fit the blocks, or the aspect ratio the smallest map.
    """
    fc, shared = weight(state_dict, "fc.weight"), weight(state_dict, "head_0.norm_0.mlp_shared.0.weight")
    eighth = any(key.startswith("up_4.") for key in state_dict)
    upsampling = upsampling or ("most" if eighth else "normal")
    if (upsampling == "most") != eighth:
        raise ValueError(f"upsampling is {upsampling!r}, but there is {'an' if eighth else 'no'} eighth block (up_4)")
    options: dict[str, Any] = {
        "norm": "sync_batch" if "head_0.norm_0.param_free_norm.running_mean" in state_dict else "instance",
        "hidden": shared.shape[0],
        "kernel_size": shared.shape[-1],
        "spectral": "head_0.conv_0.weight_orig" in state_dict,
    }
    if fc.ndim == 4:
        return SPADEGenerator(fc.shape[1], fc.shape[0] // 16, upsampling=upsampling, **options)
    blocks = [name for name in BLOCKS if any(key.startswith(f"{name}.") for key in state_dict)]
    widths = [weight(state_dict, f"{name}.conv_1.weight").shape[0] for name in blocks]
    height, width = smallest_map(fc.shape[0] // widths[0], aspect_ratio or 1.0)
    doubled = 2 ** DOUBLINGS[upsampling]
    flat = (2,) if upsampling == "normal" else ()
    size = (height * doubled, width * doubled)
    return StyledSPADEGenerator(shared.shape[1], size, fc.shape[1], widths, flat=flat, **options)


def smallest_map(pixels: int, aspect_ratio: float) -> tuple[int, int]:
    """Height and width of a map of so many pixels: h = round(w / aspect_ratio), as the release rounds.

    Raises:
        ValueError: where there is none.
    """
    for width in range(1, pixels + 1):
        height = round(width / aspect_ratio)
        if height * width == pixels:
            return height, width
    raise ValueError(
        f"the smallest map has {pixels} pixels, which has no shape of width / height = {aspect_ratio:g}: give "
        "aspect_ratio, the option that the generator was trained with"
    )


def build_encoder(state_dict: Mapping[str, Tensor]) -> nn.Module:
    """The encoder of the right widths, for images of 256x256 pixels: the release resizes all to that, bilinearly."""
    convs = [weight(state_dict, f"layer{number}.0.weight") for number in range(1, _layers(state_dict) + 1)]
    mean = weight(state_dict, "fc_mu.weight")
    widths = [conv.shape[0] for conv in convs]
    side = math.isqrt(mean.shape[1] // widths[-1]) * 2 ** len(widths)
    return StyleEncoder((side, side), mean.shape[0], widths, spectral="layer1.0.weight_orig" in state_dict)


def _layers(state_dict: Mapping[str, Tensor]) -> int:
    """How many convolutions an encoder has."""
    return max([int(key[5]) for key in state_dict if re.match(r"layer\d\.", key)], default=1)


def rename_encoder_key(key: str) -> str:
    """Our key for an official one: a convolution, its norm and its activation are three of our layers."""
    key = re.sub(r"^layer(\d)\.0\.", lambda match: f"layers.{3 * (int(match[1]) - 1)}.", key)
    return from_hook_key(key.replace("fc_mu.", "mean.").replace("fc_var.", "log_variance."))


def build_discriminator(state_dict: Mapping[str, Tensor]) -> nn.Module:
    """The discriminator of the right sizes and norm; synchronized batch norm is batch norm here."""
    first = weight(state_dict, "discriminator_0.model0.0.weight")
    numbers = [re.match(r"discriminator_(\d+)\.model(\d+)\.", key) for key in state_dict]
    scales, layers = (max(int(match[i]) for match in numbers if match) for i in (1, 2))
    norm: PatchNorm = "instance"
    if "discriminator_0.model1.0.1.running_mean" in state_dict:
        norm = "batch"
    elif "discriminator_0.model1.0.bias" in state_dict:
        norm = "none"
    prefix = "discriminator_0.model{}.0." + ("" if norm == "none" else "0.") + "weight"
    widths = [first.shape[0], *(weight(state_dict, prefix.format(layer)).shape[0] for layer in range(1, layers))]
    return MultiscaleDiscriminator(first.shape[1], widths[0], layers, scales + 1, max_channels=max(widths), norm=norm)


def rename_discriminator_key(key: str) -> str:
    """Our key for an official one. In a layer with a norm, the convolution and the norm are a sequence of their own;
    the last layer is a sequence of one."""
    key = re.sub(r"^discriminator_(\d+)\.model(\d+)\.", r"scales.\1.\2.", key)
    key = re.sub(r"^(scales\.\d+\.\d+\.)0\.([01])\.", r"\1\2.", key)
    return from_hook_key(key)


def prepare_discriminator(state_dict: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The tensors with the last layer of each discriminator under the name of the convolution that it is."""
    last = max([int(match[1]) for key in state_dict if (match := re.search(r"\.model(\d+)\.", key))], default=0)
    return {key.replace(f".model{last}.0.", f".model{last}."): value for key, value in state_dict.items()}


RELEASE = Release(build, rename_generator_key)
ENCODER = Release(build_encoder, rename_encoder_key)
DISCRIMINATOR = Release(build_discriminator, rename_discriminator_key, prepare=prepare_discriminator)
