"""Mask normalization step by step, as VITON-HD writes it: what the closed form in ``mask`` must equal."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.models.normalization.mask import region_moments
from vtonlib.models.normalization.unconditional import standardize


def fill_with_mean(x: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b c h w"]:
    """``x`` where ``mask`` is 1 and elsewhere the mean of what is there; soft masks blend the two.

    Over the whole map it has the region's mean; its variance is that of the region times n / P for a binary mask.

    Raises:
        ValueError: where the mask's shape is not that of ``x`` with one channel.

    Source: the released code of VITON-HD. Equations: eq-mask-fill, eq-fill-variance. Book: sec-mask-normalization.
    """
    mean = region_moments(x, mask).mean[:, 0, :, None, None]
    return mask * x + (1 - mask) * mean


def effective_eps(mask: Float[Tensor, "b 1 h w"], *, eps: float = 1e-5) -> Float[Tensor, "b 2"]:
    """What stands beside the variance of the mask's region and of the rest: eps P / n.

    An empty region counts as one pixel.

    Source: VITON-HD's released code. Equation: eq-effective-eps. Book: sec-mask-normalization.
    """
    return eps * mask[0].numel() / region_moments(mask, mask).size[..., 0]


class MaskNormSteps(NamedTuple):
    """Mask normalization as VITON-HD's released code computes it. Region 0 is the mask's, region 1 the rest."""

    filled: Float[Tensor, "b 2 c h w"]
    """Each region, the other one filled with its mean."""
    normalized: Float[Tensor, "b 2 c h w"]
    """That after instance norm."""
    result: Float[Tensor, "b c h w"]
    """The sum of both, each times sqrt(n / P)."""


def mask_norm_steps(x: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"], *, eps: float = 1e-5) -> MaskNormSteps:
    """Fill, instance norm, factor: the slow way to :func:`~vtonlib.models.normalization.mask.mask_standardize`.

    Raises:
        ValueError: where the mask's shape is not that of ``x`` with one channel.

    Source: the released code of VITON-HD. Equation: eq-mask-norm-steps. Book: sec-mask-normalization.
    """
    filled = torch.stack([fill_with_mean(x, weight) for weight in (mask, 1 - mask)], 1)
    normalized = torch.stack([standardize(one, (2, 3), eps=eps) for one in filled.unbind(1)], 1)
    share = region_moments(x, mask).size[..., None, None] / mask[0].numel()
    return MaskNormSteps(filled, normalized, (share.sqrt() * normalized).sum(1))
