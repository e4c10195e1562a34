# budget: one model, from block to prediction, is read in one go
"""StableVITON: a denoiser whose decoder reads the garment through zero cross-attention.

Book: sec-zero-cross-attention.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.attention import FeedForward
from jaxtyping import Float, Int
from torch import Tensor, nn

from vtonlib.attention import Grid
from vtonlib.models.garment_encoder import (
    POSITION_BANDS,
    ControlBranch,
    GarmentEncoder,
    GarmentFeatures,
    GarmentUNet,
)
from vtonlib.models.initialization import zero_module
from vtonlib.models.unet import UNet, Warp
from vtonlib.models.unet_levels import check_size
from vtonlib.models.unet_parts import Composition, MultiHeadAttention

SD15: dict[str, Any] = {
    "in_channels": 13,
    "out_channels": 4,
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "attention_levels": (True, True, True, False),
    "num_attention_heads": 8,
    "cross_attention_dim": 768,
    "norm_num_groups": 32,
    "control_sees": "person",
    "zero_layers": 2,
}
"""The size ``sd15``: arguments of :class:`StableVITONUNet` that build the released architecture, Stable Diffusion 1.5
with StableVITON's control branch and nine blocks. At 512 x 384 its latents are 64 x 48."""


GARMENT_NETWORKS = {"encoder": GarmentEncoder, "unet": GarmentUNet}


