# budget: one network in three sizes, encoder, trunk and whole; every argument is said once
"""The denoising UNet, composed of diffusers' blocks under the parameter names of ``UNet2DConditionModel``.

One network serves every role: the denoiser, and with its encoder half alone the garment encoder. The forward pass is
split in two, ``encode`` and ``decode``, so that something may happen to the features in between, as StableVITON's
zero cross-attention does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, NamedTuple

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from jaxtyping import Float, Int
from torch import Tensor, nn

from vtonlib.models.joined import Exchange
from vtonlib.models.unet_levels import (
    Levels,
    by_level,
    check_size,
    decoder_channels,
    down_blocks,
    mid_block,
    skip_channels,
    up_blocks,
)
from vtonlib.models.unet_parts import answer_one_token


class UNetFeatures(NamedTuple):
    """What the encoder half of a UNet computes."""

    skips: tuple[Float[Tensor, "b c_i h_i w_i"], ...]
    """The maps that the decoder concatenates, in order of computation; the last is also the deepest."""
    time: Float[Tensor, "b e"]
    """The time embedding."""


Warp = Callable[[int, Tensor], Tensor]
"""(index of the skip about to be concatenated, decoder features) -> decoder features."""


def handed(exchange: Exchange | None) -> dict[str, Any] | None:
    """How diffusers' blocks hand it to their attentions."""
    return None if exchange is None else {"exchange": exchange}


class UNetEncoder(ModelMixin, ConfigMixin):
    """The encoder half: ``conv_in``, the time embedding and the down blocks of ``UNet2DConditionModel``.

    Args:
        in_channels: channels of the input.
        block_out_channels: channels of each level, finest first.
        layers_per_block: residual blocks of each level.
        attention_levels: for each level, whether it has transformer blocks.
        num_attention_heads: heads of every attention, or by level (diffusers calls this ``attention_head_dim``).
        cross_attention_dim: width of the context tokens.
        transformer_layers_per_block: transformer blocks behind each residual block of every attending level, or by
            level.
        use_linear_projection: whether linear layers lead to tokens and back, as in SDXL, or 1x1 convolutions.
        norm_num_groups: groups of every group norm. A level of as many groups as channels cancels the time embedding
            within its residual blocks, so one level at least must be wider than this.

    Raises:
        ValueError: when no level has more channels than there are groups, or a size does not divide.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 4,
        block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280),
        layers_per_block: int = 2,
        attention_levels: tuple[bool, ...] = (True, True, True, False),
        num_attention_heads: int | tuple[int, ...] = 8,
        cross_attention_dim: int = 768,
        norm_num_groups: int = 32,
        transformer_layers_per_block: int | tuple[int, ...] = 1,
        use_linear_projection: bool = False,
    ) -> None:
        super().__init__()
        self.levels.check()
        width, time_dim = block_out_channels[0], 4 * block_out_channels[0]
        self.conv_in = nn.Conv2d(in_channels, width, 3, padding=1)
        self.time_proj = Timesteps(width, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.time_embedding = TimestepEmbedding(width, time_dim)
        self.down_blocks = down_blocks(self.levels)
        answer_one_token(self)

    def encode(
        self,
        sample: Float[Tensor, "b c h w"],
        timestep: Int[Tensor, " b"],
        context: Float[Tensor, "b n e"] | None,
        *,
        added: Float[Tensor, "b c h w"] | None = None,
        exchange: Exchange | None = None,
    ) -> UNetFeatures:
        """The skips and the time embedding; ``added`` is added to the output of the first convolution.

        ``exchange`` does what self-attentions do, where they are
        :class:`~vtonlib.models.joined.ExchangingAttention`; there is no context where no layer attends to it.

        Raises:
            ValueError: when a side of ``sample`` is not a multiple of :attr:`multiple`, or ``added`` does not fit.
        """
        check_size(sample, self.multiple)
        time = self.time_embedding(self.time_proj(timestep).to(sample.dtype))
        hidden = self.conv_in(sample)
        if added is not None:
            if added.shape != hidden.shape:
                raise ValueError(f"features are {tuple(hidden.shape)}, what is added to them {tuple(added.shape)}")
            hidden = hidden + added
        skips = [hidden]
        for block in self.down_blocks:
            if hasattr(block, "attentions"):
                hidden, states = block(
                    hidden, temb=time, encoder_hidden_states=context, cross_attention_kwargs=handed(exchange)
                )
            else:
                hidden, states = block(hidden, temb=time)
            skips += states
        return UNetFeatures(tuple(skips), time)

    @property
    def levels(self) -> Levels:
        """The network's shape."""
        names = [field.name for field in fields(Levels)]
        return Levels(**{name: self.config[name] for name in names})

    @property
    def multiple(self) -> int:
        """What height and width of the input must be divisible by: 2^(levels - 1)."""
        return 2 ** (len(self.config.block_out_channels) - 1)

    @property
    def skip_channels(self) -> tuple[int, ...]:
        """Channels of each skip, in order."""
        return skip_channels(self.config.block_out_channels, self.config.layers_per_block)


