"""The denoising loss of diffusion models."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.grids import masked_mean


def denoising(
    prediction: Float[Tensor, "b c h w"],
    target: Float[Tensor, "b c h w"],
    weight: Float[Tensor, "#b 1 #h #w"] | None = None,
) -> Float[Tensor, ""]:
    """The mean squared error, in float32 at least: L_simple, whatever the network predicts (noise, x0 or v).

    Args:
        prediction: the network's output.
        target: what it should be.
        weight: non-negative weight of every pixel, sample, or both; the mean is divided by the sum of the weights,
            so that only their ratios count. All zero gives 0 with gradient 0.

    Raises:
        ValueError: where prediction and target differ in shape, which broadcasting would hide.

    Source: Ho et al. 2020, Eq. 14. Book: sec-latent-diffusion.
    """
    if prediction.shape != target.shape:
        raise ValueError(f"prediction is {tuple(prediction.shape)}, but target is {tuple(target.shape)}")
    dtype = torch.promote_types(prediction.dtype, torch.float32)
    error = (prediction.to(dtype) - target.to(dtype)).square()
    if weight is None:
        return error.mean()
    return masked_mean(error, weight.to(dtype).expand_as(error[:, :1]))
