"""ControlNet's way of telling a network something, and a small network that can be told by addition or by attention.

Book: sec-zero-cross-attention.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.attention import Grid
from vtonlib.models.garment_encoder import position_features
from vtonlib.models.initialization import zero_module
from vtonlib.models.matcher import ResidualConv
from vtonlib.models.stable_viton import ZeroCrossAttentionBlock
from vtonlib.models.unet_parts import MultiHeadAttention

PERSON_CHANNELS = 7
PATCH = 4
Reads = Literal["addition", "attention"]


class FeatureAddition(nn.Module):
    """ControlNet's connection: x + Z(features), with Z a 1x1 convolution that begins at zero.

    What is added at a place comes from the features of that place.

    Args:
        channels: channels of x.
        context_channels: channels of the features.

    Source: Zhang et al. 2023, "Adding conditional control to text-to-image diffusion models", Eq. 2.
    Equation: eq-feature-addition. Book: sec-why-addition-cannot-move.
    """

    def __init__(self, channels: int, context_channels: int) -> None:
        super().__init__()
        self.zero_conv = zero_module(nn.Conv2d(context_channels, channels, 1))

    def forward(
        self, x: Float[Tensor, "b c h w"], features: Float[Tensor, "b e h w"], keys: Tensor | None = None
    ) -> Float[Tensor, "b c h w"]:
        """``keys`` is ignored: nothing is looked up."""
        return x + self.zero_conv(features)


class SelfAttention(nn.Module):
    """x + attention of every token to all tokens."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm, self.attn = nn.LayerNorm(channels), MultiHeadAttention(channels, channels, heads)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        grid = Grid(*x.shape[-2:])
        tokens = self.norm(x.flatten(2).mT)
        return x + self.attn(tokens, tokens, grid).mT.unflatten(2, grid)


class GarmentReader(nn.Module):
    """An encoder of the garment and the connection by which a painter hears it.

    Args:
        channels: width of painter and encoder.
        reads: by feature addition or by zero cross-attention.
        layers: residual convolutions of the encoder.
        sees_person: whether the encoder is shown the person too, as ControlNet's branch is.
        self_attention: self-attentions of the encoder, between its convolutions.
        heads: of all attentions.
        keys_see: ``"place"`` for the blind twin: keys are the encoder's features of an empty picture.

    Raises:
        ValueError: for another ``reads`` or ``keys_see``.

    Book: sec-addition-against-attention.
    """

    def __init__(
        self,
        channels: int = 32,
        *,
        reads: Reads = "attention",
        layers: int = 2,
        sees_person: bool = False,
        self_attention: int = 0,
        heads: int = 2,
        keys_see: Literal["garment", "place"] = "garment",
    ) -> None:
        super().__init__()
        if reads not in get_args(Reads) or keys_see not in ("garment", "place"):
            raise ValueError(
                f"reads={reads!r}, keys_see={keys_see!r}: expected 'addition' or 'attention', and 'garment' or 'place'"
            )
        self.blind = keys_see == "place"
        self.person = nn.Conv2d(PERSON_CHANNELS, channels, PATCH, stride=PATCH) if sees_person else None
        self.conv_in = nn.Conv2d(3 + len(position_features(1, 1)), channels, 3, padding=1)
        body: list[nn.Module] = [ResidualConv(channels) for _ in range(layers)]
        for number in range(self_attention):
            body.insert(1 + 2 * number, SelfAttention(channels, heads))
        self.body = nn.Sequential(*body)
        self.connection = (
            ZeroCrossAttentionBlock(channels, channels, heads, norm_num_groups=8)
            if reads == "attention"
            else FeatureAddition(channels, channels)
        )

    def encode(self, garment: Float[Tensor, "b 3 h w"], person: Float[Tensor, "b 7 H W"]) -> Float[Tensor, "b c h w"]:
        """The garment's features on its lattice."""
        places = position_features(*garment.shape[-2:]).to(garment).expand(len(garment), -1, -1, -1)
        hidden = self.conv_in(torch.cat((garment, places), dim=1))
        if self.person is not None:
            hidden = hidden + self.person(person)
        return self.body(hidden)

    def forward(
        self, x: Float[Tensor, "b c h w"], garment: Float[Tensor, "b 3 h w"], person: Float[Tensor, "b 7 H W"]
    ) -> Float[Tensor, "b c h w"]:
        """Features of the painter that have heard the garment."""
        features = self.encode(garment, person)
        keys = self.encode(torch.zeros_like(garment), person) if self.blind else features
        return self.connection(x, features, keys)


class LatticePainter(nn.Module):
    """The smallest network that paints: a colour for each token, from what is known of the person.

    Alone it cannot know the garment. Half of the network comes before the place where a :class:`GarmentReader` may be
    put in, half behind it.

    Args:
        channels: width.
        layers: residual convolutions of each half.

    Book: sec-addition-against-attention.
    """

    def __init__(self, channels: int = 32, layers: int = 1) -> None:
        super().__init__()
        self.person = nn.Conv2d(PERSON_CHANNELS, channels, PATCH, stride=PATCH)
        self.places = nn.Conv2d(len(position_features(1, 1)), channels, 1)
        self.before = nn.Sequential(*(ResidualConv(channels) for _ in range(layers)))
        self.after = nn.Sequential(*(ResidualConv(channels) for _ in range(layers)))
        self.norm, self.out = nn.GroupNorm(1, channels), nn.Conv2d(channels, 3, 1)

    def forward(
        self,
        person: Float[Tensor, "b 7 H W"],
        garment: Float[Tensor, "b 3 h w"],
        reader: GarmentReader | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """Colours on the lattice of the garment.

        Args:
            person: as in ``LatticeBatch``.
            garment: the garment on its lattice, which only ``reader`` sees.
            reader: what reads the garment; None: the painter alone.
        """
        places = position_features(*garment.shape[-2:]).to(garment)[None]
        hidden = self.person(person) + self.places(places)
        hidden = self.before(hidden)
        if reader is not None:
            hidden = reader(hidden, garment, person)
        return self.out(nn.functional.silu(self.norm(self.after(hidden))))
