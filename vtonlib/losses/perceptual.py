"""The perceptual loss: pictures are alike where a network that knows pictures finds them alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor


class FeatureMaps(Protocol):
    """A frozen network with a name that turns images in [-1, 1] into feature maps, from fine to coarse."""

    @property
    def name(self) -> str:
        """How reports call it: losses under different networks cannot be compared."""

    def maps(self, images: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """Maps [b c_i h_i w_i], fine to coarse."""


def spade_weights(maps: int) -> tuple[float, ...]:
    """SPADE's and VITON-HD's weights, from fine to coarse: for five maps 1/32, 1/16, 1/8, 1/4, 1."""
    return *(0.5 ** (maps - i) for i in range(maps - 1)), 1.0


def perceptual(
    extractor: FeatureMaps,
    real: Float[Tensor, "b 3 h w"],
    fake: Float[Tensor, "b 3 h w"],
    weights: Sequence[float] | None = None,
) -> Float[Tensor, ""]:
    """The weighted sum of the mean absolute differences of the feature maps; no gradient flows into ``real``.

    Args:
        extractor: whose maps are compared.
        real: images in [-1, 1].
        fake: images in [-1, 1].
        weights: one for each map; those of :func:`spade_weights` unless told.

    Raises:
        ValueError: where there are not as many weights as maps.

    Source: Johnson et al. 2016 (with squares); SPADE, which multiplies by 10. VITON-HD's paper prints 1/R_i alone,
    which the means are. Equation: eq-perceptual. Book: sec-alias-generator.
    """
    with torch.no_grad():
        expected = extractor.maps(real.detach())
    found = extractor.maps(fake)
    weights = spade_weights(len(found)) if weights is None else weights
    if len(weights) != len(found):
        raise ValueError(f"weights has {len(weights)} entries: {extractor.name} gives {len(found)} maps")
    distances = [(f - e).abs().mean() * w for f, e, w in zip(found, expected, weights, strict=True)]
    return torch.stack(distances).sum()
