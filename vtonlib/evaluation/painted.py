"""What is wrong with a painted garment: its colour as a whole, or where its colours lie; and what a sum can move."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.grids import coordinate_grid, to_pixels


def _centred(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The mean over a mask, and the deviations from it inside."""
    mean = (x * mask).sum((2, 3), keepdim=True) / mask.sum((2, 3), keepdim=True)
    return mean, (x - mean) * mask


def pattern_error(
    painted: Float[Tensor, "b c h w"], truth: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, " b"]:
    """The error of the colours' deviations from their own mean, as a share of the true deviations' size.

    0: the pattern is right; 1: as wrong as one flat colour, whichever. NaN where the truth has no pattern.

    Equation: eq-pattern-error. Book: sec-addition-against-attention.
    """
    (_, ours), (_, theirs) = _centred(painted, mask), _centred(truth, mask)
    return ((ours - theirs).square().sum((1, 2, 3)) / theirs.square().sum((1, 2, 3))).sqrt()


def colour_error(
    painted: Float[Tensor, "b c h w"], truth: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, " b"]:
    """The difference of the mean colours over a mask: the root of the mean square over channels; NaN for an empty one.

    Book: sec-addition-against-attention.
    """
    (ours, _), (theirs, _) = _centred(painted, mask), _centred(truth, mask)
    return (ours - theirs).square().mean((1, 2, 3)).sqrt()


def shift_probability(flow: Float[Tensor, "b h w 2"], known: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "H W"]:
    """How often a token's true place lies how many tokens away from its own, [2h - 1, 2w - 1], shift 0 in the middle.

    NaN where no place is known. Book: sec-why-addition-cannot-move.
    """
    height, width = flow.shape[1:3]
    identity = coordinate_grid(height, width, device=flow.device, dtype=flow.dtype)
    steps = to_pixels(flow - identity, height, width).round().long()[known[:, 0] > 0.5]
    column, row = (steps + torch.tensor([width - 1, height - 1], device=flow.device)).unbind(-1)
    inside = (column >= 0) & (column < 2 * width - 1) & (row >= 0) & (row < 2 * height - 1)
    index = (row * (2 * width - 1) + column)[inside]
    counts = torch.bincount(index, minlength=(2 * height - 1) * (2 * width - 1))
    return counts.to(flow.dtype).unflatten(0, (2 * height - 1, 2 * width - 1)) / len(steps)


def unmoved_share(shifts: Float[Tensor, "h w"], *, reach: int | None = None) -> float:
    """The share of a pattern's energy that the best *fixed* linear map misses when shifts are drawn by chance.

    Args:
        shifts: probability of each shift, the shift 0 in the middle (odd sides).
        reach: the map may read up to this many tokens away along each axis; 0: a sum at the same place; None: anywhere.

    For patterns whose cells are independent, with mean 0, the best kernel is the probability itself, and what is missed
    is one minus the sum of its squares within reach: the hesitation of whoever must decide without seeing the shift.

    Equation: eq-unmoved-share. Book: sec-why-addition-cannot-move.
    """
    if reach is not None:
        rows, columns = (torch.arange(n) - n // 2 for n in shifts.shape)
        within = (rows.abs()[:, None] <= reach) & (columns.abs()[None] <= reach)
        shifts = shifts * within
    return float(1 - shifts.square().sum())
