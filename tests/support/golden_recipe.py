"""Weights and inputs of the golden cases of big networks: drawn from numpy's frozen stream, one stream for each key."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def drawn(key: str, shape: tuple[int, ...], seed: int) -> Tensor:
    """Standard normal numbers that belong to ``key``."""
    stream = np.random.RandomState((seed + zlib.crc32(key.encode())) % 2**32)
    return torch.from_numpy(np.asarray(stream.standard_normal(shape)))


def _value(key: str, shape: tuple[int, ...], seed: int) -> Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.tensor(1)
    z = drawn(key, shape, seed)
    if len(shape) >= 2:
        z = z / math.sqrt(math.prod(shape[1:]))
    elif key.endswith((".bias", ".running_mean")):
        z = 0.1 * z
    elif key.endswith(".running_var"):
        z = 1 + 0.2 * z.abs()
    else:
        z = 1 + 0.1 * z
    return z.float()


def recipe_state(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, Tensor]:
    """The state dict of these official keys and shapes, as the recipe in the manifest says."""
    return {key: _value(key, tuple(shape), seed) for key, shape in shapes.items()}
