"""The smallest model that learns correspondence: one attention that copies the garment's colours onto the person."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.attention import AttentionCore, Grid
from vtonlib.grids import coordinate_grid, resize_image, resize_mask

KeysSee = Literal["garment", "outline", "place"]
"""What keys are made of besides coordinates: the garment's pixels, its mask alone, or no picture (blind twin)."""


class PatchEncoder(nn.Sequential):
    """Features of the patches of an image: a strided convolution, then residual 3x3 convolutions."""

    def __init__(self, in_channels: int, channels: int, out_channels: int, *, patch_size: int, layers: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, channels, patch_size, stride=patch_size),
            *(ResidualConv(channels) for _ in range(layers)),
            nn.GroupNorm(1, channels),
            nn.Conv2d(channels, out_channels, 1),
        )


class ResidualConv(nn.Module):
    """x + conv(silu(norm(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.GroupNorm(1, channels), nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x + self.conv(F.silu(self.norm(x)))


class Matcher(nn.Module):
    """Paints each token of the worn garment in the mean of the garment's colours, weighted by one attention.

    Queries come from what is known of the person (agnostic image, its mask, dense pose), keys from the garment, both
    with coordinates; the values are the colours of the garment's tokens, untouched. So the only way to a small loss is
    to look at the right place, and nothing tells the model where that is. The logits are

        sharpness * cos(q_i, k_j) + log(share of token j that the garment covers)

    Cosines keep the softmax from saturating before it has found anything, and the white background is no key.

    A matcher may do well without looking: the dense pose says which part of the body a token shows, and garments that
    are all laid alike have that part always at the same place. ``keys_see`` makes the twins that tell how much was
    looked up. They have the same parameters, queries, values and logarithm, and differ in one input of one encoder:

    - ``"garment"``: the keys see the picture of the garment;
    - ``"outline"``: they see a grey shape on white, the garment's mask: where it lies and how, no colour, no pattern;
    - ``"place"``, the *blind* twin: they see mid grey everywhere, so no key depends on the garment. It sees the mask
      only as a fence, through the logarithm, and no pixel. But a fence tells place too: attention that may not leave
      the cloth moves with it, and within the fence with where the keys are thought to be.

    Args:
        channels: width of the two encoders.
        head_dim: width of queries and keys of each head.
        heads: number of heads, which are averaged.
        patch_size: pixels along the side of a token.
        layers: residual convolutions of each encoder.
        sharpness: initial value of the learned factor of the cosines, one for each head.
        keys_see: what the keys are made of besides coordinates.

    Raises:
        ValueError: for another ``keys_see``.

    Book: sec-matcher.
    """

    def __init__(
        self,
        *,
        channels: int = 32,
        head_dim: int = 16,
        heads: int = 1,
        patch_size: int = 4,
        layers: int = 3,
        sharpness: float = 5.0,
        keys_see: KeysSee = "garment",
    ) -> None:
        super().__init__()
        if keys_see not in get_args(KeysSee):
            raise ValueError(f"keys_see is {keys_see!r}, expected one of {', '.join(get_args(KeysSee))}")
        self.heads, self.patch_size, self.keys_see = heads, patch_size, keys_see
        width = heads * head_dim
        self.to_query = PatchEncoder(3 + 1 + 3 + 2, channels, width, patch_size=patch_size, layers=layers)
        self.to_key = PatchEncoder(3 + 2, channels, width, patch_size=patch_size, layers=layers)
        self.log_sharpness = nn.Parameter(torch.full((heads, 1, 1), math.log(sharpness)))
        self.core = AttentionCore()

    def forward(
        self,
        agnostic: Float[Tensor, "b 3 h w"],
        agnostic_mask: Float[Tensor, "b 1 h w"],
        dense_pose: Float[Tensor, "b 3 h w"],
        garment: Float[Tensor, "b 3 h w"],
        garment_mask: Float[Tensor, "b 1 h w"],
        *,
        shown: Float[Tensor, "b 3 h w"] | None = None,
    ) -> Float[Tensor, "b 3 h w"]:
        """The garment's colours where the attention puts them, in [-1, 1]; it means something where garment is worn.

        ``shown`` is shown to the keys instead of the garment, whose mask and colours stay: pixels of another garment,
        to see how much attention depends on them.

        Raises:
            ValueError: where a side of the images is not a multiple of ``patch_size``.
        """
        height, width = garment.shape[-2:]
        if height % self.patch_size or width % self.patch_size:
            raise ValueError(f"images are {height}x{width}: expected multiples of patch_size, {self.patch_size}")
        grid = Grid(height // self.patch_size, width // self.patch_size)
        place = coordinate_grid(height, width, device=garment.device, dtype=garment.dtype)
        place = place.movedim(-1, 0).expand(len(garment), -1, -1, -1)
        query = self._unit(self.to_query(torch.cat((agnostic, agnostic_mask, dense_pose, place), dim=1)))
        picture = self._picture(garment if shown is None else shown, garment_mask)
        key = self._unit(self.to_key(torch.cat((picture, place), dim=1)))
        colours, share = token_colours(garment, garment_mask, grid)
        # one more channel adds the logarithm of the share to the logits
        query = F.pad(query * self.log_sharpness.exp(), (0, 1), value=1.0)
        log_share = share.log().flatten(2).mT[:, None].expand(-1, self.heads, -1, -1)
        copied = self.core(
            query,
            torch.cat((key, log_share), dim=-1),
            colours.flatten(2).mT[:, None],
            query_grid=grid,
            key_grids=(grid,),
            scale=1.0,
        )
        return resize_image(copied.mean(1).mT.unflatten(2, grid), height, width)

    def _picture(
        self, garment: Float[Tensor, "b 3 h w"], garment_mask: Float[Tensor, "b 1 h w"]
    ) -> Float[Tensor, "b 3 h w"]:
        """What the keys see."""
        match self.keys_see:
            case "garment":
                return garment
            case "outline":
                return (1 - garment_mask).expand_as(garment)
            case "place":
                return torch.zeros_like(garment)

    def _unit(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b heads n d"]:
        """Feature maps as the tokens of every head, of length 1."""
        return F.normalize(x.flatten(2).unflatten(1, (self.heads, -1)).mT, dim=-1)


def token_colours(
    garment: Float[Tensor, "b 3 H W"], garment_mask: Float[Tensor, "b 1 H W"], grid: Grid
) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b 1 h w"]]:
    """The mean colour of the garment within each token, and the share of the token that the garment covers.

    The share is at least 0.001, so that it has a logarithm and a garment without a mask is all keys alike.
    """
    share = resize_mask(garment_mask, *grid).clamp_min(1e-3)
    ground = 1e-3 * (1 - garment_mask)  # the colour of a token without garment
    weight = garment_mask + ground
    return resize_mask(garment * weight, *grid) / resize_mask(weight, *grid), share
