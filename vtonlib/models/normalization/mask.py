"""Mask normalization: the region of a mask and the rest, each standardized by itself, in closed form."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn


class RegionMoments(NamedTuple):
    """Moments of the two regions, one row per region: 0 is the mask's, 1 the rest. Weights are w = m and w = 1 - m."""

    size: Float[Tensor, "b 2 1"]
    """n = sum of w, in pixels; an empty region counts as one pixel."""
    mean: Float[Tensor, "b 2 c"]
    """mu = sum of w * x, over n."""
    spread: Float[Tensor, "b 2 c"]
    """v = sum of w^2 (x - mu)^2, over **all** h * w pixels: n / (h w) times the variance where the mask is binary."""


def region_moments(x: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"]) -> RegionMoments:
    """Size, mean and spread of ``x`` inside and outside ``mask`` (1 = inside, soft values allowed).

    Raises:
        ValueError: where the mask's shape is not that of ``x`` with one channel.

    Source: VITON-HD, section 3.4. Book: sec-mask-normalization.
    """
    return _centred(x, _regions(x, mask))[0]


def mask_standardize(
    x: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"], *, eps: float = 1e-5
) -> Float[Tensor, "b c h w"]:
    """``x`` with the region of ``mask`` and the rest standardized apart, then put together by the mask.

    y = m (x - mu_1) s_1 + (1 - m) (x - mu_0) s_0, with s = sqrt(n / P) / sqrt(v + eps) over P = h * w pixels (see
    :class:`RegionMoments`). It equals, for soft masks too, what VITON-HD writes as filling the other region with the
    mean, instance norm of the whole and a factor sqrt(n / P): the fill contributes nothing to v, and the factor takes
    its pixels out of the variance again. For a binary mask y = (x - mu) / sqrt(variance + eps P / n). A region of one
    pixel becomes 0, an empty one leaves instance norm of the rest. The mask gets no gradient.

    Raises:
        ValueError: where the mask's shape is not that of ``x`` with one channel.

    Source: VITON-HD, section 3.4, and its released code. Equation: eq-mask-norm. Book: sec-mask-normalization.
    """
    regions = _regions(x, mask)
    moments, residual = _centred(x, regions)
    scale = torch.sqrt(moments.size / x[0, 0].numel() / (moments.spread + eps))
    # with d = x - (m mu_1 + (1 - m) mu_0) the sum is d (m s_1 + (1 - m) s_0) + m (1 - m) (mu_1 - mu_0) (s_0 - s_1)
    step = (moments.mean[:, 0] - moments.mean[:, 1]) * (scale[:, 1] - scale[:, 0])
    blend = step[:, :, None] * regions.prod(dim=1, keepdim=True)
    return torch.addcmul(blend, residual, scale.mT @ regions).view_as(x)


class MaskNorm(nn.Module):
    """:func:`mask_standardize` as a module without parameters. Book: sec-mask-normalization."""

    def __init__(self, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b c h w"]:
        """The activation, each region standardized by itself."""
        return mask_standardize(x, mask, eps=self.eps)


def _regions(x: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 2 p"]:
    """The weights of every pixel in the two regions, m and 1 - m."""
    expected = (x.shape[0], 1, *x.shape[2:])
    if mask.shape != expected:
        raise ValueError(f"the mask is {tuple(mask.shape)}: expected {expected}, for x of shape {tuple(x.shape)}")
    inside = mask.detach().to(x.dtype).flatten(2)
    return torch.cat((inside, 1 - inside), dim=1)


def _centred(x: Tensor, regions: Float[Tensor, "b 2 p"]) -> tuple[RegionMoments, Float[Tensor, "b c p"]]:
    """The moments, and what is left of ``x`` without the means of its regions, blended by the mask.

    Squares are taken after the means are gone: a mean of squares less the square of the mean would lose everything to
    rounding where activations sit far from 0. The terms in ``other`` are 0 for binary masks.
    """
    flat = x.flatten(2)
    size = regions.sum(dim=2, keepdim=True)
    size = torch.where(size == 0, 1.0, size)
    mean = regions @ flat.mT / size
    residual = torch.baddbmm(flat, mean.mT, regions, alpha=-1)
    square, other = regions.square(), regions.flip(1)
    gap = mean - mean.flip(1)  # x - mu of a region is the residual less other * gap
    spread = square @ residual.square().mT - 2 * gap * ((square * other) @ residual.mT)
    spread = spread + gap.square() * (square * other.square()).sum(dim=2, keepdim=True)
    return RegionMoments(size, mean, spread.clamp_min(0) / flat.shape[2]), residual
