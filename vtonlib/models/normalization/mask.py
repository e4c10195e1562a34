"""Mask normalization: the region of a mask and the rest, each standardized by itself, in closed form."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


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
    regions = _regions(x, mask)
    return _centred(x.flatten(2), regions)[0]


def mask_standardize(
    x: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"], *, eps: float = 1e-5
) -> Float[Tensor, "b c h w"]:
    """``x`` with the region of ``mask`` and the rest standardized apart, then put together by the mask.

    y = m (x - mu_1) s_1 + (1 - m) (x - mu_0) s_0, with s = sqrt(n / P) / sqrt(v + eps) over P = h * w pixels (see
    :class:`RegionMoments`). It equals, for soft masks too, what VITON-HD writes as filling the other region with the
    mean, instance norm of the whole and a factor sqrt(n / P): the fill contributes nothing to v, and the factor takes
    its pixels out of the variance again. For a binary mask y = (x - mu) / sqrt(variance + eps P / n). A region of one
    pixel becomes 0, an empty one leaves instance norm of the rest. The mask gets no gradient, and the gradient none of
    its own. Half precision is computed in single precision.

    Raises:
        ValueError: where the mask's shape is not that of ``x`` with one channel.

    Source: VITON-HD, section 3.4, and its released code. Equation: eq-mask-norm. Book: sec-mask-normalization.
    """
    wide = x if x.dtype in (torch.float32, torch.float64) else x.float()
    with torch.autocast(x.device.type, enabled=False):
        return _MaskStandardize.apply(wide.flatten(2), _regions(wide, mask), eps).view_as(x).to(x.dtype)


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


def _centred(
    x: Float[Tensor, "b c p"], regions: Float[Tensor, "b 2 p"]
) -> tuple[RegionMoments, Float[Tensor, "b c p"]]:
    """The moments, and the residual: ``x`` less the means of the regions, blended by the mask.

    Squares are taken after the means are gone: a mean of squares less the square of the mean would lose everything to
    rounding where activations sit far from 0. x - mu of a region is the residual less ``other * gap``, and the terms
    in ``other`` are 0 for binary masks.
    """
    size = regions.sum(dim=2, keepdim=True)
    size = torch.where(size == 0, 1.0, size)
    mean = regions @ x.mT / size
    residual = _blend(mean, regions).neg_().add_(x)
    square, other, gap = regions.square(), regions.flip(1), mean - mean.flip(1)
    spread = square @ residual.square().mT - 2 * gap * ((square * other) @ residual.mT)
    spread = spread + gap.square() * (square * other.square()).sum(dim=2, keepdim=True)
    return RegionMoments(size, mean, spread.clamp_min(0) / x.shape[2]), residual


def _blend(values: Float[Tensor, "b 2 c"], weights: Float[Tensor, "b 2 p"]) -> Float[Tensor, "b c p"]:
    """values' weights: for each channel the two maps of weights, each times the channel's value for it, summed.

    Not by a matrix product: over an axis of two those are slow.
    """
    return (values[:, 0, :, None] * weights[:, :1]).addcmul_(values[:, 1, :, None], weights[:, 1:])


class _MaskStandardize(torch.autograd.Function):
    """The closed form and its gradient. Left to autograd, the gradient would keep and pass through twice the maps.

    With d the residual of :func:`_centred`, x - mu_w = d - (1 - w) gap_w for each of the regions w = m and w = 1 - m,
    and gap_0 = -gap_1, so that y = d (m s_1 + (1 - m) s_0) - m (1 - m) gap_1 (s_1 - s_0).
    """

    @staticmethod
    def forward(ctx: Any, x: Float[Tensor, "b c p"], regions: Float[Tensor, "b 2 p"], eps: float) -> Tensor:
        moments, residual = _centred(x, regions)
        gap = moments.mean - moments.mean.flip(1)
        scale = torch.sqrt(moments.size / x.shape[2] / (moments.spread + eps))
        ctx.save_for_backward(residual, regions, moments.size, gap, scale, moments.spread + eps)
        edge = regions.prod(dim=1, keepdim=True)
        step = gap[:, 0, :, None] * (scale[:, 1] - scale[:, 0])[:, :, None]
        return _blend(scale, regions).mul_(residual).addcmul_(step, edge)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Float[Tensor, "b c p"]) -> tuple[Tensor, None, None]:
        residual, regions, size, gap, scale, spread = ctx.saved_tensors
        pixels, square, edge = residual.shape[2], regions.square(), regions.prod(dim=1, keepdim=True)
        # sums over pixels: of w g, of w g (x - mu) and of w^2 (x - mu)
        total = regions @ gradient.mT
        along = regions @ (gradient * residual).mT - gap * (edge @ gradient.mT)
        skew = square @ residual.mT - gap * (regions * edge).sum(dim=2, keepdim=True)
        pull = along * scale / (pixels * spread)  # through v: each pixel gets -pull w^2 (x - mu)
        shift = (pull * skew - scale * total) / size  # through mu: each pixel gets shift w
        result = _blend(scale, regions).mul_(gradient)
        result -= _blend(pull, square).mul_(residual)
        result += _blend(shift, regions)
        return result.add_(_blend(pull * gap, regions * edge)), None, None
