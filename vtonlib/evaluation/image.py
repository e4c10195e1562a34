"""How near a generated image comes to the true one, whole or inside a mask; one number per sample.

Images ``[b 3 h w]`` in [-1, 1]; SSIM and PSNR are those of the same images in [0, 1], as papers report them. Masked
forms average the map of the metric inside ``mask``; a sample whose mask is empty gives NaN. torchmetrics is imported
where it is used: it brings matplotlib along.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.grids import masked_mean_per_sample


def _check(image: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], mask: Tensor | None) -> None:
    if image.shape != target.shape:
        raise ValueError(f"image is {tuple(image.shape)} but target is {tuple(target.shape)}")
    if mask is not None and mask.shape != (len(image), 1, *image.shape[-2:]):
        raise ValueError(f"mask is {tuple(mask.shape)}, expected {(len(image), 1, *image.shape[-2:])}")


def _average(values: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"] | None) -> Float[Tensor, " b"]:
    if mask is None:
        return values.flatten(1).mean(1)
    empty = mask.flatten(1).sum(1) == 0
    return masked_mean_per_sample(values, mask).masked_fill(empty, torch.nan)


def ssim_map(image: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Structural similarity at each pixel, with the usual Gaussian window of 11 pixels (sigma 1.5).

    Raises:
        ValueError: if the shapes differ.

    Source: Wang et al. 2004, "Image quality assessment", Eq. 13; computed by torchmetrics. Equation: eq-ssim.
    Book: sec-evaluation.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    _check(image, target, None)
    x, y = ((pixels.clamp(-1, 1) + 1) / 2 for pixels in (image, target))
    return structural_similarity_index_measure(x, y, data_range=1.0, reduction="none", return_full_image=True)[1]


def ssim(
    image: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"] | None = None
) -> Float[Tensor, " b"]:
    """Structural similarity, at most 1, higher is better: the mean of :func:`ssim_map`, in ``mask`` where given.

    Raises:
        ValueError: if the shapes do not agree.

    Book: sec-evaluation.
    """
    _check(image, target, mask)
    return _average(ssim_map(image, target), mask)


def psnr(
    image: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"] | None = None
) -> Float[Tensor, " b"]:
    """Peak signal-to-noise ratio in dB, higher is better: 10 log10(range^2 / mean squared error), capped at 100 dB.

    The cap (an error of about 1e-5 of the range) stands for infinity, so that equal images can be averaged.

    Raises:
        ValueError: if the shapes do not agree.

    Book: sec-evaluation.
    """
    _check(image, target, mask)
    error = _average(((image.clamp(-1, 1) - target.clamp(-1, 1)) / 2).square(), mask)
    return -10 * error.clamp_min(1e-10).log10()


def l1(
    image: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"] | None = None
) -> Float[Tensor, " b"]:
    """Mean absolute difference in units of [-1, 1], so between 0 and 2; lower is better.

    Raises:
        ValueError: if the shapes do not agree.

    Book: sec-evaluation.
    """
    _check(image, target, mask)
    return _average((image - target).abs(), mask)
