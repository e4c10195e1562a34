"""A misalignment mask to paint, and what mask normalization makes of a feature map under it, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from vtonlib.models.normalization import mask_standardize
from vtonlib.viz.element import ElementFigure, element, table

BUDGET = 100_000
"""Bytes that one painter may add to a page."""
LARGEST = 16
"""Rows and columns of the largest map that can be painted in a page."""
DECIMALS = 6
"""Decimals of the values that a page keeps."""


class MaskPainter(ElementFigure):
    """A feature map on which a misalignment mask is painted, by mouse or keyboard, beside its mask normalization.

    The page can also show plain instance norm and each of the paper's steps, paint soft masks and change eps. What it
    shows first was computed by :func:`vtonlib.models.normalization.mask_standardize`; after that it computes itself.

    Args:
        maps: the feature map, at most 16 x 16.
        mask: what is painted at first, in [0, 1].
        channels: names of the channels; by default their numbers.
        caption: what the figure shows.
        digits: digits after the point of the values in the cells; by default no values, colours only.
        eps: added to the variance.
        first: the mask to which the page's button returns, by default ``mask``.

    Raises:
        ValueError: for a map that is too large, values that are not finite, a mask of another shape or outside
            [0, 1], names that do not fit, or an eps that is not positive.

    Book: sec-mask-painter.
    """

    script = Path(__file__).with_name("mask_painter.js")

    def __init__(
        self,
        maps: Float[Tensor, "c h w"],
        mask: Float[Tensor, "h w"],
        *,
        channels: Sequence[str] | None = None,
        caption: str = "",
        digits: int | None = None,
        eps: float = 1e-5,
        first: Float[Tensor, "h w"] | None = None,
    ) -> None:
        # what is computed here is computed from the very numbers that the page keeps
        self.maps = maps.detach().cpu().double().round(decimals=DECIMALS)
        self.mask = mask.detach().cpu().double()
        self.first = self.mask if first is None else first.detach().cpu().double()
        self.channels = [str(i) for i in range(len(maps))] if channels is None else list(channels)
        self.caption, self.digits, self.eps = caption, digits, eps
        _check(self.maps, self.mask, self.channels, eps)
        result = self.value()
        data = {
            "maps": self.maps.flatten(1).tolist(),
            "mask": self.mask.tolist(),
            "first": self.first.tolist(),
            "result": result.flatten(1).round(decimals=DECIMALS).tolist(),
            "channels": self.channels,
            "digits": digits,
            "eps": eps,
        }
        columns = ["", *(str(j) for j in range(mask.shape[1]))]
        shown = {"feature map": self.maps[0], "mask": self.mask, "mask normalization": result[0]}
        fallback = "".join(
            table(title, columns, [[str(i), *(f"{v:.2f}" for v in row)] for i, row in enumerate(values.tolist())])
            for title, values in shown.items()
        )
        self.markup = element("vton-mask-painter", data, fallback, caption)
        self.within(BUDGET, "give fewer channels or a smaller map")

    def __repr__(self) -> str:
        return "MaskPainter({}x{}x{})".format(*self.maps.shape)

    def value(self, mask: Float[Tensor, "h w"] | None = None, *, eps: float | None = None) -> Float[Tensor, "c h w"]:
        """The normalized map for a mask, by default the first one; the page computes the same."""
        painted = self.mask if mask is None else mask.double()
        return mask_standardize(self.maps[None], painted[None, None], eps=self.eps if eps is None else eps)[0]

    def painted(self, mask: Float[Tensor, "h w"], *, eps: float) -> MaskPainter:
        """The same figure with another mask and eps, and Python's result for them."""
        return MaskPainter(
            self.maps,
            mask,
            channels=self.channels,
            caption=self.caption,
            digits=self.digits,
            eps=eps,
            first=self.first,
        )


def _check(maps: Tensor, mask: Tensor, channels: list[str], eps: float) -> None:
    if maps.dim() != 3 or not 1 <= min(maps.shape) or max(maps.shape[1:]) > LARGEST:
        raise ValueError(f"maps are {tuple(maps.shape)}: expected channels, rows and columns, 1 to {LARGEST} of these")
    if not maps.isfinite().all():
        raise ValueError("maps have values that are not finite")
    if mask.shape != maps.shape[1:] or not ((mask >= 0) & (mask <= 1)).all():
        raise ValueError(f"mask is {tuple(mask.shape)}: expected {tuple(maps.shape[1:])} with values in [0, 1]")
    if len(channels) != len(maps):
        raise ValueError(f"{len(channels)} channel names were given: expected {len(maps)}")
    if not eps > 0:
        raise ValueError(f"eps is {eps}: expected a positive number")
