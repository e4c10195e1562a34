"""Likeness through a network's features: the form of LPIPS, with any network, and without the weights it learned.

Book: sec-likeness.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

Maps = Callable[[Tensor], list[Tensor]]
"""Images in [-1, 1] to feature maps [b c_i h_i w_i]."""


class FeatureDistance(nn.Module):
    """The mean squared difference of unit features, summed over the layers: LPIPS, but for what it learned.

    LPIPS weights every channel by a number learned from people's choices; here each counts alike. It can be handed to
    :func:`~vtonlib.evaluation.lpips_distance` in the place of an ``lpips.LPIPS`` network. Its numbers can be compared
    with those of the same features alone.

    Args:
        maps: what gives the features, such as ``perceptual_features().maps``.
        name: how reports call it.

    Source: Zhang et al. 2018, Eq. 1, with all w = 1. Equation: eq-feature-distance. Book: sec-likeness.
    """

    def __init__(self, maps: Maps, name: str) -> None:
        super().__init__()
        self.name, self._maps = name, maps

    @torch.no_grad()
    def forward(self, image: Float[Tensor, "b 3 h w"], target: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 1 1"]:
        """One distance for each pair of images in [-1, 1], 0 for equal ones; shaped as ``lpips.LPIPS`` gives them."""
        pairs = zip(self._maps(image), self._maps(target), strict=True)
        layers = [
            (nn.functional.normalize(x, dim=1) - nn.functional.normalize(y, dim=1)).square().sum(1).mean((1, 2))
            for x, y in pairs
        ]
        return torch.stack(layers).sum(0)[:, None, None, None]