class UNetTrunk(UNetEncoder):
    """Encoder, middle and decoder, without the output layers; see :class:`UNetEncoder` for the arguments."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.mid_block = mid_block(self.levels)
        self.up_blocks = up_blocks(self.levels)
        answer_one_token(self)

    def merge(
        self,
        features: UNetFeatures,
        context: Float[Tensor, "b n e"] | None,
        *,
        warp: Warp | None = None,
        encoder_gradients: bool = True,
        exchange: Exchange | None = None,
    ) -> Iterator[Float[Tensor, "b c_i h_i w_i"]]:
        """The decoder's features after each skip, deepest first.

        ``warp`` sees the features before each skip is concatenated; without
        ``encoder_gradients`` the middle is computed without a graph. ``exchange`` as in :meth:`encode`.
        """
        skips, time = list(features.skips), features.time
        with torch.set_grad_enabled(torch.is_grad_enabled() and encoder_gradients):
            hidden = self.mid_block(
                skips[-1], time, encoder_hidden_states=context, cross_attention_kwargs=handed(exchange)
            )
        block: Any
        for block in self.up_blocks:
            attentions = getattr(block, "attentions", [None] * len(block.resnets))
            for resnet, attention in zip(block.resnets, attentions, strict=True):
                skip = skips.pop()
                hidden = hidden if warp is None else warp(len(skips), hidden)
                hidden = resnet(torch.cat((hidden, skip), dim=1), time)
                if attention is not None:
                    hidden = attention(
                        hidden,
                        encoder_hidden_states=context,
                        cross_attention_kwargs=handed(exchange),
                        return_dict=False,
                    )[0]
                yield hidden
            for upsampler in block.upsamplers or ():
                hidden = upsampler(hidden)

    @property
    def finest_transformers(self) -> int:
        """Transformer blocks of the decoder's finest level, the last that run."""
        c = self.config
        return c.attention_levels[0] * (c.layers_per_block + 1) * by_level(c.transformer_layers_per_block, 1)[0]

    @property
    def merged_channels(self) -> tuple[int, ...]:
        """Channels of the decoder features after skip i, by i."""
        return tuple(width for width in self.config.block_out_channels for _ in range(self.config.layers_per_block + 1))

    @property
    def decoder_channels(self) -> tuple[int, ...]:
        """Channels of the decoder features at the moment skip i is concatenated, by i."""
        return decoder_channels(self.config.block_out_channels, self.config.layers_per_block)


class UNet(UNetTrunk):
    """The whole UNet; see :class:`UNetEncoder` for the arguments.

    A test copies the weights of a ``UNet2DConditionModel`` by name and finds equal outputs. Book: sec-latent-diffusion.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 4,
        out_channels: int = 4,
        block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280),
        layers_per_block: int = 2,
        attention_levels: tuple[bool, ...] = (True, True, True, False),
        num_attention_heads: int | tuple[int, ...] = 8,
        cross_attention_dim: int = 768,
        norm_num_groups: int = 32,
        transformer_layers_per_block: int | tuple[int, ...] = 1,
        use_linear_projection: bool = False,
    ) -> None:
        super().__init__(
            in_channels=in_channels,
            block_out_channels=block_out_channels,
            layers_per_block=layers_per_block,
            attention_levels=attention_levels,
            num_attention_heads=num_attention_heads,
            cross_attention_dim=cross_attention_dim,
            norm_num_groups=norm_num_groups,
            transformer_layers_per_block=transformer_layers_per_block,
            use_linear_projection=use_linear_projection,
        )
        self.conv_norm_out = nn.GroupNorm(norm_num_groups, block_out_channels[0], eps=1e-5)
        self.conv_out = nn.Conv2d(block_out_channels[0], out_channels, 3, padding=1)

    def decode(
        self,
        features: UNetFeatures,
        context: Float[Tensor, "b n e"],
        *,
        warp: Warp | None = None,
        encoder_gradients: bool = True,
    ) -> Float[Tensor, "b c h w"]:
        """From the encoder's features to the output; arguments as in :meth:`merge`."""
        *_, hidden = self.merge(features, context, warp=warp, encoder_gradients=encoder_gradients)
        return self.to_output(hidden)

    def to_output(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ h w"]:
        """What the last features of :meth:`merge` predict."""
        return self.conv_out(nn.functional.silu(self.conv_norm_out(hidden)))

    def forward(
        self,
        sample: Float[Tensor, "b c h w"],
        timestep: Int[Tensor, " b"],
        context: Float[Tensor, "b n e"],
        *,
        warp: Warp | None = None,
        encoder_gradients: bool = True,
    ) -> Float[Tensor, "b c h w"]:
        """``decode(encode(...))``: equal to ``UNet2DConditionModel`` when ``warp`` is None.

        Without ``encoder_gradients``, time embedding, encoder and middle are computed without a graph: they stay as
        they are, and nothing before them learns through them, as in StableVITON's released training.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and encoder_gradients):
            features = self.encode(sample, timestep, context)
        return self.decode(features, context, warp=warp, encoder_gradients=encoder_gradients)
