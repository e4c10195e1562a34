"""StableVITON: a denoiser whose decoder reads the garment through zero cross-attention.

Book: sec-zero-cross-attention.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.attention import FeedForward
from jaxtyping import Float, Int
from torch import Tensor, nn

from vtonlib.attention import AttentionCore, Grid
from vtonlib.grids import coordinate_grid
from vtonlib.models.unet import UNet, UNetEncoder

POSITION_BANDS = 3


def zero_module(module: nn.Module) -> nn.Module:
    """``module`` with all parameters 0, as ControlNet's zero convolutions begin."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


class MultiHeadAttention(nn.Module):
    """Projections around an :class:`AttentionCore`, which can be tapped by the name ``core``."""

    def __init__(self, channels: int, context_channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context_channels, channels, bias=False)
        self.to_v = nn.Linear(context_channels, channels, bias=False)
        self.to_out = nn.Linear(channels, channels)
        self.core = AttentionCore()

    def forward(
        self,
        x: Float[Tensor, "b nq c"],
        context: Float[Tensor, "b nk e"],
        grid: Grid,
        keys: Float[Tensor, "b nk e"] | None = None,
    ) -> Float[Tensor, "b nq c"]:
        """Queries from ``x``, values from ``context``, keys from it too unless given; all lie on ``grid``."""
        query, key, value = (
            projected.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projected in (self.to_q(x), self.to_k(context if keys is None else keys), self.to_v(context))
        )
        out = self.core(query, key, value, query_grid=grid, key_grids=(grid,))
        return self.to_out(out.transpose(1, 2).flatten(2))


