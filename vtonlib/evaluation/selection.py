"""Scoring a selection of patches against what is known of the world, and how alike patches are.

Book: sec-query-selection.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


class SelectionScore(NamedTuple):
    """How well a selection meets a region, image by image; NaN where the region is empty.

    By chance the precision is the region's share of the patches, the recall the selection's.
    """

    precision: Float[Tensor, " b"]
    """The share of the selected patches that lie in the region."""
    recall: Float[Tensor, " b"]
    """The share of the region's patches that are selected."""


def score_selection(ids: Int[Tensor, "b m"], inside: Bool[Tensor, "b n"]) -> SelectionScore:
    """Precision and recall of selected patches.

    Args:
        ids: numbers of the patches, row by row, none twice.
        inside: which patches lie in the region.

    Raises:
        ValueError: for another number of images, no patch, or patches that are not there.

    Book: sec-query-selection.
    """
    if len(ids) != len(inside) or ids.ndim != 2 or not ids.numel():
        raise ValueError(f"ids is {tuple(ids.shape)}: expected [b m] with b = {len(inside)} and at least one patch")
    if not 0 <= (low := int(ids.min())) <= int(ids.max()) < inside.shape[1]:
        raise ValueError(f"ids run from {low} to {int(ids.max())}: expected 0 to {inside.shape[1] - 1}")
    found, size = inside.gather(1, ids).sum(1).double(), inside.sum(1).double()
    found = found.where(size > 0, torch.nan)
    return SelectionScore(found / ids.shape[1], found / size)


def lowest_first(values: Float[Tensor, "b n"], count: int) -> Int[Tensor, "b m"]:
    """The ``count`` patches of the lowest values; among equals, the first in the map comes first.

    Book: sec-query-selection.
    """
    return values.argsort(dim=-1, stable=True)[:, :count]


def average_precision(values: Float[Tensor, "b n"], inside: Bool[Tensor, "b n"]) -> Float[Tensor, " b"]:
    """The precision of the patches with the lowest values, averaged over the counts at which one of the region is met.

    It needs no count to be chosen: 1 where the whole region comes first, near the region's share by chance, NaN where
    the region is empty.

    Book: sec-query-selection.
    """
    ordered = inside.gather(1, lowest_first(values, values.shape[1])).double()
    ranks = torch.arange(1, ordered.shape[1] + 1, device=ordered.device)
    return (ordered.cumsum(1) / ranks * ordered).sum(1) / ordered.sum(1)


def edge_energy(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 h w"]:
    """The squared length of Sobel's gradient, averaged over channels; edges of the picture are repeated.

    The filters are divided by 8, so a ramp that rises by 1 each pixel has energy 1.

    Source: Sobel & Feldman 1968. Book: sec-query-selection.
    """
    across = images.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    padded = F.pad(images, (1, 1, 1, 1), "replicate").flatten(0, 1)[:, None]
    gradient = F.conv2d(padded, torch.stack((across, across.T))[:, None])
    return gradient.square().sum(1).unflatten(0, images.shape[:2]).mean(1, keepdim=True)


def mean_cosine(patches: Float[Tensor, "b m c"]) -> Float[Tensor, " b"]:
    """The mean cosine of the angle between two different patches of an image: 1 where all point the same way.

    Raises:
        ValueError: for fewer than two patches.

    Book: sec-query-selection.
    """
    count = patches.shape[1]
    if count < 2:
        raise ValueError(f"patches is {tuple(patches.shape)}: expected at least two patches an image")
    total = F.normalize(patches.double(), dim=-1).sum(1).square().sum(-1)
    return (total - count) / (count * (count - 1))
