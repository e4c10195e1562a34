"""Entropies of patches that come in groups: what of low entropy is due to how many patches are alike.

Book: sec-query-selection.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor


def group_entropy(sizes: Float[Tensor, "*shape"], patches: int, ratio: float) -> Float[Tensor, "*shape"]:
    """The entropy, in nats, of a row that gives ``ratio`` to each patch of its own group and 1 to each other patch.

    With Z = n + k (r - 1) it is ln Z - k r ln r / Z: ln n where nothing or everything is alike, and nearly ln k where
    what is alike outweighs the rest by far.

    Args:
        sizes: k, patches of the group, the row's own included.
        patches: n, all patches.
        ratio: r, above 1: the weight of a patch of the group as a multiple of that of another.

    Raises:
        ValueError: where the ratio is not above 1, or a group has no patch or more than there are.

    Equation: eq-group-entropy. Book: sec-query-selection.
    """
    _check(ratio)
    found = sizes.detach()
    if sizes.numel() and not 0 < float(found.min()) <= float(found.max()) <= patches:
        raise ValueError(f"groups have {float(sizes.min()):g} to {float(sizes.max()):g} of {patches} patches")
    total = patches + sizes * (ratio - 1)
    return total.log() - sizes * ratio * math.log(ratio) / total


def preferred_share(ratio: float) -> float:
    """The share of all patches that a group has where its entropy is least: (r ln r - r + 1) / (r - 1)^2.

    Half where groups hardly differ (r near 1), and about ln r / r where they differ a lot.

    Raises:
        ValueError: where the ratio is not above 1.

    Equation: eq-preferred-share. Book: sec-query-selection.
    """
    _check(ratio)
    return (ratio * math.log(ratio) - ratio + 1) / (ratio - 1) ** 2


def _check(ratio: float) -> None:
    if not ratio > 1:
        raise ValueError(f"ratio is {ratio}: expected a number above 1")


def group_features(sizes: list[int], ratio: float) -> Float[Tensor, "n c"]:
    """Patches in groups: the same feature within a group, at right angles between groups, products ln r and 0.

    Raises:
        ValueError: where the ratio is not above 1, or a group is empty.

    Book: sec-query-selection.
    """
    _check(ratio)
    if not sizes or min(sizes) < 1:
        raise ValueError(f"groups have {sizes} patches: expected at least one in each")
    rows = torch.eye(len(sizes)).repeat_interleave(torch.tensor(sizes), dim=0)
    return math.sqrt(math.log(ratio)) * rows
