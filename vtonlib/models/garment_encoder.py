"""What the decoder reads of a garment: our encoder of the garment alone, and the released control branch.

Book: sec-zero-cross-attention.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vtonlib.grids import coordinate_grid
from vtonlib.models.initialization import zero_module
from vtonlib.models.unet import UNet, UNetEncoder, UNetFeatures, UNetTrunk

POSITION_BANDS = 3


class GarmentFeatures(NamedTuple):
    """What the denoiser reads of a garment, one map for each zero cross-attention block.

    Of a model whose control branch sees the person, ``StableVITONUNet.encode_garment`` returns what does not change
    with the time step: in place of the maps, one for values and keys, what that branch adds to its first convolution.
    """

    values: tuple[Float[Tensor, "b c_i h_i w_i"], ...]
    """Feature maps by block."""
    keys: tuple[Float[Tensor, "b c_i h_i w_i"], ...]
    """The same maps, unless the keys are blind or were shown something else."""
    latents: Float[Tensor, "b 4 h w"]
    """The garment's latents themselves, for a model that carries them."""


def position_features(height: int, width: int, *, bands: int = POSITION_BANDS) -> Float[Tensor, "c height width"]:
    """Sine and cosine of each coordinate at ``bands`` octaves, 4 * ``bands`` channels.

    A key that is linear in x and y can be made largest only at an edge of the garment; one that is linear in these
    can be largest anywhere.
    """
    grid = coordinate_grid(height, width).movedim(-1, 0)
    angles = torch.cat([grid * (math.pi / 2) * 2**band for band in range(bands)])
    return torch.cat((angles.sin(), angles.cos()))


def placed(garment: Float[Tensor, "b z h w"]) -> Float[Tensor, "b _ h w"]:
    """The garment's latents, and where each of them lies."""
    positions = position_features(*garment.shape[-2:]).to(garment)
    return torch.cat((garment, positions.expand(len(garment), *positions.shape)), dim=1)


def read_alone(
    network: UNetEncoder, garment: Float[Tensor, "b 4 h w"], context: Float[Tensor, "b n e"]
) -> UNetFeatures:
    """What a network's encoder makes of the garment alone: its latents, :func:`placed`, at the time step 0."""
    return network.encode(placed(garment), garment.new_zeros(len(garment), dtype=torch.long), context)


def begin_as(network: nn.Module, unet: UNet) -> None:
    """Give ``network`` the weights of ``unet`` where both have them in the same shape, as ControlNet begins."""
    state = unet.state_dict()
    shared = {k: v for k, v in network.state_dict().items() if k in state and state[k].shape == v.shape}
    network.load_state_dict({k: state[k] for k in shared}, strict=False)


class LiveEncoder(UNetEncoder):
    """The encoder half of a denoiser without its deepest level, whose maps no zero cross-attention block reads.

    The released control branch computes that level and a middle besides: half of its 349 million parameters, which
    neither change the result nor get a gradient.
    """

    @classmethod
    def from_unet(cls, unet: UNet, **changes: Any) -> Self:
        """An encoder of the shape of ``unet``'s live levels, with ``changes``, and begun by :meth:`begin_as`.

        Raises:
            ValueError: where ``unet`` has only one level.
        """
        config = {k: v for k, v in unet.config.items() if k != "out_channels" and not k.startswith("_")}
        for name in ("block_out_channels", "attention_levels"):
            config[name] = tuple(config[name])[:-1]
        if not config["block_out_channels"]:
            raise ValueError("block_out_channels has one level: expected at least 2, since blocks skip the deepest")
        encoder = cls(**{**config, **changes})
        begin_as(encoder, unet)
        return encoder

    @property
    def map_channels(self) -> tuple[int, ...]:
        """Channels of each map."""
        return self.skip_channels


class GarmentEncoder(LiveEncoder):
    """An encoder that is fed with the garment alone: the paper's spatial encoder.

    It sees the garment's latents and where each latent lies (:func:`position_features`: at 1/100 of the parameters,
    positions are not learned from zero padding alone), and the time step 0; it is computed once per image.
    """

    @classmethod
    def from_unet(cls, unet: UNet, **changes: Any) -> Self:
        """An encoder of the shape of ``unet``'s, with its weights except ``conv_in``."""
        return super().from_unet(unet, **{"in_channels": 4 + 4 * POSITION_BANDS, **changes})

    def forward(
        self, garment: Float[Tensor, "b 4 h w"], context: Float[Tensor, "b n e"]
    ) -> tuple[Float[Tensor, "b c_i h_i w_i"], ...]:
        """The garment's features, one map for each zero cross-attention block."""
        return read_alone(self, garment, context).skips


class GarmentUNet(UNetTrunk):
    """A whole UNet that is fed with the garment alone: :class:`GarmentEncoder` with a way back up.

    An encoder's finest maps have seen a few latents around each place, so a key there cannot tell how the garment lies
    as a whole. Here each map has heard of the coarser ones. The reference networks of IDM-VTON and Leffa are whole
    UNets too; StableVITON's paper has an encoder. Equation: eq-garment-maps. Book: sec-garment-network.
    """

    @classmethod
    def from_unet(cls, unet: UNet, **changes: Any) -> Self:
        """A UNet of the shape of ``unet``, with its weights except ``conv_in``."""
        config = {k: v for k, v in unet.config.items() if k != "out_channels" and not k.startswith("_")}
        network = cls(**{**config, "in_channels": 4 + 4 * POSITION_BANDS, **changes})
        begin_as(network, unet)
        return network

    def forward(
        self, garment: Float[Tensor, "b 4 h w"], context: Float[Tensor, "b n e"]
    ) -> tuple[Float[Tensor, "b c_i h_i w_i"], ...]:
        """The garment's features, one map for each zero cross-attention block."""
        maps = tuple(self.merge(read_alone(self, garment, context), context))
        return maps[: self.config.layers_per_block : -1]

    @property
    def map_channels(self) -> tuple[int, ...]:
        """Channels of each map."""
        return self.merged_channels[: -self.config.layers_per_block - 1]


class ControlBranch(LiveEncoder):
    """The released spatial encoder: ControlNet's copy of the denoiser's encoder, to which the garment is added once.

    It sees the noisy person and all conditions at every time step; the garment's latents go through a 3x3 convolution
    that begins at zero, and what comes out is added to the first convolution's output. So its maps depend on the time
    step, and only that one convolution can be kept between steps. The paper's figure shows an encoder of the garment
    alone.
    """

    def __init__(self, *arguments: Any, garment_channels: int = 4, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        width = self.config.block_out_channels[0]
        self.garment_conv = zero_module(nn.Conv2d(garment_channels, width, 3, padding=1))

    def forward(
        self,
        sample: Float[Tensor, "b 13 h w"],
        timestep: Int[Tensor, " b"],
        context: Float[Tensor, "b n e"],
        added: Float[Tensor, "b c h w"],
    ) -> tuple[Float[Tensor, "b c_i h_i w_i"], ...]:
        """The maps, one for each zero cross-attention block; ``added`` is ``garment_conv`` of the garment's latents."""
        return self.encode(sample, timestep, context, added=added).skips
