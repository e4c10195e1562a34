"""The attention of a patch to the window around it: scores of all patches without unfolding, records of some.

A window has window x window places, row by row, the patch itself in the middle. Places beyond the edge hold zeros:
they score 0 and take part in the softmax, as in the released code.

The released code of QS-Attn unfolds a map into vectors whose slowest axis is the channel, and then reads them as if it
were the place. What it calls a neighbour is so made of some channels at all places. ``official_layout=True`` does the
same; the default is the attention that paper and names describe.

Book: sec-query-selection.
"""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.attention.core import Grid
from vtonlib.attention.record import AttentionRecord


def check_maps(maps: Tensor, name: str) -> Tensor:
    """The argument ``name``, ``maps``; raise ValueError unless it is [b c h w]."""
    if maps.ndim != 4:
        raise ValueError(f"{name} has the shape {tuple(maps.shape)}: expected [b c h w], a batch of feature maps")
    return maps


def check_window(window: int) -> None:
    """Raise ValueError unless a window of this side has a middle."""
    if not isinstance(window, int) or window < 1 or window % 2 == 0:
        raise ValueError(f"window is {window}: expected an odd whole number of patches")


@torch.no_grad()
def window_scores(
    features: Float[Tensor, "b c h w"], window: int, *, official_layout: bool = False
) -> Float[Tensor, "b places h w"]:
    """The dot product of each patch with the places of its window, at least in float32, without a gradient.

    Products of two maps, one for each place and the place opposite, instead of one map of as many times the size.

    Raises:
        ValueError: for an even window.

    Source: QS-Attn, local attention. Book: sec-query-selection.
    """
    check_window(window)
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    return _official_scores(features, window) if official_layout else _scores(features, window)


def _scores(features: Tensor, window: int) -> Tensor:
    (samples, _, height, width), reach = features.shape, window // 2
    scores = features.new_zeros(samples, window**2, height, width)
    for down, right in product(range(reach + 1), range(-reach, reach + 1)):
        if (down == 0 and right < 0) or down >= height or abs(right) >= width:
            continue  # the opposite place's turn, or no two patches so far apart
        place = (down + reach) * window + right + reach
        upper, lower = slice(0, height - down), slice(down, height)
        left, moved = slice(max(-right, 0), width - max(right, 0)), slice(max(right, 0), width + min(right, 0))
        score = (features[:, :, upper, left] * features[:, :, lower, moved]).sum(1)
        scores[:, place, upper, left] = score
        scores[:, window**2 - 1 - place, lower, moved] = score
    return scores


def _official_scores(features: Tensor, window: int) -> Tensor:
    """Score r is the sum over j of x_j u[r c + j], where u[i k + p] is channel i at place p of the window."""
    samples, channels, height, width = features.shape
    places, padded = window**2, F.pad(features, (window // 2,) * 4)
    scores = features.new_zeros(samples, places, height, width)
    for place, (down, right) in enumerate(product(range(window), repeat=2)):
        entry = torch.arange(channels, device=features.device) * places + place
        moved = padded[:, :, down : down + height, right : right + width]
        scores.index_add_(1, entry // channels, features[:, entry % channels] * moved)
    return scores


def neighbours(
    features: Float[Tensor, "b c h w"], ids: Int[Tensor, "b m"], window: int
) -> Float[Tensor, "b m places c"]:
    """What lies in the windows around some patches, with its graph.

    Raises:
        ValueError: for an even window.
    """
    check_window(window)
    width, reach = features.shape[-1], window // 2
    padded = F.pad(features, (reach,) * 4)
    steps = torch.arange(window, device=ids.device)
    rows, columns = (ids // width)[..., None] + steps, (ids % width)[..., None] + steps
    index = (rows[..., :, None] * padded.shape[-1] + columns[..., None, :]).flatten(1)
    tokens = padded.flatten(2).mT
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[-1])).unflatten(1, (-1, window**2))


def window_record(
    features: Float[Tensor, "b c h w"],
    ids: Int[Tensor, "b m"],
    window: int,
    *,
    scale: float = 1.0,
    official_layout: bool = False,
) -> AttentionRecord:
    """The attention of some patches to their windows: a record with a head for each patch, which has one query.

    Read it with :func:`window_values`.

    Raises:
        ValueError: for an even window.

    Source: QS-Attn, local attention. Equation: eq-window-attention. Book: sec-query-selection.
    """
    around = neighbours(features, ids, window)
    if official_layout:
        around = around.mT.reshape(around.shape)
    tokens = features.flatten(2).mT
    query = tokens.gather(1, ids[..., None].expand(-1, -1, tokens.shape[-1]))[:, :, None]
    return AttentionRecord(query, around, scale, Grid(1, 1), (Grid(window, window),))


def window_values(
    features: Float[Tensor, "b c h w"], ids: Int[Tensor, "b m"], window: int, *, official_layout: bool = False
) -> Float[Tensor, "b m places c"]:
    """What the records of :func:`window_record` read: the windows of this map, or of another of the same size.

    The released code reads these with a second mistake: the number of the patch runs fastest where it takes the place
    and the channel to, so that a patch's values come from several windows.

    Raises:
        ValueError: for an even window.

    Book: sec-query-selection.
    """
    around = neighbours(features, ids, window)
    return around.permute(0, 3, 2, 1).reshape(around.shape) if official_layout else around
