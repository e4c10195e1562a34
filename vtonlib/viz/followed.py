"""Two trainings' maps by what they fetch: guess which looks nearer to the true places, then see where each looks."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.evaluation import end_point_error
from vtonlib.viz.element import ElementFigure, element, table

BUDGET = 200_000
"""Bytes that one figure may add to a page."""


class FollowedExplorer(ElementFigure):
    """Choose a person, guess by the warped garments which of two maps errs less, then look at any two maps' places.

    The page warps the garment through each flow, enlarged bilinearly, as Leffa's loss does, and shows it inside the
    region beside the person. After the guess it shows the errors, and the flows as nets. Without scripts a table tells
    the errors.

    Args:
        flows: by name, the places (x, y) in [-1, 1] where each map looks, for every person on one lattice; the first
            two are those that are guessed about.
        garment: pictures in [-1, 1].
        person: the people as they should be, as large.
        truth: the true places, on the flows' lattice.
        mask: the tokens that are scored, 1 = scored.
        region: the pixels that are shown, 1 = shown.
        caption: what the figure shows.
        budget: bytes that the figure may add to a page.

    Raises:
        ValueError: for fewer than two flows, one on another lattice than the truth's, or a figure over the budget.

    Book: sec-explorer-leffa.
    """

    script = Path(__file__).with_name("followed.js")
    _parts = ("rows.js", "canvas.js")

    def __init__(
        self,
        flows: Mapping[str, Float[Tensor, "p h w 2"]],
        garment: Float[Tensor, "p 3 H W"],
        person: Float[Tensor, "p 3 H W"],
        truth: Float[Tensor, "p h w 2"],
        mask: Float[Tensor, "p 1 h w"],
        region: Float[Tensor, "p 1 H W"],
        *,
        caption: str = "",
        budget: int = BUDGET,
    ) -> None:
        if len(flows) < 2:
            raise ValueError(f"flows are {', '.join(flows) or 'none'}: expected at least two to choose between")
        for name, flow in flows.items():
            if flow.shape != truth.shape:
                raise ValueError(f"'{name}' is {tuple(flow.shape)}: expected {tuple(truth.shape)}, as the truth")
        lattice = (int(truth.shape[1]), int(truth.shape[2]))
        self.errors = {n: end_point_error(f, truth, mask, lattice=lattice).tolist() for n, f in flows.items()}
        inside = mask[:, 0] > 0.5
        data: dict[str, Any] = {
            "names": list(flows),
            "people": len(garment),
            "lattice": list(lattice),
            "size": list(garment.shape[-2:]),
            "flows": [[_bytes(one) for one in flow] for flow in flows.values()],
            "errors": [[round(error, 2) for error in errors] for errors in self.errors.values()],
            "patches": [each.nonzero().tolist() for each in inside],
            "truth": [_bytes(one) for one in truth],
            "garments": [_bytes(one.movedim(0, -1)) for one in garment],
            "persons": [_bytes(one.movedim(0, -1)) for one in person],
            "regions": [_bytes((one > 0.5).float()) for one in region],
        }
        rows = [[f"person {p + 1}", *(f"{self.errors[n][p]:.2f}" for n in flows)] for p in range(len(garment))]
        shown = table("Mean error of the places, in tokens.", ["", *flows], rows)
        self.markup = element("vton-followed", data, shown, caption)
        self.within(budget, "give fewer people or flows")

    def __repr__(self) -> str:
        return f"FollowedExplorer({len(self.errors)} maps, {len(next(iter(self.errors.values())))} people)"


def _bytes(values: Tensor) -> str:
    """Numbers in [-1, 1] in one byte each."""
    codes = ((values.detach().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return base64.b64encode(codes.contiguous().cpu().numpy().tobytes()).decode()
