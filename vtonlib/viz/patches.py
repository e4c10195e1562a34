"""What is known of a person's patches: which place of the garment each shows, which cannot be chosen and why, and
which ones tell most about an attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import Grid
from vtonlib.grids import resize_flow, resize_mask, to_pixels
from vtonlib.viz.figures import spread_points
from vtonlib.viz.frame import Frame

LISTED = 6
"""Patches in the table of numbers."""
LEAST = 0.25
"""The share of a patch's pixels whose truth must be known. Half a patch of sleeve is enough to ask where it is from."""
NO_GARMENT, LITTLE, HIDDEN = "not part of the garment", "too little garment in it", "hidden: no true place"
UNKNOWN = "no true place is known"
"""Why a patch cannot be chosen."""
TRACE = 0.02
"""The share of garment below which a patch is no part of it."""
APART = 2.5
"""Tokens between two peaks of a map, at least."""


def truth_on_patches(
    flow: Float[Tensor, "h w 2"], mask: Float[Tensor, "1 h w"], grid: Grid, *, least: float = LEAST
) -> tuple[Float[Tensor, "H W 2"], Float[Tensor, "H W"]]:
    """The place that each patch shows, the mean over its known pixels, and 1 where at least ``least`` are known.

    It knows more patches than :func:`vtonlib.evaluation.truth_on_lattice`, which measures: sleeves are narrow.

    Book: sec-explorer.
    """
    inside = (mask > 0.5).to(flow.dtype)
    share = resize_mask(inside[None], *grid)[0, 0]
    if flow.shape[:2] == tuple(grid):
        return flow, inside[0]
    total = resize_mask((flow.movedim(-1, 0) * inside)[None], *grid)[0].movedim(0, -1)
    known = (share >= least).to(flow.dtype)
    mean = total / share.clamp_min(1e-6)[..., None]
    return torch.where(known[..., None] > 0, mean, resize_flow(flow[None], *grid)[0]), known


@dataclass(frozen=True, slots=True)
class Telling:
    """A patch worth looking at, as the explorer offers it by a button."""

    label: str
    """What is telling about it, in a few words."""
    row: int
    """Of the patch, on the lattice of the first frame."""
    column: int
    """Of the patch, on that lattice."""
    layer: str = ""
    """The frame that it tells of; empty: the choice stays as it is."""


