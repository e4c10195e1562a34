"""What the number of pictures does to distances between sets: the bias of FID, the uncertainty of KID.

Book: sec-sample-size.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.evaluation.distribution import _check, _polynomial_kernel, frechet_distance


def frechet_by_size(
    x: Float[Tensor, "n d"], y: Float[Tensor, "m d"], sizes: Sequence[int], *, repeats: int = 5, seed: int = 0
) -> Float[Tensor, "s r"]:
    """FID between random subsets of equal size of two sets of features, ``repeats`` times for each size.

    Raises:
        ValueError: for fewer than 2 images, other numbers of features, or a size that a set does not have.
    """
    _check(x, y)
    if wrong := [n for n in sizes if not 2 <= n <= min(len(x), len(y))]:
        raise ValueError(f"sizes has {wrong[0]}: expected 2 to {min(len(x), len(y))}, the smaller set's")
    generator = torch.Generator().manual_seed(seed)

    def draw(features: Tensor, n: int) -> Tensor:
        return features[torch.randperm(len(features), generator=generator)[:n]]

    return torch.tensor([[frechet_distance(draw(x, n), draw(y, n)) for _ in range(repeats)] for n in sizes])


def at_infinity(sizes: Sequence[int], values: Float[Tensor, "s r"]) -> tuple[float, float]:
    """FID for endlessly many pictures, and the slope of its bias: the line ``a + b / n`` of least squares, as (a, b).

    The line holds for sizes well above the number of features.

    Source: Chong & Forsyth 2020, "Effectively unbiased FID and Inception Score". Equation: eq-fid-bias.
    Book: sec-sample-size.
    """
    inverse = 1 / torch.tensor(sizes, dtype=torch.float64)
    design = torch.stack((torch.ones_like(inverse), inverse), 1)
    solution = torch.linalg.lstsq(design, values.double().mean(1, keepdim=True)).solution
    return float(solution[0]), float(solution[1])


def kernel_standard_error(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> float:
    """The standard error of :func:`~vtonlib.evaluation.squared_mmd`: the jackknife, leaving out each image once.

    It is what belongs behind a plus-minus. The deviation of KID over subsets is that of *subsets*: it shrinks neither
    with the number of images nor with that of subsets.

    Raises:
        ValueError: for fewer than 3 images, or different numbers of features.

    Source: Efron & Tibshirani 1993, section 11.5. Equation: eq-jackknife. Book: sec-sample-size.
    """
    _check(x, y)
    x, y = x.double(), y.double()
    if min(len(x), len(y)) < 3:
        raise ValueError(f"{min(len(x), len(y))} images: the jackknife needs at least 3 in each set")
    cross = _polynomial_kernel(x, y)
    variance = 0.0
    for own, sums, total in (
        (_polynomial_kernel(x, x), cross.sum(1), cross.sum()),
        (_polynomial_kernel(y, y), cross.sum(0), cross.sum()),
    ):
        n, other = len(own), cross.numel() // len(own)
        own = own - own.diagonal().diag()
        within = (own.sum() - 2 * own.sum(1)) / ((n - 1) * (n - 2))
        left_out = within - 2 * (total - sums) / ((n - 1) * other)
        variance += (n - 1) / n * float((left_out - left_out.mean()).square().sum())
    return variance**0.5
