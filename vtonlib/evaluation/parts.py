"""Which part of the person looks at which part of the garment: does the right shoulder look at the right shoulder?

Book: sec-part-matrix.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.truth import BODY_PARTS
from vtonlib.evaluation.correspondence import truth_on_lattice
from vtonlib.grids import coordinate_grid, resize_mask, to_pixels

BELOW_SHOULDER, BELOW_CHEST = -0.54, -0.27
"""Where shoulders and chest end, as ``v`` of the dense pose on the torso."""
REGIONS = (
    "right arm", "left arm", "right shoulder", "left shoulder", "right chest", "left chest", "right hip", "left hip",
    "right leg", "left leg",
)  # fmt: skip
"""Parts of the body, in order; right and left are the wearer's."""
MIRRORED = tuple(number ^ 1 for number in range(len(REGIONS)))
"""For each region, the number of the same one on the other side."""


def body_regions(dense_pose: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b r h w"]:
    """The body's :data:`REGIONS` as the dense pose of our world tells them, one-hot; none off the body and on the
    head."""
    part = ((dense_pose[:, 0] + 1) * (len(BODY_PARTS) - 1) / 2).round().long()
    u, v = dense_pose[:, 1], dense_pose[:, 2]
    torso, number = part == BODY_PARTS.index("torso"), {name: i for i, name in enumerate(BODY_PARTS)}
    level = {
        "shoulder": torso & (v < BELOW_SHOULDER),
        "chest": torso & (v >= BELOW_SHOULDER) & (v < BELOW_CHEST),
        "hip": torso & (v >= BELOW_CHEST),
    }
    masks = []
    for region in REGIONS:
        side, _, kind = region.partition(" ")
        if kind == "arm":
            masks.append((part == number[f"{side}_upper_arm"]) | (part == number[f"{side}_lower_arm"]))
        elif kind == "leg":
            masks.append(part == number[f"{side}_leg"])
        else:
            masks.append(level[kind] & ((u > 0) if side == "left" else (u <= 0)))
    return torch.stack(masks, 1).to(dense_pose.dtype)


def flow_weights(flow: Float[Tensor, "b n 2"], grid: Grid) -> Float[Tensor, "b n nk"]:
    """Attention to exactly one place for each query, shared by the four keys around it as in bilinear reading."""
    at = to_pixels(flow.clamp(-1, 1) + 1, *grid)
    along = [
        (1 - (at[..., axis, None] - torch.arange(size, device=flow.device, dtype=flow.dtype)).abs()).clamp_min(0)
        for axis, size in ((0, grid.width), (1, grid.height))
    ]
    return (along[1][..., :, None] * along[0][..., None, :]).flatten(-2)


def garment_regions(batch: TryOnBatch, grid: Grid) -> Float[Tensor, "b nk g"]:
    """Of each key, the shares of the body regions whose pixels come from it; the last share is "not seen".

    The true flow carries the regions of the person to the garment. Off the visible part of the garment a key is "not
    seen" alone.
    """
    regions = (body_regions(batch.dense_pose) * batch.flow_mask).flatten(2)  # [b r n]
    at = to_pixels(batch.flow.clamp(-1, 1).flatten(1, 2) + 1, *grid).round().long()
    key = at[..., 1] * grid.width + at[..., 0]
    counts = torch.zeros(*regions.shape[:2], grid.tokens, dtype=regions.dtype, device=regions.device)
    counts.scatter_add_(2, key[:, None].expand_as(regions), regions)
    total = counts.sum(1, keepdim=True)
    return torch.cat((counts / total.clamp_min(1), (total == 0).to(counts.dtype)), 1).mT


def person_regions(batch: TryOnBatch, grid: Grid) -> Float[Tensor, "b nq r"]:
    """The share of every query that shows a body region, over pixels whose true place is known."""
    return resize_mask(body_regions(batch.dense_pose) * batch.flow_mask, *grid).flatten(2).mT


def part_matrix(
    weights: Float[Tensor, "b nq nk"], queries: Float[Tensor, "b nq r"], keys: Float[Tensor, "b nk g"]
) -> Float[Tensor, "r g"]:
    """The share of the attention of each part of the person that falls on each part of the garment.

    Rows sum to 1 where the shares of every key do; a part that no query shows has a row of NaN.

    Equation: eq-part-matrix. Book: sec-part-matrix.
    """
    return torch.einsum("bqr, bqk, bkg -> rg", queries, weights, keys) / queries.sum((0, 1))[:, None]


def part_matrices(record: AttentionRecord, batch: TryOnBatch) -> dict[str, Float[Tensor, "r g"]]:
    """The matrix of a record's head-mean map, of the truth, of a plain copy, which looks at its own place, and of
    chance: the same weight on all cloth.

    All use the same queries: those whose true place is known.
    """
    grid = record.key_grid
    truth, known = truth_on_lattice(batch.flow, batch.flow_mask, *record.query_grid)
    queries = person_regions(batch, record.query_grid) * known.flatten(2).mT
    keys = garment_regions(batch, grid)
    cloth = resize_mask(batch.garment_mask, *grid).flatten(2)
    uniform = (cloth / cloth.sum(-1, keepdim=True).clamp_min(1e-6)).expand(-1, record.query.shape[2], -1)
    own_place = coordinate_grid(*record.query_grid, device=truth.device, dtype=truth.dtype).expand_as(truth)
    maps = {
        "attention": record.weights().detach().mean(1),
        "truth": flow_weights(truth.flatten(1, 2), grid),
        "copy": flow_weights(own_place.flatten(1, 2), grid),
        "chance": uniform,
    }
    return {name: part_matrix(weights, queries, keys) for name, weights in maps.items()}


def same_part(matrix: Float[Tensor, "r g"]) -> float:
    """The mean share that parts give to their own part of the garment, over the parts that occur."""
    return float(matrix.diagonal().nanmean())


def other_side(matrix: Float[Tensor, "r g"]) -> float:
    """The mean share that parts give to their mirror image, over the parts that occur."""
    return float(matrix[torch.arange(len(MIRRORED)), list(MIRRORED)].nanmean())
