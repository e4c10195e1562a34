"""The plane in which figures stand, and the pixels that look at it.

x runs to the image's right and y down. Whatever its size, a canvas shows at least y in [-1, 1] and x in [-0.75, 0.75].
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from vtonlib.grids import warp

TABLE = 256
"""Heights in the table of :func:`interpolate_anywhere`."""


def each(value: Shaped[Tensor, " b"]) -> Shaped[Tensor, "b 1 1 1"]:
    """One number per example, shaped to meet the pixels of [b 1 h w]."""
    return value.view(-1, 1, 1, 1)


def above(value: Float[Tensor, "*s"], threshold: float = 0.0) -> Float[Tensor, "*s"]:
    """1 where ``value`` is greater than ``threshold``, else 0: a mask to calculate with, without a detour over bool."""
    return torch.gt(value, threshold, out=torch.empty_like(value))


def choose(mask: Float[Tensor, "*m"], yes: Float[Tensor, "*y"], no: Float[Tensor, "*n"]) -> Float[Tensor, "*s"]:
    """``yes`` where ``mask`` is 1 and ``no`` where it is 0, exactly: ``torch.where``, several times as fast."""
    return torch.lerp(no, yes, mask)


def canvas_unit(height: int, width: int) -> float:
    """Pixels per unit of the plane."""
    return min((height - 1) / 2, (width - 1) / 1.5)


def canvas_scale(height: int, width: int, like: Tensor) -> Float[Tensor, " 2"]:
    """Factors that take the plane's units to coordinates in [-1, 1] of an image."""
    unit = canvas_unit(height, width)
    return torch.tensor([2 * unit / (width - 1), 2 * unit / (height - 1)], device=like.device)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The pixels of a canvas in a figure's plane: x of each column, y of each row, and the size of a pixel."""

    x: Float[Tensor, "b 1 #h w"]
    """Of each column."""
    y: Float[Tensor, "b 1 h #w"]
    """Of each row."""
    pixel: Float[Tensor, "b 1 1 1"]
    """Side of a pixel."""

    def coverage(self, distance: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 h w"]:
        """How much of each pixel lies inside, for distances in the plane's units, positive inside."""
        return (distance * (1 / self.pixel)).add_(0.5).clamp_(0, 1)

    def crop(self, rows: slice, columns: slice) -> Frame:
        """Some rows and columns."""
        return Frame(x=self.x[..., columns], y=self.y[:, :, rows], pixel=self.pixel)


def make_frame(height: int, width: int, zoom: Float[Tensor, " b"], shift: Float[Tensor, "b 2"]) -> Frame:
    """The canvas as a camera sees the plane: a point p appears at zoom * p + shift."""
    unit = canvas_unit(height, width)
    columns = (torch.arange(width, device=zoom.device) - (width - 1) / 2) / unit
    rows = (torch.arange(height, device=zoom.device) - (height - 1) / 2) / unit
    return Frame(
        x=(columns.view(1, 1, 1, -1) - each(shift[:, 0])) / each(zoom),
        y=(rows.view(1, 1, -1, 1) - each(shift[:, 1])) / each(zoom),
        pixel=1 / (unit * each(zoom)),
    )


def interpolate(
    levels: Float[Tensor, "b k"], values: Float[Tensor, "b m k"], y: Float[Tensor, "b 1 h 1"]
) -> Float[Tensor, "b m h 1"]:
    """Smooth curves through the knots (levels, values), read at the heights y; constant beyond the ends.

    Source: monotone cubic interpolation (Fritsch and Butland 1984): no curve overshoots its knots.
    """
    step = levels.diff(dim=1)[:, None]
    slope = values.diff(dim=2) / step
    before, after = slope[..., :-1], slope[..., 1:]
    same_way = before * after > 0
    harmonic = 2 * before * after / torch.where(same_way, before + after, 1.0)
    tangent = torch.cat((slope[..., :1], torch.where(same_way, harmonic, 0.0), slope[..., -1:]), dim=2)
    at = y[:, 0, :, 0].clamp(levels[:, :1], levels[:, -1:]).contiguous()
    k = torch.searchsorted(levels.contiguous(), at).clamp(1, levels.shape[1] - 1) - 1
    knot = k[:, None].expand(-1, values.shape[1], -1)
    width = step[:, 0].gather(1, k)[:, None]
    t = (at - levels.gather(1, k))[:, None] / width
    rise = slope.gather(2, knot) * width
    m0, m1 = tangent.gather(2, knot) * width, tangent.gather(2, knot + 1) * width
    curve = values.gather(2, knot) + t * (m0 + t * ((3 * rise - 2 * m0 - m1) + t * (m0 + m1 - 2 * rise)))
    return curve[..., None]


def interpolate_anywhere(
    levels: Float[Tensor, "b k"], values: Float[Tensor, "b m k"], y: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b m h w"]:
    """:func:`interpolate` where every pixel has a height of its own: read from a table, to about 1e-4."""
    low, high = y.amin((2, 3), keepdim=True), y.amax((2, 3), keepdim=True)
    share = torch.linspace(0, 1, TABLE, device=y.device).view(1, 1, -1, 1)
    table = interpolate(levels, values, low + share * (high - low))
    at = (2 * (y - low) / (high - low) - 1).movedim(1, -1)
    return warp(table, torch.cat((torch.zeros_like(at), at), -1))


def steepness(half_width: Float[Tensor, "b 1 h 1"], y: Float[Tensor, "b 1 h 1"]) -> Float[Tensor, "b 1 h 1"]:
    """Factor that turns horizontal distances from an outline given row by row into true ones."""
    slope = (half_width.diff(dim=2) / y.diff(dim=2)).square()
    return (1 + torch.cat((slope[:, :, :1], slope), dim=2)).rsqrt()
