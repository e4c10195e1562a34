"""The levels of a UNet, of diffusers' blocks, and their widths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from diffusers.models.unets.unet_2d_blocks import UNetMidBlock2DCrossAttn, get_down_block, get_up_block
from jaxtyping import Float
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Shape of a UNet; fields as the arguments of :class:`vtonlib.models.unet.UNetEncoder`."""

    block_out_channels: Sequence[int]
    """Channels of each level, finest first."""
    layers_per_block: int
    """Residual blocks of each level."""
    attention_levels: Sequence[bool]
    """Which levels attend."""
    num_attention_heads: int | Sequence[int]
    """Heads of every attention, or of those of each level."""
    transformer_layers_per_block: int | Sequence[int]
    """Transformer blocks behind each residual block of a level that attends, or by level."""
    use_linear_projection: bool
    """Whether linear layers lead to tokens and back."""
    cross_attention_dim: int
    """Width of the context tokens."""
    norm_num_groups: int
    """Groups of every group norm."""

    @property
    def count(self) -> int:
        """The number of levels."""
        return len(self.block_out_channels)

    def block(self, level: int) -> dict[str, Any]:
        """The arguments that the blocks of a level share."""
        return {
            "temb_channels": 4 * self.block_out_channels[0],
            "resnet_eps": 1e-5,
            "resnet_act_fn": "silu",
            "resnet_groups": self.norm_num_groups,
            "num_attention_heads": by_level(self.num_attention_heads, self.count)[level],
            "transformer_layers_per_block": by_level(self.transformer_layers_per_block, self.count)[level],
            "use_linear_projection": self.use_linear_projection,
            "cross_attention_dim": self.cross_attention_dim,
        }

    def check(self) -> None:
        """Raise a ``ValueError`` that says which width cannot work, and why."""
        channels, groups = self.block_out_channels, self.norm_num_groups
        for name in ("attention_levels", "num_attention_heads", "transformer_layers_per_block"):
            value = getattr(self, name)
            if not isinstance(value, int) and len(value) != self.count:
                raise ValueError(f"{self.count} levels, but {name} has {len(value)} entries")
        for width, heads in zip(channels, by_level(self.num_attention_heads, self.count), strict=True):
            if width % groups or width % heads:
                raise ValueError(f"{width} channels: must be a multiple of {groups} groups and of {heads} heads")
        if all(width <= groups for width in channels):
            raise ValueError(f"no more channels than {groups} groups: group norm would cancel the time embedding")


def by_level(value: int | Sequence[int], levels: int) -> tuple[int, ...]:
    """One number for each level, finest first."""
    return (value,) * levels if isinstance(value, int) else tuple(value)


def down_blocks(levels: Levels) -> nn.ModuleList:
    """The encoder's levels, finest first; the last does not halve."""
    blocks, width = nn.ModuleList(), levels.block_out_channels[0]
    for level, channels in enumerate(levels.block_out_channels):
        shared = levels.block(level)
        block = get_down_block(
            "CrossAttnDownBlock2D" if levels.attention_levels[level] else "DownBlock2D",
            num_layers=levels.layers_per_block,
            in_channels=width,
            out_channels=channels,
            add_downsample=level < levels.count - 1,
            attention_head_dim=shared["num_attention_heads"],
            downsample_padding=1,
            **shared,
        )
        blocks.append(block)
        width = channels
    return blocks


def mid_block(levels: Levels) -> UNetMidBlock2DCrossAttn:
    """The middle, of the deepest level's shape."""
    return UNetMidBlock2DCrossAttn(in_channels=levels.block_out_channels[-1], **levels.block(levels.count - 1))


def up_blocks(levels: Levels) -> nn.ModuleList:
    """The decoder's levels, deepest first."""
    widths = levels.block_out_channels
    blocks, previous = nn.ModuleList(), widths[-1]
    for level in reversed(range(levels.count)):
        shared = levels.block(level)
        block = get_up_block(
            "CrossAttnUpBlock2D" if levels.attention_levels[level] else "UpBlock2D",
            num_layers=levels.layers_per_block + 1,
            in_channels=widths[max(level - 1, 0)],
            out_channels=widths[level],
            prev_output_channel=previous,
            add_upsample=level > 0,
            attention_head_dim=shared["num_attention_heads"],
            **shared,
        )
        blocks.append(block)
        previous = widths[level]
    return blocks


def skip_channels(block_out_channels: tuple[int, ...], layers_per_block: int) -> tuple[int, ...]:
    """Channels of each skip of a UNet, in order of computation."""
    channels = [block_out_channels[0]]
    for level, width in enumerate(block_out_channels):
        downsampler = level < len(block_out_channels) - 1
        channels += [width] * (layers_per_block + downsampler)
    return tuple(channels)


def decoder_channels(block_out_channels: tuple[int, ...], layers_per_block: int) -> tuple[int, ...]:
    """Channels of the decoder features at the moment skip i is concatenated, by i."""
    channels, previous = [], block_out_channels[-1]
    for width in reversed(block_out_channels):
        channels += [previous] + [width] * layers_per_block
        previous = width
    return tuple(reversed(channels))


def check_size(latents: Float[Tensor, "b c h w"], multiple: int) -> None:
    """Raise a ``ValueError`` unless height and width of the latents are multiples of ``multiple``."""
    height, width = latents.shape[-2:]
    if height % multiple or width % multiple:
        raise ValueError(f"the latents are {height}x{width}: height and width must be multiples of {multiple}")
