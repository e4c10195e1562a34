"""VITON-HD's try-on generator (``alias_final.pth``)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

from vtonlib.models.alias import ALIASGenerator
from vtonlib.official.keys import BLOCKS, rename_generator_key, weight
from vtonlib.official.release import Release


def build(state_dict: Mapping[str, Tensor]) -> nn.Module:
    """The generator of the right sizes, with as many blocks as the state dict has."""
    blocks = _blocks(state_dict)
    shared = weight(state_dict, "head_0.norm_0.conv_shared.0.weight")
    label_channels = shared.shape[1] - 1
    return ALIASGenerator(
        weight(state_dict, "conv_0.weight").shape[1],
        label_channels,
        tuple(weight(state_dict, f"{name}.conv_1.weight").shape[0] for name in blocks),
        mask_norm_blocks=sum(
            weight(state_dict, f"{name}.norm_0.conv_shared.0.weight").shape[1] > label_channels for name in blocks
        ),
        norm="batch" if f"{blocks[-1]}.norm_0.param_free_norm.running_mean" in state_dict else "instance",
        input_channels=weight(state_dict, "conv_1.weight").shape[0],
        hidden=shared.shape[0],
        spectral="head_0.conv_0.weight_orig" in state_dict,
    )


def rename(key: str) -> str:
    """Our key for an official one."""
    return rename_generator_key(re.sub(r"^conv_(\d)\.", r"inputs.\1.", key))


def unused(state_dict: Mapping[str, Tensor]) -> set[str]:
    """The official ``more`` has one convolution, of twice the image's size, whose output nothing reads."""
    return {key for key in state_dict if key.startswith(f"conv_{len(_blocks(state_dict))}.")}


def _blocks(state_dict: Mapping[str, Tensor]) -> list[str]:
    """The official names of the residual blocks that the state dict has."""
    return [name for name in BLOCKS if any(key.startswith(f"{name}.") for key in state_dict)] or ["head_0"]


RELEASE = Release(build, rename, unused)
