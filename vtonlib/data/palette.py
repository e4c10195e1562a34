"""The colours of the world, chosen by eye: sRGB in [0, 1], written as hexadecimal."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

_RGB = tuple[float, float, float]
Palette = tuple[Any, ...]


def _rgb(*codes: str) -> tuple[_RGB, ...]:
    return tuple((int(c[:2], 16) / 255, int(c[2:4], 16) / 255, int(c[4:], 16) / 255) for c in codes)


SKIN = _rgb("fbe3d3", "f4cfb4", "e8b48f", "d3976c", "b67a50", "925b3b", "6f422c", "4f2e22")
"""From light to dark; tones between neighbours are mixed."""

HAIR = _rgb("221b1e", "33251f", "4b3226", "6e4630", "8f5d38", "b98a52", "d8b57a", "a4492f", "8d8a8c", "3a3342")

FABRICS = tuple(
    _rgb(*row.split())
    for row in (
        "f3ece0 2f4668 d9593f", "2f4668 f3ece0 e9b44c", "d9593f f7e9d7 2f4668", "e9b44c 3d3a50 f7f1e3",
        "3f7d6e f3ece0 e9b44c", "8fb8ae 2d4f5a f6f1e4", "c8553d f2d0a9 588b8b", "f0b7a4 8a4f5b fdf3ec",
        "6a4c7d e8d5e8 f2c14e", "a9c5e8 34507a fbf8f2", "f2f2ee 35343a d9593f", "35343a e7e2d8 c8553d",
        "7b9e4a f4efdc 47562d", "e07a5f 3d405b f4f1de", "b5485d f5dfd8 3b2c3f", "5b8fb0 f5eedd d98e4a",
        "d8c3a5 6b4f3f f7f2e9", "26576b e8c07d f3efe6", "e5989b 6d6875 ffeedd", "7d8f69 ede4cf b5651d",
    )
)  # fmt: skip
"""Ground, figure and accent colours that go together."""

NEUTRALS = _rgb("3d4a66", "56698c", "2d2f3a", "8c7b6b", "c9bba5", "6e7469", "ece7dd", "4a3f44", "7f8ea3", "a4623f")
"""Colours of the plain clothes worn with the garment."""

ACCENTS = _rgb("7a4b32", "2d2a32", "c99a3f", "a33b3f", "d9c7a8", "44606b")

BACKDROPS = tuple(
    _rgb(*row.split())
    for row in (
        "e9e4dc d3cabd", "dfe7ea bccdd4", "efe0d6 dbbfae", "e3e6da c3cbb2", "e8e1ec c9bbd3", "f1e7cf e0cda2",
        "dbe5df b3c9bd", "e9e9ec c7c9d1", "f0dede dcb8bb", "d9dfeb b0bdd6",
    )
)  # fmt: skip
"""Studio walls: light and shade."""


FACADES = _rgb("b98b73", "d9c4a5", "a5adb5", "8d9b8a", "c9a08c", "e0d5c5", "7f7f8a", "b9b09f", "94746a", "c4ccd2")
"""House fronts in the street."""


@lru_cache(maxsize=64)
def _table(palette: Palette, device: torch.device) -> Tensor:
    return torch.tensor(palette, device=device)


def pick(palette: Palette, unit: Float[Tensor, " b"]) -> Float[Tensor, b * colours]:
    """Entries of a palette for numbers in [0, 1), all equally likely."""
    table = _table(palette, unit.device)
    return table[(unit * len(table)).long().clamp_max(len(table) - 1)]