class ZeroCrossAttentionBlock(nn.Module):
    """StableVITON's zero cross-attention: x + Z(x + P_out(transformer(P_in(norm x), garment))).

    Z is a 1x1 convolution that begins at zero, so at the start the block is the identity, bitwise, and in the first
    step only Z receives a gradient. The paper speaks of one zero linear layer at the end, which this follows; in the
    released code P_out begins at zero too, so nothing behind it learns before the third step. Z acts on x as well.

    Args:
        channels: channels of the decoder features, which ask.
        context_channels: channels of the garment features, which answer.
        heads: attention heads.
        norm_num_groups: groups of the group norm.
    """

    def __init__(self, channels: int, context_channels: int, heads: int = 8, norm_num_groups: int = 32) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(norm_num_groups, channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.norm1 = nn.LayerNorm(channels)
        self.attn1 = MultiHeadAttention(channels, channels, heads)
        self.norm2 = nn.LayerNorm(channels)
        self.attn2 = MultiHeadAttention(channels, context_channels, heads)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = FeedForward(channels, activation_fn="geglu")
        self.proj_out = nn.Conv2d(channels, channels, 1)
        self.zero_conv = zero_module(nn.Conv2d(channels, channels, 1))

    def forward(
        self,
        x: Float[Tensor, "b c h w"],
        garment: Float[Tensor, "b e h w"],
        keys: Float[Tensor, "b e h w"] | None = None,
    ) -> Float[Tensor, "b c h w"]:
        """Decoder features that have read the garment; ``keys``, if given, are the features that are looked through.

        Raises:
            ValueError: when the two maps differ in size.
        """
        if x.shape[-2:] != garment.shape[-2:]:
            raise ValueError(f"features are {tuple(x.shape[-2:])}, garment features {tuple(garment.shape[-2:])}")
        grid = Grid(*x.shape[-2:])
        context, looked = (g.flatten(2).transpose(1, 2) for g in (garment, garment if keys is None else keys))
        tokens = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        normed = self.norm1(tokens)
        tokens = tokens + self.attn1(normed, normed, grid)
        tokens = tokens + self.attn2(self.norm2(tokens), context, grid, looked)
        tokens = tokens + self.ff(self.norm3(tokens))
        read = x + self.proj_out(tokens.transpose(1, 2).unflatten(2, grid))
        return x + self.zero_conv(read)


def position_features(height: int, width: int, *, bands: int = POSITION_BANDS) -> Float[Tensor, "c height width"]:
    """Sine and cosine of each coordinate at ``bands`` octaves, 4 * ``bands`` channels.

    A key that is linear in x and y can be made largest only at an edge of the garment; one that is linear in these
    can be largest anywhere.
    """
    grid = coordinate_grid(height, width).movedim(-1, 0)
    angles = torch.cat([grid * (math.pi / 2) * 2**band for band in range(bands)])
    return torch.cat((angles.sin(), angles.cos()))


class GarmentEncoder(UNetEncoder):
    """The encoder half of the denoiser, fed with the garment alone: the paper's spatial encoder.

    The released code feeds its copy of the encoder with the noisy person as well and adds the garment once, so
    nothing of it can be reused between time steps. Ours sees the garment's latents and where each latent lies
    (:func:`position_features`: at 1/100 of the parameters, positions are not learned from zero padding alone), and
    the time step 0; it is computed once per image.
    """

    @classmethod
    def from_unet(cls, unet: UNet, *, in_channels: int = 4 + 4 * POSITION_BANDS) -> GarmentEncoder:
        """An encoder of the shape of ``unet``'s, with its weights except ``conv_in``, as ControlNet begins."""
        config = {k: v for k, v in unet.config.items() if k != "out_channels" and not k.startswith("_")}
        encoder = cls(**{**config, "in_channels": in_channels})
        own = encoder.state_dict()
        state = unet.state_dict()
        encoder.load_state_dict({k: own[k] if k.startswith("conv_in.") else state[k] for k in own})
        return encoder

    def forward(
        self, garment: Float[Tensor, "b 4 h w"], context: Float[Tensor, "b n e"]
    ) -> tuple[Float[Tensor, "b c_i h_i w_i"], ...]:
        """The garment's features, one map for each skip of the denoiser."""
        batch, _, height, width = garment.shape
        positions = position_features(height, width).to(garment)
        sample = torch.cat((garment, positions.expand(batch, *positions.shape)), dim=1)
        return self.encode(sample, torch.zeros(batch, dtype=torch.long, device=garment.device), context).skips


class GarmentFeatures(NamedTuple):
    """What the denoiser reads of a garment, one map for each zero cross-attention block."""

    values: tuple[Float[Tensor, "b c_i h_i w_i"], ...]
    """Feature maps by block."""
    keys: tuple[Float[Tensor, "b c_i h_i w_i"], ...]
    """The same maps, unless the keys are blind or were shown something else."""


class StableVITONUNet(ModelMixin, ConfigMixin):
    """The denoiser with its garment encoder and its zero cross-attention blocks.

    A block stands before every skip of every decoder level but the deepest, nine of them for Stable Diffusion's
    shape, as in the released code. Arguments as in :class:`vtonlib.models.unet.UNetEncoder`, and

    Args:
        keys_see: ``"garment"``, or ``"place"`` for the *blind* twin: its keys are the garment encoder's features of an
            empty picture (latents and token 0), so they depend on nothing but where a token lies. Values, queries,
            the garment's token and all parameters are the same.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 13,
        out_channels: int = 4,
        block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280),
        layers_per_block: int = 2,
        attention_levels: tuple[bool, ...] = (True, True, True, False),
        num_attention_heads: int = 8,
        cross_attention_dim: int = 768,
        norm_num_groups: int = 32,
        keys_see: Literal["garment", "place"] = "garment",
    ) -> None:
        super().__init__()
        if keys_see not in ("garment", "place"):
            raise ValueError(f"keys_see is {keys_see!r}, expected 'garment' or 'place'")
        self.blind = keys_see == "place"
        self.unet = UNet(
            in_channels=in_channels,
            out_channels=out_channels,
            block_out_channels=block_out_channels,
            layers_per_block=layers_per_block,
            attention_levels=attention_levels,
            num_attention_heads=num_attention_heads,
            cross_attention_dim=cross_attention_dim,
            norm_num_groups=norm_num_groups,
        )
        self.garment_encoder = GarmentEncoder.from_unet(self.unet)
        count = len(self.unet.skip_channels) - (layers_per_block + 1)
        self.warps = nn.ModuleList(
            ZeroCrossAttentionBlock(channels, context, num_attention_heads, norm_num_groups)
            for channels, context in zip(
                self.unet.decoder_channels[:count], self.unet.skip_channels[:count], strict=True
            )
        )

    def encode_garment(
        self,
        garment: Float[Tensor, "b 4 h w"],
        context: Float[Tensor, "b n e"],
        *,
        shown: Float[Tensor, "b 4 h w"] | None = None,
    ) -> GarmentFeatures:
        """The garment features that :meth:`forward` reads; the same at every time step.

        ``shown`` are latents that the keys see instead of the garment's, to learn how much attention depends on them.
        """
        values = self.garment_encoder(garment, context)[: len(self.warps)]
        if self.blind:
            empty = self.garment_encoder(torch.zeros_like(garment[:1]), torch.zeros_like(context[:1]))
            return GarmentFeatures(values, tuple(e.expand_as(v) for e, v in zip(empty, values, strict=False)))
        keys = values if shown is None else self.garment_encoder(shown, context)[: len(self.warps)]
        return GarmentFeatures(values, keys)

    def forward(
        self,
        sample: Float[Tensor, "b 13 h w"],
        timestep: Int[Tensor, " b"],
        context: Float[Tensor, "b n e"],
        garment_features: GarmentFeatures,
    ) -> Float[Tensor, "b 4 h w"]:
        """The denoiser's prediction.

        Args:
            sample: noisy latents 4, agnostic latents 4, keep-mask 1 (1 = keep), dense-pose latents 4: StableVITON's
                order and polarity.
            timestep: noise level of each sample, 0 to 999.
            context: the garment's token of :class:`vtonlib.models.image_encoder.ImageEncoder`.
            garment_features: from :meth:`encode_garment`.
        """

        def warp(index: int, hidden: Tensor) -> Tensor:
            if index >= len(self.warps):
                return hidden
            return self.warps[index](hidden, garment_features.values[index], garment_features.keys[index])

        return self.unet(sample, timestep, context, warp=warp)
