"""The UNet's keys in the layout of the first latent diffusion repositories, which most later ones have kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

LAYERS = 2
"""Residual blocks of an encoder level; the keys of a decoder's level count one more."""
NORM_GROUPS = 32
RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}


def rename_unet_key(key: str) -> str:
    """Our key (which is diffusers') for one of that layout, both without the network's own prefix."""
    head, _, rest = key.partition(".")
    number, _, rest = rest.partition(".")
    match head:
        case "time_embed":
            return f"time_embedding.linear_{1 + int(number) // 2}.{rest}"
        case "out":
            return f"{('conv_norm_out', '', 'conv_out')[int(number)]}.{rest}"
        case "middle_block":
            return f"mid_block.{_part(int(number) // 2, int(number) == 1, rest)}"
        case "input_blocks" if number == "0":
            return f"conv_in.{rest.removeprefix('0.')}"
        case "input_blocks":
            level, layer = divmod(int(number) - 1, LAYERS + 1)
            within, _, rest = rest.partition(".")
            if rest.startswith("op."):
                return f"down_blocks.{level}.downsamplers.0.conv.{rest.removeprefix('op.')}"
            return f"down_blocks.{level}.{_part(layer, within == '1', rest)}"
        case "output_blocks":
            level, layer = divmod(int(number), LAYERS + 1)
            within, _, rest = rest.partition(".")
            if rest.startswith("conv."):
                return f"up_blocks.{level}.upsamplers.0.{rest}"
            return f"up_blocks.{level}.{_part(layer, within == '1', rest)}"
    return key


def _part(layer: int, attends: bool, rest: str) -> str:
    """A transformer block, whose names are the same in both, or a residual block."""
    if attends:
        return f"attentions.{layer}.{rest}"
    found = re.match(r"\w+(\.\d+)?(?=\.)", rest)
    name = found[0] if found else rest
    return f"resnets.{layer}.{RESNET.get(name, name)}{rest[len(name) :]}"


def unet_shape(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The sizes of a UNet from its tensors, under our keys without prefix; the number of heads is not among them.

    Raises:
        KeyError: naming a tensor that sizes are inferred from and that is missing.
    """
    text = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"
    return {**level_sizes(state), "cross_attention_dim": state[text].shape[1], "norm_num_groups": NORM_GROUPS}


def level_sizes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Of those, what does not concern a text: input, output, and the levels.

    Raises:
        KeyError: naming a tensor that sizes are inferred from and that is missing.
    """
    levels = len({key.split(".")[1] for key in state if key.startswith("down_blocks.")})
    first = [f"down_blocks.{level}.resnets.0.conv1.weight" for level in range(max(levels, 1))]
    resnets = {key.split(".")[3] for key in state if key.startswith("down_blocks.0.resnets.")}
    return {
        "in_channels": state["conv_in.weight"].shape[1],
        "out_channels": state["conv_out.weight"].shape[0],
        "block_out_channels": tuple(state[key].shape[0] for key in first),
        "layers_per_block": len(resnets),
        "attention_levels": tuple(f"down_blocks.{level}.attentions.0.norm.weight" in state for level in range(levels)),
    }
