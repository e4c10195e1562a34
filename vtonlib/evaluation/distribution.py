"""Distances between two sets of images, through the features of a *named* network.

A Fréchet or kernel distance means nothing without the network that gave the features, so an extractor has a name and
every reported number carries it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class FeatureExtractor(Protocol):
    """A network with a name that turns images in [-1, 1] into feature vectors."""

    @property
    def name(self) -> str:
        """How reports call it."""

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """One vector per image."""


@torch.no_grad()
def extract(extractor: FeatureExtractor, images: Iterable[Float[Tensor, "_ 3 h w"]]) -> Float[Tensor, "n d"]:
    """The features of many images, batch by batch, in float64 on the CPU.

    Raises:
        ValueError: if there are no images.
    """
    found = [extractor.features(batch).double().cpu() for batch in images]
    if not found:
        raise ValueError(f"no images for the extractor '{extractor.name}'")
    return torch.cat(found)


def _check(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> None:
    for name, features in (("x", x), ("y", y)):
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"{name} must be features [n d] of at least 2 images, found {tuple(features.shape)}")
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"x has {x.shape[1]} features per image but y has {y.shape[1]}; was the extractor the same?")


def _root(matrix: Float[Tensor, "d d"]) -> Float[Tensor, "d d"]:
    """The square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.mT


def frechet_distance(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> float:
    """Squared Fréchet distance between Gaussians fitted to two sets of features: FID, for Inception's features.

    ``|mu_x - mu_y|^2 + tr(S_x + S_y - 2 (S_x^1/2 S_y S_x^1/2)^1/2)``, in float64. Biased upwards for
    few images: compare only values from equally many.

    Raises:
        ValueError: for fewer than 2 images, or different numbers of features.

    Source: Heusel et al. 2017, "GANs trained by a two time-scale update rule", Eq. 6. Equation: eq-fid.
    Book: sec-evaluation.
    """
    _check(x, y)
    x, y = x.double(), y.double()
    cov_x, cov_y = torch.cov(x.T).reshape(x.shape[1], -1), torch.cov(y.T).reshape(y.shape[1], -1)
    root = _root(cov_x)
    shared = torch.linalg.eigvalsh(root @ cov_y @ root).clamp_min(0).sqrt().sum()
    distance = (x.mean(0) - y.mean(0)).square().sum() + cov_x.trace() + cov_y.trace() - 2 * shared
    return max(distance.item(), 0.0)


class KernelDistance(NamedTuple):
    """Mean and standard deviation over subsets."""

    mean: float
    """Of the subsets' distances."""
    std: float
    """Their standard deviation."""


def _polynomial_kernel(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """(x . y / d + 1)^3."""
    return (x @ y.T / x.shape[1] + 1) ** 3


def squared_mmd(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> float:
    """Unbiased squared maximum mean discrepancy with the cubic kernel; may be slightly negative for equal laws.

    Raises:
        ValueError: for fewer than 2 images, or different numbers of features.

    Source: Binkowski et al. 2018, "Demystifying MMD GANs", Eq. 4. Equation: eq-kid.
    Book: sec-evaluation.
    """
    _check(x, y)
    n, m = len(x), len(y)
    within_x, within_y = _polynomial_kernel(x, x), _polynomial_kernel(y, y)
    same = (within_x.sum() - within_x.trace()) / (n * (n - 1)) + (within_y.sum() - within_y.trace()) / (m * (m - 1))
    return (same - 2 * _polynomial_kernel(x, y).mean()).item()


def kernel_distance(
    x: Float[Tensor, "n d"], y: Float[Tensor, "m d"], *, subsets: int = 50, subset_size: int = 100, seed: int = 0
) -> KernelDistance:
    """Kernel distance (KID, for Inception's features): :func:`squared_mmd` over random subsets of the features.

    Unlike FID it is unbiased, so sets of different sizes compare. A set smaller than ``subset_size`` is used whole.
    Images that stand in both sets, as for the oracle, push it below 0.

    Raises:
        ValueError: for fewer than 2 images, or different numbers of features.

    Source: Binkowski et al. 2018, "Demystifying MMD GANs", section 4. Book: sec-evaluation.
    """
    _check(x, y)
    generator = torch.Generator().manual_seed(seed)

    def draw(features: Tensor) -> Tensor:
        return features[torch.randperm(len(features), generator=generator)[:subset_size].to(features.device)]

    values = torch.tensor([squared_mmd(draw(x.double()), draw(y.double())) for _ in range(subsets)])
    return KernelDistance(values.mean().item(), values.std(correction=0).item())
