"""Leffa's two UNets, as its inference code builds them: try-on on Stable Diffusion 1.5, pose transfer on SDXL.

A file holds the autoencoder too (``vae.``), and much that nothing reads: the attention to a text, whose processor gives
its input back (the norm before it stays alive: h + LN2(h)), SDXL's embedding of picture sizes, and all of the reference
UNet that comes after the last features that are read of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial

from torch import Tensor

from vtonlib.models.leffa import LeffaUNet
from vtonlib.official import latent_autoencoder
from vtonlib.official.latent_diffusion import NORM_GROUPS, level_sizes
from vtonlib.official.release import Release

GENERATOR, REFERENCE, AUTOENCODER = "unet.", "unet_encoder.", "vae."
DEAD = (".attn2.", ".add_embedding.")
"""Parts that both UNets' files have and neither reads."""
SDXL_HEADS = (5, 10, 20)
SDXL_SCALING = 0.13025


def build(
    state_dict: Mapping[str, Tensor],
    num_attention_heads: int | tuple[int, ...] = 8,
    norm_num_groups: int = NORM_GROUPS,
) -> LeffaUNet:
    """The pair for try-on; how many heads and groups there are, tensors do not tell.

    Raises:
        ValueError: where the tensors are SDXL's, whose heads are others.
    """
    return _pair("leffa_try_on", state_dict, False, num_attention_heads, norm_num_groups)


def build_pose(
    state_dict: Mapping[str, Tensor],
    num_attention_heads: int | tuple[int, ...] = SDXL_HEADS,
    norm_num_groups: int = NORM_GROUPS,
) -> LeffaUNet:
    """The same for pose transfer.

    Raises:
        ValueError: where the tensors are Stable Diffusion 1.5's.
    """
    return _pair("leffa_pose", state_dict, True, num_attention_heads, norm_num_groups)


def _pair(
    name: str, state_dict: Mapping[str, Tensor], linear: bool, heads: int | tuple[int, ...], groups: int
) -> LeffaUNet:
    """The pair with the sizes of the tensors, if tokens are projected as in the base model of ``name``."""
    unet = {key.removeprefix(GENERATOR): value for key, value in state_dict.items() if key.startswith(GENERATOR)}
    sizes = level_sizes(unet)
    projection = unet["mid_block.attentions.0.proj_in.weight"]
    if (projection.ndim == 2) != linear:
        other = "leffa_try_on" if linear else "leffa_pose"
        raise ValueError(
            f"these are not the weights of {name}: {GENERATOR}mid_block.attentions.0.proj_in.weight is "
            f"{tuple(projection.shape)}, as in the base model of {other}"
        )
    attentions = {
        level: re.compile(rf"down_blocks\.{level}\.attentions\.0\.transformer_blocks\.(\d+)\.")
        for level in range(len(sizes["attention_levels"]))
    }
    depths = (len({found[1] for key in unet if (found := pattern.match(key))}) for pattern in attentions.values())
    return LeffaUNet(
        **sizes,
        reference_channels=state_dict[f"{REFERENCE}conv_in.weight"].shape[1],
        num_attention_heads=heads,
        transformer_layers_per_block=tuple(max(depth, 1) for depth in depths),
        use_linear_projection=linear,
        norm_num_groups=groups,
        text_attention="released",
    )


def rename(key: str) -> str:
    """Our key for an official one, which is diffusers'."""
    return key.replace(REFERENCE, "reference_unet.", 1) if key.startswith(REFERENCE) else key


def unused(state_dict: Mapping[str, Tensor]) -> set[str]:
    """What no UNet reads (``DEAD``), what comes after the reference's last features, and the autoencoder."""
    after = _after_last_features(state_dict)
    return {
        key
        for key in state_dict
        if key.startswith(AUTOENCODER) or any(part in key for part in DEAD) or after.match(key)
    }


def _after_last_features(state_dict: Mapping[str, Tensor]) -> re.Pattern[str]:
    """The keys of the reference UNet behind the first norm of its last transformer block, in order of computation."""
    blocks = re.compile(rf"{REFERENCE}up_blocks\.(\d+)\.attentions\.(\d+)\.transformer_blocks\.(\d+)\.")
    found = (blocks.match(key) for key in state_dict)
    level, layer, block = max((tuple(map(int, match.groups())) for match in found if match), default=(0, 0, 0))
    last = rf"up_blocks\.{level}\.attentions\.{layer}\."
    later = "|".join(rf"up_blocks\.{index}\." for index in range(level + 1, _levels(state_dict))) or "(?!)"
    return re.compile(
        rf"{REFERENCE}(conv_norm_out|conv_out|{later}|up_blocks\.{level}\.upsamplers"
        rf"|{last}proj_out|{last}transformer_blocks\.{block}\.(?!norm1\.))"
    )


def _levels(state_dict: Mapping[str, Tensor]) -> int:
    return len({key.split(".")[2] for key in state_dict if key.startswith(f"{REFERENCE}up_blocks.")})


def prepare_autoencoder(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The autoencoder's part of the file, which has diffusers' keys, or a file of that part alone."""
    part = {key.removeprefix(AUTOENCODER): value for key, value in state_dict.items() if key.startswith(AUTOENCODER)}
    return part or dict(state_dict)


TRY_ON = Release(build, rename, unused)
TRY_ON_AUTOENCODER = Release(latent_autoencoder.build, str, prepare=prepare_autoencoder)
POSE = TRY_ON._replace(build=build_pose)
POSE_AUTOENCODER = TRY_ON_AUTOENCODER._replace(build=partial(latent_autoencoder.build, scaling_factor=SDXL_SCALING))