def telling_patches(
    frame: Frame,
    truth: Float[Tensor, "h w 2"],
    mask: Float[Tensor, "1 h w"],
    *,
    sleeves: Float[Tensor, "1 h w"] | None = None,
) -> tuple[Telling, ...]:
    """Patches that show what an attention does: one where it is right, one where it is sharp and wrong, one with two
    peaks, and, given a mask of them, one on a sleeve.

    Of the head-mean map, with its largest weight a and the error e of its centre in tokens. Right: the largest
    a / (1 + e); sharp and wrong: the largest a e; two peaks: the highest second peak, as a share of the first; on a
    sleeve: the patch from farthest beside the middle of the garment.

    Raises:
        ValueError: when the truth is known for no patch.

    Book: sec-explorer.
    """
    query, key = frame.record.query_grid, frame.record.key_grid
    places, known = truth_on_patches(truth.detach().cpu().float(), mask.detach().cpu().float(), query)
    rows = known.flatten().nonzero().flatten().tolist()
    if not rows:
        raise ValueError("the truth is known for no patch: expected a mask with some")
    weights = torch.stack([logs.exp() for logs in frame.logs().values()]).mean(0).cpu()[rows]
    target = to_pixels(places.flatten(0, 1)[rows] + 1, *key)
    tokens = torch.arange(key.tokens)
    spots = torch.stack((tokens % key.width, tokens // key.width), -1).float()
    error = (weights @ spots - target).norm(dim=-1)
    top = weights.amax(1)
    found = {"right": int((top / (1 + error)).argmax()), "sharp and wrong": int((top * error).argmax())}
    second = _second_peak(weights, spots) / top
    if second.max() > 0:
        found["two peaks"] = int(second.argmax())
    if sleeves is not None:
        on_sleeve = resize_mask(sleeves[None].detach().cpu().float(), *query).flatten()[rows] > LEAST / 2
        if on_sleeve.any():
            found["on a sleeve"] = int((places.flatten(0, 1)[rows][:, 0].abs() * on_sleeve).argmax())
    patches = {label: divmod(rows[i], query.width) for label, i in found.items()}
    return tuple(Telling(label, row, column, frame.name) for label, (row, column) in patches.items())


def _second_peak(weights: Float[Tensor, "n k"], spots: Float[Tensor, "k 2"]) -> Float[Tensor, " n"]:
    """The largest weight at a token that no neighbour surpasses, other than the first peak and far from it."""
    distance = torch.cdist(spots, spots)
    near = (distance > 0) & (distance < 1.5)
    around = torch.where(near, weights[:, None, :], 0.0).amax(-1)
    far = distance[weights.argmax(1)] >= APART
    return torch.where((weights > around) & far, weights, 0.0).amax(1)


@dataclass(frozen=True, slots=True)
class Patches:
    """What is known of the patches of one lattice of queries."""

    truth: Float[Tensor, "h w 2"] | None
    """Where each patch truly lies on the garment."""
    known: Float[Tensor, "h w"]
    """True where the truth is known; nowhere without one."""
    listed: list[list[int]]
    """Some patches (row, column) far from one another, for the table of numbers."""
    why: list[str | None]
    """Of each patch, why nobody knows its place; None where it is known, and everywhere without a truth."""

    @classmethod
    def of(cls, grid: Grid, truth: Tensor | None, mask: Tensor | None, region: Tensor | None) -> Patches:
        """Of a flow and a mask of where it is known; ``region`` [1 h w] is where the garment is worn."""
        if truth is None:
            nothing = torch.zeros(grid, dtype=torch.bool)
            return cls(None, nothing, _spread(torch.ones(grid)), [None] * grid.tokens)
        where = torch.ones(1, *truth.shape[:2]) if mask is None else mask.detach().cpu().float()
        flow, share = truth_on_patches(truth.detach().cpu().float(), where, grid)
        known = share > 0.5
        return cls(flow, known, _spread(known.float() if known.any() else torch.ones(grid)), _why(grid, known, region))

    def first(self, start: tuple[int, int] | None, masked_only: bool) -> list[int]:
        """The patch that is shown first; raises ValueError where it is none of the lattice, or is not kept."""
        if masked_only and not self.known.any():
            raise ValueError("masked_only: the truth is known for no patch, so none would be left")
        row, column = start or self.listed[0]
        height, width = self.known.shape
        if not (0 <= row < height and 0 <= column < width):
            raise ValueError(f"start is {start}, expected a patch of the lattice {height}x{width}")
        if masked_only and not self.known[row, column]:
            raise ValueError(f"start is {start}: masked_only leaves that patch out, its truth is not known")
        return [row, column]

    def data(self) -> dict[str, Any]:
        """The truth as [x, y] in [-1, 1], or why it is not known; and the patches of the table."""
        if self.truth is None:
            return {"truth": None, "patches": self.listed}
        places = self.truth.flatten(0, 1).tolist()
        known = [[round(v, 4) for v in xy] if why is None else None for xy, why in zip(places, self.why, strict=True)]
        reasons = sorted({why for why in self.why if why is not None})
        codes = [-1 if why is None else reasons.index(why) for why in self.why]
        return {"truth": known, "patches": self.listed, "reasons": reasons, "why": codes}


def _why(grid: Grid, known: Tensor, region: Tensor | None) -> list[str | None]:
    if region is None:
        return [None if k else UNKNOWN for k in known.flatten().tolist()]
    worn = resize_mask(region.detach().cpu().float()[None], *grid).flatten().tolist()
    reasons = [HIDDEN if share >= LEAST else LITTLE if share >= TRACE else NO_GARMENT for share in worn]
    return [None if k else reason for k, reason in zip(known.flatten().tolist(), reasons, strict=True)]


def _spread(mask: Float[Tensor, "h w"]) -> list[list[int]]:
    return [[row, column] for column, row in spread_points(mask[None], LISTED).tolist()]
