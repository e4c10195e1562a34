"""Normalizations that know only the activation, or only the weight: one formula over different sets of numbers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def standardize(x: Float[Tensor, "*shape"], dims: tuple[int, ...], *, eps: float = 1e-5) -> Float[Tensor, "*shape"]:
    """(x - mean) / sqrt(variance + eps), both over ``dims``; the variance is the biased one.

    The axes are the whole difference: batch norm (while training) is (0, 2, 3), instance norm (2, 3), layer norm
    (1, 2, 3). One number alone, as in a 1x1 map under instance norm, becomes 0.

    Source: Ioffe & Szegedy 2015; Ulyanov et al. 2016; Ba et al. 2016. Equation: eq-standardize.
    Book: sec-normalization.
    """
    variance, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + eps)


def instance_norm(
    x: Float[Tensor, "*b c h w"],
    gamma: Float[Tensor, " c"] | None = None,
    beta: Float[Tensor, " c"] | None = None,
    *,
    eps: float = 1e-5,
) -> Float[Tensor, "*b c h w"]:
    """:func:`standardize` over each picture of each channel, then gamma * y + beta with one pair for each channel.

    One sample alone, ``[c h w]``, is normalized as in a batch. Without gamma and beta it is ``torch.nn.InstanceNorm2d``
    as that is by default; with both it is that with ``affine=True``. One number alone becomes beta, where torch raises.

    Raises:
        ValueError: where gamma or beta is not one number for each channel.

    Source: Ulyanov et al. 2016. Equation: eq-instance-norm. Book: sec-normalization.
    """
    channels = (x.shape[-3],)
    for name, given in (("gamma", gamma), ("beta", beta)):
        if given is not None and given.shape != channels:
            raise ValueError(f"{name} is {tuple(given.shape)}: expected {channels}, for x of shape {tuple(x.shape)}")
    y = standardize(x, (-2, -1), eps=eps)
    y = y if gamma is None else y * gamma[:, None, None]
    return y if beta is None else y + beta[:, None, None]


def group_standardize(x: Float[Tensor, "b c h w"], groups: int, *, eps: float = 1e-5) -> Float[Tensor, "b c h w"]:
    """:func:`standardize` over each of ``groups`` equal runs of channels: 1 is layer norm, c is instance norm.

    Raises:
        ValueError: where the channels do not divide into ``groups``.

    Source: Wu & He 2018. Equation: eq-group-norm. Book: sec-normalization.
    """
    if groups < 1 or x.shape[1] % groups:
        raise ValueError(f"{x.shape[1]} channels do not divide into groups={groups}")
    return standardize(x.unflatten(1, (groups, -1)).flatten(2, 3), (2, 3), eps=eps).view_as(x)


def rms_norm(x: Float[Tensor, "*shape"], dims: tuple[int, ...], *, eps: float = 1e-5) -> Float[Tensor, "*shape"]:
    """x / sqrt(mean of x^2 + eps), over ``dims``: :func:`standardize` that takes the mean for 0.

    Source: Zhang & Sennrich 2019, equation 4. Equation: eq-rms-norm. Book: sec-normalization.
    """
    return x * torch.rsqrt(x.square().mean(dims, keepdim=True) + eps)


def local_response_norm(
    x: Float[Tensor, "b c h w"], size: int, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Float[Tensor, "b c h w"]:
    """x / (k + alpha * mean of the squares of ``size`` neighbouring channels)^beta; channels outside count as 0.

    The window is ``size // 2`` channels before and ``(size - 1) // 2`` after, as in ``torch.nn.LocalResponseNorm``;
    the paper sums where torch averages, so its alpha is torch's alpha / size.

    Raises:
        ValueError: where ``size`` is less than 1.

    Source: Krizhevsky et al. 2012, section 3.3. Equation: eq-local-response-norm. Book: sec-normalization.
    """
    if size < 1:
        raise ValueError(f"size must be at least 1, found {size}")
    squares = F.pad(x.square(), (0, 0, 0, 0, size // 2, (size - 1) // 2))
    return x / (k + alpha * squares.unfold(1, size, 1).mean(-1)) ** beta


def weight_norm(direction: Float[Tensor, "o ..."], magnitude: Float[Tensor, " o"]) -> Float[Tensor, "o ..."]:
    """The weight whose row for each output has the given direction and length; a zero direction gives a zero row.

    Source: Salimans & Kingma 2016, equation 2. Equation: eq-weight-norm. Book: sec-normalization.
    """
    unit = F.normalize(direction.flatten(1), dim=1)
    return (magnitude[:, None] * unit).view_as(direction)


def demodulate(
    weight: Float[Tensor, "o i kh kw"], style: Float[Tensor, "b i"], *, eps: float = 1e-8
) -> Float[Tensor, "b o i kh kw"]:
    """The weight with its inputs scaled by a style, each output's row then brought to length 1, for each sample.

    For inputs that are independent, of mean 0 and variance 1, the outputs have variance 1 *in expectation*: what
    :func:`standardize` measures on the activation is here computed from the weight. With the style 1 it is
    :func:`weight_norm` with magnitude 1, the weights of EDM2's magnitude-preserving layers.

    Raises:
        ValueError: where the style has not one number for each input channel.

    Source: StyleGAN2 (Karras et al. 2020), equations 1 and 3; EDM2 (Karras et al. 2024). Equation: eq-demodulation.
    Book: sec-normalization.
    """
    if style.ndim != 2 or style.shape[1] != weight.shape[1]:
        raise ValueError(f"style is {tuple(style.shape)}: expected {weight.shape[1]} numbers for each sample")
    scaled = weight * style[:, None, :, None, None]
    precise = scaled.to(torch.promote_types(scaled.dtype, torch.float32))  # float16 rounds eps to 0
    return scaled * torch.rsqrt(precise.square().sum((2, 3, 4), keepdim=True) + eps).to(scaled.dtype)
