"""A label map as few distinct neighbourhoods: what depends on 5x5 labels is computed once for each of them.

A parse map of 512x384 pixels has two thousand distinct neighbourhoods of 5x5 labels, a hundredth of its pixels. Gamma
and beta depend on nothing else, and computing them makes up four fifths of the work of an ALIAS generator.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

MOST_CHANNELS = 62  # of a label map: a pixel's labels are the bits of one integer
MOST_DISTINCT = 0.5  # of all pixels: with more neighbourhoods than this, plain convolution is as fast
_MOST_KINDS = 2**20  # three numbers below this fit in one integer


class LabelPatterns(NamedTuple):
    """The distinct neighbourhoods of a label map, and which of them each pixel has. Labels outside the image are 0."""

    patches: Float[Tensor, "m k 3 3"]
    """The distinct neighbourhoods of 3x3 labels, also of pixels just outside the image."""
    inside: Bool[Tensor, " m"]
    """Whether the pixel in the middle of each is inside the image: a convolution pads its input with 0 outside."""
    neighbours: Int[Tensor, "p 9"]
    """For each distinct neighbourhood of 5x5 labels, the nine of 3x3 that it is made of, row by row."""
    pattern: Int[Tensor, "b h w"]
    """For each pixel the number of its neighbourhood of 5x5 labels."""


def find_patterns(labels: Float[Tensor, "b k h w"]) -> LabelPatterns | None:
    """The patterns of a label map of zeros and ones; None where they would not save anything, or there is no such map.

    That is: for other values, for labels that take a gradient, for more than 62 channels, and where there are more than
    half as many neighbourhoods as pixels. While gradients are recorded also on a GPU, which would add them up in
    another order in every run.
    """
    repeatable = labels.device.type == "cpu" or not torch.is_grad_enabled()
    usable = repeatable and labels.is_floating_point() and not labels.requires_grad and labels.shape[1] <= MOST_CHANNELS
    if not usable or not bool(((labels == 0) | (labels == 1)).all()):
        return None
    bits = 2 ** torch.arange(labels.shape[1], device=labels.device)
    kinds = 1 + sum(bit * channel for bit, channel in zip(bits, labels.movedim(1, 0).long(), strict=True))
    small = _windows(F.pad(kinds, (2, 2, 2, 2)))  # 0, no kind of a pixel, is outside
    large = _windows(small) if small is not None else None
    if small is None or large is None or int(large.max()) + 1 > MOST_DISTINCT * large.numel():
        return None
    inside = F.pad(torch.ones_like(kinds), (1, 1, 1, 1))
    image, row, column = _an_example_of_each(small)
    patches = _threes(F.pad(labels, (2, 2, 2, 2)).movedim(1, -1), image, row, column).movedim(-1, 1)
    neighbours = _threes(small, *_an_example_of_each(large)).flatten(1)
    return LabelPatterns(patches, inside[image, row, column] == 1, neighbours, large)


def _windows(kinds: Int[Tensor, "b h w"]) -> Int[Tensor, "b h-2 w-2"] | None:
    """For each 3x3 window the number of its content, counted from 0; None where there are too many kinds to count."""
    for dim in (2, 1):
        kinds = torch.unique(kinds, return_inverse=True)[1]
        count = int(kinds.max()) + 1
        if count > _MOST_KINDS:
            return None
        first, second, third = (kinds.narrow(dim, start, kinds.shape[dim] - 2) for start in range(3))
        kinds = (first * count + second) * count + third
    return torch.unique(kinds, return_inverse=True)[1]


def _an_example_of_each(kinds: Int[Tensor, "b h w"]) -> tuple[Tensor, ...]:
    """Where one pixel of each kind is: image, row and column."""
    flat = kinds.flatten()
    place = torch.empty(int(flat.max()) + 1, dtype=torch.long, device=kinds.device)
    place[flat] = torch.arange(len(flat), device=kinds.device)
    return torch.unravel_index(place, kinds.shape)


def _threes(
    maps: Shaped[Tensor, "b h w *c"], image: Int[Tensor, " n"], row: Int[Tensor, " n"], column: Int[Tensor, " n"]
) -> Shaped[Tensor, "n 3 3 *c"]:
    """The 3x3 windows whose upper left corners are given."""
    reach = torch.arange(3, device=maps.device)
    return maps[image[:, None, None], row[:, None, None] + reach[:, None], column[:, None, None] + reach]
