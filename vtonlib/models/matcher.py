"""The smallest model that learns correspondence: one attention that copies the garment's colours onto the person."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtonlib.attention import AttentionCore, Grid
from vtonlib.grids import coordinate_grid


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
    """Copies every patch of the worn garment from where in the flat garment its attention looks.

    Queries come from what is known of the person (agnostic image, its mask, dense pose), keys from the garment and
    its coordinates, and the values are the garment's patches themselves, untouched: the only way to a small loss is to
    look at the right place. Nothing tells the model where that is.

    Args:
        channels: width of the two encoders.
        head_dim: width of queries and keys of each head.
        heads: number of heads, which are averaged.
        patch_size: pixels along the side of a token.
        layers: residual convolutions of each encoder.

    Book: sec-matcher.
    """

    def __init__(
        self, *, channels: int = 64, head_dim: int = 32, heads: int = 1, patch_size: int = 4, layers: int = 4
    ) -> None:
        super().__init__()
        self.heads, self.patch_size = heads, patch_size
        width = heads * head_dim
        self.to_query = PatchEncoder(3 + 1 + 3, channels, width, patch_size=patch_size, layers=layers)
        self.to_key = PatchEncoder(3 + 2, channels, width, patch_size=patch_size, layers=layers)
        self.core = AttentionCore()

    def forward(
        self,
        agnostic: Float[Tensor, "b 3 h w"],
        agnostic_mask: Float[Tensor, "b 1 h w"],
        dense_pose: Float[Tensor, "b 3 h w"],
        garment: Float[Tensor, "b 3 h w"],
    ) -> Float[Tensor, "b 3 h w"]:
        """The garment's colours where the attention puts them, in [-1, 1]; it means something where garment is worn.

        Raises:
            ValueError: where a side of the images is not a multiple of ``patch_size``.
        """
        height, width = garment.shape[-2:]
        if height % self.patch_size or width % self.patch_size:
            raise ValueError(f"images are {height}x{width}: expected multiples of patch_size, {self.patch_size}")
        grid = Grid(height // self.patch_size, width // self.patch_size)
        place = coordinate_grid(height, width, device=garment.device, dtype=garment.dtype).movedim(-1, 0)
        query = self.to_query(torch.cat((agnostic, agnostic_mask, dense_pose), dim=1))
        key = self.to_key(torch.cat((garment, place.expand(len(garment), -1, -1, -1)), dim=1))
        patches = F.pixel_unshuffle(garment, self.patch_size).flatten(2).mT[:, None]
        copied = self.core(
            self._split(query), self._split(key), patches, query_grid=grid, key_grids=(grid,)
        )  # [b heads n 3*patch_size^2]
        return F.pixel_shuffle(copied.mean(1).mT.unflatten(2, grid), self.patch_size)

    def _split(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b heads n d"]:
        """Feature maps as the tokens of every head."""
        return x.flatten(2).unflatten(1, (self.heads, -1)).mT
