"""One token for the whole garment: the role that CLIP's image encoder plays in Paint-by-Example and StableVITON."""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from jaxtyping import Bool, Float
from torch import Tensor, nn


class ImageEncoder(ModelMixin, ConfigMixin):
    """A garment's latents as one context token, with a learned vector for "no garment".

    With one token, the softmax of every text cross-attention is 1, so each becomes a constant per image: global
    colour and style pass here, positions cannot. Book: sec-latent-diffusion.
    """

    @register_to_config
    def __init__(self, in_channels: int = 4, hidden_channels: int = 64, cross_attention_dim: int = 768) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, hidden_channels, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(hidden_channels, hidden_channels, 3, stride=2, padding=1),
            nn.SiLU(),
        )
        self.proj_out = nn.Linear(hidden_channels, cross_attention_dim)
        self.norm = nn.LayerNorm(cross_attention_dim)
        self.learnable_vector = nn.Parameter(torch.randn(1, 1, cross_attention_dim))

    def forward(
        self, garment: Float[Tensor, "b c h w"], *, drop: Bool[Tensor, " b"] | None = None
    ) -> Float[Tensor, "b 1 e"]:
        """The token of each garment; the learned null vector where ``drop`` is true (classifier-free guidance)."""
        token = self.norm(self.proj_out(self.layers(garment).mean(dim=(2, 3))))[:, None]
        return replace_dropped(token, self.learnable_vector, drop)


class MapperBlock(nn.Module):
    """A residual block on single vectors: x + attention of a sequence of one, then x + MLP.

    In a sequence of one the attention is its value, so there are no queries and keys; the released weights have them.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.to_v = nn.Linear(width, width)
        self.to_out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Float[Tensor, "b w"]) -> Float[Tensor, "b w"]:
        """The mapped vectors."""
        x = x + self.to_out(self.to_v(self.norm1(x)))
        return x + self.mlp(self.norm2(x))


class PooledImageEncoder(ModelMixin, ConfigMixin):
    """The token of Paint-by-Example and StableVITON: CLIP's pooled features of the garment through a mapper.

    CLIP's image encoder itself (ViT-L/14, 303 million parameters) is no part of this package: compute its pooled
    features elsewhere. The released code gives it the garment resized to 224 x 224 bilinearly, without antialiasing and
    without its aspect ratio. Book: sec-latent-diffusion.

    Args:
        width: of the pooled features.
        layers: residual blocks of the mapper.
        cross_attention_dim: width of the token.
    """

    @register_to_config
    def __init__(self, width: int = 1024, layers: int = 5, cross_attention_dim: int = 768) -> None:
        super().__init__()
        self.mapper = nn.Sequential(*(MapperBlock(width) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.proj_out = nn.Linear(width, cross_attention_dim)
        self.learnable_vector = nn.Parameter(torch.randn(1, 1, cross_attention_dim))

    def forward(
        self, pooled: Float[Tensor, "b w"], *, drop: Bool[Tensor, " b"] | None = None
    ) -> Float[Tensor, "b 1 e"]:
        """The token of each garment; the learned null vector where ``drop`` is true (classifier-free guidance)."""
        return replace_dropped(self.proj_out(self.norm(self.mapper(pooled)))[:, None], self.learnable_vector, drop)


def replace_dropped(
    token: Float[Tensor, "b 1 e"], null: Float[Tensor, "1 1 e"], drop: Bool[Tensor, " b"] | None
) -> Float[Tensor, "b 1 e"]:
    """``token``, with ``null`` in the place of every sample that ``drop`` marks."""
    return token if drop is None else torch.where(drop[:, None, None], null, token)
