"""The mask painter in a live notebook: what is painted in the page is normalized in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from vtonlib.viz.live import LiveFigure
from vtonlib.viz.mask_painter import MaskPainter


class LivePainter(LiveFigure):
    """A mask painter whose result comes from Python: every stroke is normalized by ``mask_standardize``.

    The page answers at once with its own formula and shows Python's result when it arrives; they agree.

    Args:
        build: makes the painter from the controls' values, for instance by running an encoder on another person.
        controls: as for :class:`vtonlib.viz.live.LiveFigure`.

    Book: sec-mask-painter.
    """

    figure: MaskPainter
    """What it paints on."""

    def __init__(self, build: Callable[..., MaskPainter], *, manual: bool = False, **controls: Any) -> None:
        super().__init__(build, manual=manual, **controls)
        self.view.observe(lambda change: self._normalize(change.new), "state")

    def _update(self, **settings: Any) -> None:
        super()._update(**settings)
        self._normalize(self.state)

    def _normalize(self, state: dict[str, Any]) -> None:
        """Python's result for what is painted, unless the figure has it already or is of another size."""
        mask = torch.tensor(state.get("mask", [[]]), dtype=torch.float64)
        eps = float(state.get("eps", self.figure.eps))
        known = torch.equal(mask, self.figure.mask) and eps == self.figure.eps
        if mask.shape == self.figure.mask.shape and not known:
            self.figure = self.figure.painted(mask, eps=eps)
            self.view.markup = self.figure.markup
