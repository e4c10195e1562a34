"""Leffa's two UNets: one paints, the other reads the reference, and they meet in every self-attention.

Book: sec-two-unets.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.attention import Grid
from vtonlib.models.garment_encoder import POSITION_BANDS, placed
from vtonlib.models.joined import TokenReader, TokenRecorder, end_at_last_tokens, exchange_tokens
from vtonlib.models.unet import UNet, UNetTrunk
from vtonlib.models.unet_levels import check_size
from vtonlib.models.unet_parts import Composition

TEXT_WIDTH = 1
"""Of text tokens: diffusers' blocks are built with attention to some, which is taken out."""


class ReferenceFeatures(NamedTuple):
    """What the painting UNet reads of a reference: one entry for each of its self-attentions, in order of execution."""

    values: tuple[Float[Tensor, "b n_i c_i"], ...]
    """Tokens of the reference UNet: the inputs of its self-attentions."""
    keys: tuple[Float[Tensor, "b n_i c_i"], ...]
    """The same tokens, unless the keys are blind or were shown something else."""
    grids: tuple[Grid, ...]
    """Their lattices."""
    latents: Float[Tensor, "b 4 h w"]
    """The reference's latents themselves, for a model that carries them."""


class LeffaUNet(ModelMixin, ConfigMixin):
    """The painting UNet, ``unet``, and the reference's, ``reference_unet``, of the same shape; both learn.

    Every self-attention of ``unet`` sees the tokens of the self-attention at the same place in ``reference_unet``
    behind its own, and there is no attention to text. Nothing else joins them, so the reference's ends where its last
    tokens are read, and Leffa's loss adds no parameters.
    Arguments as in :class:`vtonlib.models.unet.UNetEncoder`, and

    Args:
        in_channels: of the painting UNet's input; see :func:`vtonlib.models.conditions.denoiser_inputs`.
        reference_channels: latent channels of the reference.
        transformer_layers_per_block: transformer blocks behind each residual block, of every level or by level.
        use_linear_projection: whether tokens are projected by linear layers (SDXL) or 1x1 convolutions (SD 1.5).
        text_attention: ``"removed"``: no layer is left of it. ``"released"``: as in the released code, whose removed
            attention returns its input, so that each block adds the layer norm before it, h + LN2(h).
        keys_see: ``"garment"``, or ``"place"`` for the *blind* twin, whose keys of the reference are those of an empty
            picture.
        carries_latents: whether the finest decoder attentions carry the reference's latents to the output too; see
            :class:`vtonlib.models.unet_parts.Composition`. Neither paper nor release has it.
        patch_size: rows and columns of latents that make one token.
        places_reference: whether the reference UNet is told where each latent lies
            (:func:`vtonlib.models.garment_encoder.position_features`), as small networks need.

    Raises:
        ValueError: for unknown options, and latents carried where the finest level does not attend.

    Source: Leffa, section 3.1; the release has the pair of Stable Diffusion 1.5 for try-on, of SDXL for pose transfer.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 9,
        out_channels: int = 4,
        reference_channels: int = 4,
        block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280),
        layers_per_block: int = 2,
        attention_levels: tuple[bool, ...] = (True, True, True, False),
        num_attention_heads: int | tuple[int, ...] = 8,
        transformer_layers_per_block: int | tuple[int, ...] = 1,
        use_linear_projection: bool = False,
        norm_num_groups: int = 32,
        text_attention: Literal["removed", "released"] = "removed",
        keys_see: Literal["garment", "place"] = "garment",
        carries_latents: bool = False,
        patch_size: int = 1,
        places_reference: bool = False,
    ) -> None:
        super().__init__()
        check_options(text_attention, keys_see, carries_latents and not attention_levels[0])
        self.blind = keys_see == "place"
        shape: dict[str, Any] = {
            "block_out_channels": block_out_channels,
            "layers_per_block": layers_per_block,
            "attention_levels": attention_levels,
            "num_attention_heads": num_attention_heads,
            "transformer_layers_per_block": transformer_layers_per_block,
            "use_linear_projection": use_linear_projection,
            "cross_attention_dim": TEXT_WIDTH,
            "norm_num_groups": norm_num_groups,
        }
        self.unet = UNet(in_channels=in_channels * patch_size**2, out_channels=out_channels * patch_size**2, **shape)
        told = reference_channels * patch_size**2 + 4 * POSITION_BANDS * places_reference
        self.reference_unet = UNetTrunk(in_channels=told, **shape)
        for network in (self.unet, self.reference_unet):
            exchange_tokens(network, text=text_attention)
        end_at_last_tokens(self.reference_unet)
        self.carrying = self.unet.finest_transformers if carries_latents else 0
        if carries_latents:
            self.composition = Composition(block_out_channels[0], out_channels, self.carrying, patch_size)

    @property
    def multiple(self) -> int:
        """What height and width of latents must be divisible by: the patch size times 2^(levels - 1)."""
        return self.config.patch_size * self.unet.multiple

    def encode_reference(
        self,
        reference: Float[Tensor, "b 4 h w"],
        timestep: Int[Tensor, " b"],
        *,
        shown: Float[Tensor, "b 4 h w"] | None = None,
    ) -> ReferenceFeatures:
        """What :meth:`forward` needs of the reference, at the noise level of the painted picture, as released.

        Zeros in place of the latents are no reference: what guidance compares with. ``shown`` are latents that the
        keys see instead of the reference's, to learn how much attention depends on them.

        Raises:
            ValueError: when a side of the latents is not a multiple of :attr:`multiple`.
        """
        values = self._read(reference, timestep)
        if self.blind:
            empty = self._read(torch.zeros_like(reference), timestep)
            return ReferenceFeatures(tuple(values.tokens), tuple(empty.tokens), tuple(values.grids), reference)
        keys = values if shown is None else self._read(shown, timestep)
        return ReferenceFeatures(tuple(values.tokens), tuple(keys.tokens), tuple(values.grids), reference)

    def _read(self, reference: Tensor, timestep: Tensor) -> TokenRecorder:
        """The reference UNet's pass over one picture."""
        tokens = self._tokens(reference)
        recorder = TokenRecorder(Grid(*tokens.shape[-2:]))
        tokens = placed(tokens) if self.config.places_reference else tokens
        features = self.reference_unet.encode(tokens, timestep, None, exchange=recorder)
        for _ in self.reference_unet.merge(features, None, exchange=recorder):
            pass
        return recorder

    def _tokens(self, latents: Tensor) -> Float[Tensor, "b c h w"]:
        """Latents of which each patch is one place."""
        check_size(latents, self.multiple)
        return F.pixel_unshuffle(latents, self.config.patch_size)

    def forward(
        self, sample: Float[Tensor, "b c h w"], timestep: Int[Tensor, " b"], reference: ReferenceFeatures
    ) -> Float[Tensor, "b 4 h w"]:
        """The denoiser's prediction.

        Args:
            sample: noisy latents and conditions, ``in_channels`` of them.
            timestep: noise level of each sample, 0 to 999.
            reference: from :meth:`encode_reference`.

        Raises:
            ValueError: when a side of ``sample`` is not a multiple of :attr:`multiple`.
        """
        tokens, latents = self._tokens(sample), reference.latents
        carried = self.composition.carried(latents) if self.carrying else None
        reader = TokenReader(Grid(*tokens.shape[-2:]), *reference[:3], carried, self.carrying)
        features = self.unet.encode(tokens, timestep, None, exchange=reader)
        *_, hidden = self.unet.merge(features, None, exchange=reader)
        painted = F.pixel_shuffle(self.unet.to_output(hidden), self.config.patch_size)
        return painted + self.composition(hidden, reader.reads, latents) if self.carrying else painted


def check_options(text_attention: str, keys_see: str, carries_unattended: bool) -> None:
    """Raise a ``ValueError`` that names the option of :class:`LeffaUNet` that is wrong, and what it may be."""
    if text_attention not in ("removed", "released"):
        raise ValueError(f"text_attention is {text_attention!r}, expected 'removed' or 'released'")
    if keys_see not in ("garment", "place"):
        raise ValueError(f"keys_see is {keys_see!r}, expected 'garment' or 'place'")
    if carries_unattended:
        raise ValueError("attention_levels[0] is False: latents are carried by the finest level's attention")
