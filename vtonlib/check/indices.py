"""Ways to number the keys of a lattice, right and wrong, and the probes that tell them apart.

Book: sec-index-lab.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Places = Callable[[int, int], Float[Tensor, "n 2"]]
"""From rows and columns of a lattice to the (row, column) of every key."""


def row_and_column(height: int, width: int) -> Float[Tensor, "n 2"]:
    """The row and the column of every key, counted from 0, in the order in which a lattice is flattened."""
    rows, columns = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    return torch.stack((rows, columns), dim=-1).flatten(0, 1)


def _meshgrid_xy(height: int, width: int) -> Float[Tensor, "n 2"]:
    rows, columns = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="xy")
    return torch.stack((rows, columns), dim=-1).flatten(0, 1)


def _one_step_too_many(height: int, width: int) -> Float[Tensor, "n 2"]:
    rows, columns = torch.meshgrid(torch.linspace(0, height, height), torch.linspace(0, width, width), indexing="ij")
    return torch.stack((rows, columns), dim=-1).flatten(0, 1)


def _divided_by_height(height: int, width: int) -> Float[Tensor, "n 2"]:
    numbers = torch.arange(height * width)
    return torch.stack((numbers // height, numbers % height), dim=-1).float()


WRONG_PLACES: dict[str, Places] = {
    "meshgrid, xy": _meshgrid_xy,
    "column, row": lambda h, w: row_and_column(h, w).flip(-1),
    "linspace(0, h, h)": _one_step_too_many,
    "divided by h": _divided_by_height,
    "mean over keys": lambda h, w: row_and_column(h, w) / (h * w),
}
"""Mistakes that raise no error, by name."""
