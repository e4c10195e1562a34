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
        if drop is None:
            return token
        return torch.where(drop[:, None, None], self.learnable_vector, token)
