"""The loss that keeps the styles of images where random ones are drawn."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def divergence_from_normal(mean: Float[Tensor, "b z"], log_variance: Float[Tensor, "b z"]) -> Float[Tensor, ""]:
    """The Kullback-Leibler divergence of normal distributions from the standard one: (mu^2 + s^2 - 1 - log s^2) / 2.

    Summed over the numbers of a style, averaged over the batch; 0 where mean and log variance are 0.

    Source: Kingma & Welling 2014, appendix B; SPADE, appendix A, whose released code sums over the batch as well, so
    that its weight of 0.05 grows with the batch. Equation: eq-style-divergence. Book: sec-conditional-normalization.
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