class ZeroCrossAttentionBlock(nn.Module):
    """StableVITON's zero cross-attention: x + Z(x + P_out(transformer(P_in(norm x), garment))).

    Z is a 1x1 convolution that begins at zero, so at the start the block is the identity, bitwise, and in the first
    step only Z receives a gradient. The paper speaks of one zero linear layer at the end, which this follows; in the
    released code P_out begins at zero too, so nothing behind it learns before the third step. Z acts on x as well.
    Equation: eq-zero-cross-attention. Book: sec-zero-cross-attention-block.

    Args:
        channels: channels of the decoder features, which ask.
        context_channels: channels of the garment features, which answer.
        heads: attention heads.
        norm_num_groups: groups of the group norm.
        zero_layers: how many layers begin at zero: 1 is Z alone, 2 is Z and P_out, as in the released code.

    Raises:
        ValueError: for another number of zero layers.
    """

    def __init__(
        self,
        channels: int,
        context_channels: int,
        heads: int = 8,
        norm_num_groups: int = 32,
        zero_layers: Literal[1, 2] = 1,
    ) -> None:
        super().__init__()
        if zero_layers not in (1, 2):
            raise ValueError(f"zero_layers is {zero_layers!r}, expected 1 or 2")
        self.norm = nn.GroupNorm(norm_num_groups, channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.norm1 = nn.LayerNorm(channels)
        self.attn1 = MultiHeadAttention(channels, channels, heads)
        self.norm2 = nn.LayerNorm(channels)
        self.attn2 = MultiHeadAttention(channels, context_channels, heads)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = FeedForward(channels, activation_fn="geglu")
        self.proj_out = nn.Conv2d(channels, channels, 1)
        if zero_layers == 2:
            zero_module(self.proj_out)
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
        return self.carry(x, garment, garment[:, :0], keys)[0]

    def carry(
        self,
        x: Float[Tensor, "b c h w"],
        garment: Float[Tensor, "b e h w"],
        latents: Float[Tensor, "b z h w"],
        keys: Float[Tensor, "b e h w"] | None = None,
    ) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b z h w"]]:
        """:meth:`forward`, and the garment's ``latents`` where the same attention carries them."""
        if x.shape[-2:] != garment.shape[-2:]:
            raise ValueError(f"features are {tuple(x.shape[-2:])}, garment features {tuple(garment.shape[-2:])}")
        grid = Grid(*x.shape[-2:])
        context, looked, carried = (
            g.flatten(2).transpose(1, 2) for g in (garment, garment if keys is None else keys, latents)
        )
        tokens = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        normed = self.norm1(tokens)
        tokens = tokens + self.attn1(normed, normed, grid)
        out, read = self.attn2.carry(self.norm2(tokens), context, carried, grid, looked)
        tokens = tokens + out
        tokens = tokens + self.ff(self.norm3(tokens))
        features = x + self.proj_out(tokens.transpose(1, 2).unflatten(2, grid))
        return x + self.zero_conv(features), read.transpose(1, 2).unflatten(2, grid)


class StableVITONUNet(ModelMixin, ConfigMixin):
    """The denoiser with its control branch and its zero cross-attention blocks.

    A block stands before every skip of every decoder level but the deepest, nine of them for Stable Diffusion's
    shape, as in the released code. ``warps[i]`` stands before skip i, so the finest is ``warps[0]``; the release counts
    from the deepest, its ``warp_flow_blks.4`` is ``warps[4]``, its 0 our 8. Arguments as in
    :class:`vtonlib.models.unet.UNetEncoder`, and

    Args:
        keys_see: ``"garment"``, or ``"place"`` for the *blind* twin: its keys are the control branch's features of an
            empty picture (latents and token 0), so they depend on nothing but where a token lies (and on the noisy
            person, where that branch sees it). Values, queries, the garment's token and all parameters are the same.
        control_sees: what the control branch, ``garment_encoder``, is fed with. ``"garment"``: the garment alone, as
            in the paper's figure; computed once per image. ``"person"``: the noisy input with the garment added once,
            as in the released code; computed at every step.
        garment_network: what sees the garment alone. ``"encoder"``, as in the paper; ``"unet"``, a whole UNet, whose
            fine maps know how the garment lies (:class:`vtonlib.models.garment_encoder.GarmentUNet`).
        zero_layers: of each block; see :class:`ZeroCrossAttentionBlock`.
        carries_latents: whether the finest blocks carry the garment's latents to the output too
            (:class:`Composition`), a short way that neither the paper nor the release has: a model that starts from
            Stable Diffusion paints already, one that starts from nothing learns to copy over it. The prediction must
            then be of clean latents.
        patch_size: rows and columns of latents that make one token, as in diffusion transformers. The network costs as
            much as one of latents so many times larger; where latents are carried, they keep their own resolution.

    Raises:
        ValueError: for unknown values of the first four, for patches where the control branch sees the person, and for
            fewer than two levels.
    """

    # Files of earlier versions hold the control branch's deepest level too, which nothing read.
    _keys_to_ignore_on_load_unexpected = (r"^garment_encoder\.down_blocks\.",)

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
        control_sees: Literal["garment", "person"] = "garment",
        zero_layers: Literal[1, 2] = 1,
        garment_network: Literal["encoder", "unet"] = "encoder",
        carries_latents: bool = False,
        patch_size: int = 1,
    ) -> None:
        super().__init__()
        check_options(keys_see, control_sees, garment_network, patch_size)
        self.blind = keys_see == "place"
        self.unet = UNet(
            in_channels=in_channels * patch_size**2,
            out_channels=out_channels * patch_size**2,
            block_out_channels=block_out_channels,
            layers_per_block=layers_per_block,
            attention_levels=attention_levels,
            num_attention_heads=num_attention_heads,
            cross_attention_dim=cross_attention_dim,
            norm_num_groups=norm_num_groups,
        )
        branch = ControlBranch if control_sees == "person" else GARMENT_NETWORKS[garment_network]
        changes = {} if patch_size == 1 else {"in_channels": 4 * patch_size**2 + 4 * POSITION_BANDS}
        self.garment_encoder: ControlBranch | GarmentEncoder | GarmentUNet = branch.from_unet(self.unet, **changes)
        self.warps = nn.ModuleList(
            ZeroCrossAttentionBlock(channels, context, num_attention_heads, norm_num_groups, zero_layers)
            for channels, context in zip(self.unet.decoder_channels, self.garment_encoder.map_channels, strict=False)
        )
        self.carrying = layers_per_block + 1 if carries_latents else 0
        if carries_latents:
            self.composition = Composition(block_out_channels[0], out_channels, self.carrying, patch_size)

    def encode_garment(
        self,
        garment: Float[Tensor, "b 4 h w"],
        context: Float[Tensor, "b n e"],
        *,
        shown: Float[Tensor, "b 4 h w"] | None = None,
    ) -> GarmentFeatures:
        """What :meth:`forward` needs of the garment; the same at every time step.

        ``shown`` are latents that the keys see instead of the garment's, to learn how much attention depends on them.

        Raises:
            ValueError: when a side of the latents is not a multiple of :attr:`multiple`.
        """
        values = self._seen(garment, context)
        if self.blind:
            empty = self._seen(torch.zeros_like(garment[:1]), torch.zeros_like(context[:1]))
            return GarmentFeatures(values, tuple(e.expand_as(v) for e, v in zip(empty, values, strict=True)), garment)
        return GarmentFeatures(values, values if shown is None else self._seen(shown, context), garment)

    def _seen(self, garment: Tensor, context: Tensor) -> tuple[Tensor, ...]:
        """One picture's part of :meth:`encode_garment`."""
        garment = self._tokens(garment)
        if isinstance(self.garment_encoder, ControlBranch):
            return (self.garment_encoder.garment_conv(garment),)
        return self.garment_encoder(garment, context)

    @property
    def multiple(self) -> int:
        """What height and width of latents must be divisible by: the patch size times 2^(levels - 1)."""
        return self.config.patch_size * self.unet.multiple

    def _tokens(self, latents: Tensor) -> Float[Tensor, "b c h w"]:
        """Latents of which each patch is one place."""
        check_size(latents, self.multiple)
        return F.pixel_unshuffle(latents, self.config.patch_size)

    def paint(
        self,
        sample: Float[Tensor, "b 13 h w"],
        timestep: Int[Tensor, " b"],
        context: Float[Tensor, "b n e"],
        *,
        warp: Warp | None = None,
        encoder_gradients: bool = True,
    ) -> Float[Tensor, "b 4 h w"]:
        """What the base predicts, which knows the garment by ``context`` alone unless ``warp`` tells it more.

        Arguments as in :meth:`forward`; ``warp`` as in :class:`vtonlib.models.unet.UNet`.
        """
        painted = self.unet(self._tokens(sample), timestep, context, warp=warp, encoder_gradients=encoder_gradients)
        return F.pixel_shuffle(painted, self.config.patch_size)

    def control(
        self,
        sample: Float[Tensor, "b 13 h w"],
        timestep: Int[Tensor, " b"],
        context: Float[Tensor, "b n e"],
        garment_features: GarmentFeatures,
    ) -> GarmentFeatures:
        """The maps that the blocks read, finest first: ``garment_features`` itself unless the branch sees the person.

        Arguments as in :meth:`forward`.
        """
        branch = self.garment_encoder
        if not isinstance(branch, ControlBranch):
            return garment_features
        (added,), (shown,), latents = garment_features
        values = branch(sample, timestep, context, added)
        if shown is added:
            return GarmentFeatures(values, values, latents)
        return GarmentFeatures(values, branch(sample, timestep, context * (not self.blind), shown), latents)

    def forward(  # budget: half of it says what comes in
        self,
        sample: Float[Tensor, "b 13 h w"],
        timestep: Int[Tensor, " b"],
        context: Float[Tensor, "b n e"],
        garment_features: GarmentFeatures,
        *,
        encoder_gradients: bool = True,
    ) -> Float[Tensor, "b 4 h w"]:
        """The denoiser's prediction.

        Args:
            sample: noisy latents 4, agnostic latents 4, keep-mask 1 (1 = keep), dense-pose latents 4: StableVITON's
                order and polarity.
            timestep: noise level of each sample, 0 to 999.
            context: the garment's token of :class:`vtonlib.models.image_encoder.ImageEncoder`.
            garment_features: from :meth:`encode_garment`.
            encoder_gradients: False leaves the denoiser's encoder, middle and time embedding out of the graph, as the
                released training does; see :class:`vtonlib.models.unet.UNet`.

        Raises:
            ValueError: when a side of ``sample`` is not a multiple of :attr:`multiple`, or the garment's is another.
        """
        latents = garment_features.latents
        control = self.control(sample, timestep, context, garment_features)
        carried = self.composition.carried(latents) if self.carrying else latents
        reads: list[tuple[Tensor, Tensor]] = []

        def warp(index: int, hidden: Tensor) -> Tensor:
            if index >= len(self.warps):
                return hidden
            block: Any = self.warps[index]
            values, keys = control.values[index], control.keys[index]
            if index >= self.carrying:
                return block(hidden, values, keys)
            reads.append(block.carry(hidden, values, carried, keys))
            return reads[-1][0]

        painted = self.paint(sample, timestep, context, warp=warp, encoder_gradients=encoder_gradients)
        if not self.carrying:
            return painted
        return painted + self.composition(reads[-1][0], [read for _, read in reads], latents)


def check_options(keys_see: str, control_sees: str, garment_network: str, patch_size: int) -> None:
    """Raise a ``ValueError`` that names the option of :class:`StableVITONUNet` that is wrong, and what it may be."""
    if keys_see not in ("garment", "place"):
        raise ValueError(f"keys_see is {keys_see!r}, expected 'garment' or 'place'")
    if control_sees not in ("garment", "person"):
        raise ValueError(f"control_sees is {control_sees!r}, expected 'garment' or 'person'")
    if garment_network not in GARMENT_NETWORKS:
        raise ValueError(f"garment_network is {garment_network!r}, expected 'encoder' or 'unet'")
    if control_sees == "person" and garment_network != "encoder":
        raise ValueError(f"garment_network is {garment_network!r}: the released control branch is an 'encoder'")
    if patch_size > 1 and control_sees == "person":
        raise ValueError(f"patch_size is {patch_size}: the released control branch knows only patch_size=1")
