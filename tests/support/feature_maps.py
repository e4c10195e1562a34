"""Small feature maps, and the entropy of a map that is there in full."""

from __future__ import annotations

import torch
from torch import Tensor

SIZES = [(2, 6, 5, 7), (1, 3, 8, 4), (3, 4, 2, 3)]


def maps(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(shape, generator=generator, dtype=dtype) for _ in range(2))


def explicit_entropy(weights: Tensor) -> Tensor:
    return -torch.special.xlogy(weights, weights).sum(-1)
