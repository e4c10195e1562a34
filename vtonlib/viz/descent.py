"""A map under gradient steps of a mixture of losses, to be guessed first: does its error fall with its loss?"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord, expected_coordinates
from vtonlib.attention.descent import Descent
from vtonlib.evaluation import end_point_error
from vtonlib.grids import resize_image
from vtonlib.viz.element import ElementFigure, element, table
from vtonlib.viz.figures import place_colours
from vtonlib.viz.zoo import _stretched

BUDGET = 250_000
"""Bytes that one figure may add to a page."""
REACH = 1.25
"""Centres are kept in one byte a coordinate, from minus this to this in units of [-1, 1]."""


class DescentExplorer(ElementFigure):
    """Choose a map and a mixture of losses, guess whether gradient steps bring it nearer to the truth, then watch.

    The page shows the centres as a net, each knot in the colour of its true place, the garment as the map copies it,
    the person as it should be, the error by step, and what each loss says. Without scripts a table tells where every
    descent began and ended.

    Args:
        descents: by the name of the map it starts from and that of the mixture; all kept at the same steps, each with
            one sample and keys on the garment's lattice.
        garment: the garment's picture in [-1, 1].
        person: the person's picture in [-1, 1].
        truth: the true places (x, y) in [-1, 1], on the lattice of the queries.
        mask: the queries that are shown and scored, 1 = shown.
        caption: what the figure shows.
        budget: bytes that the figure may add to a page.

    Raises:
        ValueError: for no descent, steps that differ, mixtures missing for a start, another lattice than the truth's,
            or a figure over the budget.

    Book: sec-explorer-descent.
    """

    script = Path(__file__).with_name("descent.js")
    _parts = ("rows.js", "canvas.js", "slider.js")

    def __init__(
        self,
        descents: Mapping[tuple[str, str], Descent],
        garment: Float[Tensor, "3 H W"],
        person: Float[Tensor, "3 H W"],
        truth: Float[Tensor, "h w 2"],
        mask: Float[Tensor, "1 h w"],
        *,
        caption: str = "",
        budget: int = BUDGET,
    ) -> None:
        self.starts, self.mixtures = (list(dict.fromkeys(key[k] for key in descents)) for k in (0, 1))
        _check(descents, self.starts, self.mixtures, mask)
        self.steps = list(next(iter(descents.values())).steps)
        inside = mask[0] > 0.5
        self.errors: dict[tuple[str, str], list[float]] = {}
        frames = {}
        for key, descent in descents.items():
            self.errors[key] = [_error(record, truth, mask) for record in descent.records]
            read = [_reading(record, garment, inside) for record in descent.records]
            values = {"error": self.errors[key]} | {name: list(each) for name, each in descent.values.items()}
            frames["|".join(key)] = {
                "centres": _bytes(torch.stack([centres for centres, _ in read]) / REACH),
                "colours": _bytes(torch.stack([colours for _, colours in read])),
                "values": {name: [round(value, 3) for value in each] for name, each in values.items()},
            }
        data: dict[str, Any] = {
            "starts": self.starts,
            "mixtures": self.mixtures,
            "steps": self.steps,
            "names": ["error", *next(iter(descents.values())).values],
            "size": list(inside.shape),
            "patches": inside.nonzero().tolist(),
            "reach": REACH,
            "hues": _bytes(place_colours(_stretched(truth[inside])) * 2 - 1),
            "person": _bytes(_patches(person, inside)),
            "frames": frames,
        }
        self.markup = element("vton-descent", data, self._table(descents), caption)
        self.within(budget, "give fewer starts, mixtures or steps, or a coarser lattice")

    def __repr__(self) -> str:
        return f"DescentExplorer({len(self.starts)} maps, {len(self.mixtures)} mixtures)"

    def _table(self, descents: Mapping[tuple[str, str], Descent]) -> str:
        names = list(next(iter(descents.values())).values)
        rows = [
            [start, mixture, *(f"{each[0]:.2f} to {each[-1]:.2f}" for each in (self.errors[start, mixture], *values))]
            for (start, mixture), descent in descents.items()
            for values in [descent.values.values()]
        ]
        said = f"From the first to the last of {self.steps[-1]} steps; errors in tokens."
        return table(said, ["map", "losses", "error", *names], rows)


def _check(
    descents: Mapping[tuple[str, str], Descent], starts: list[str], mixtures: list[str], mask: Float[Tensor, "1 h w"]
) -> None:
    if missing := [f"{a}, {b}" for a in starts for b in mixtures if (a, b) not in descents] or not descents:
        raise ValueError(f"expected a descent for each map and mixture, missing: {missing if descents else 'all'}")
    if len(kept := {descent.steps for descent in descents.values()}) != 1:
        raise ValueError(f"descents are kept at different steps: {sorted(kept)}")
    grids = {tuple(record.query_grid) for descent in descents.values() for record in descent.records}
    if grids != {tuple(mask.shape[1:])}:
        raise ValueError(f"maps have the lattices {sorted(grids)}: expected {tuple(mask.shape[1:])}, the mask's")


def _error(record: AttentionRecord, truth: Tensor, mask: Tensor) -> float:
    """The mean error of the centres inside, in tokens."""
    found = expected_coordinates(record)
    return float(end_point_error(found, truth[None], mask[None], lattice=record.key_grid).nanmean())


def _reading(record: AttentionRecord, garment: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """The centres inside, and the colours that they copy."""
    colours = resize_image(garment[None], *record.key_grid).flatten(2).mT[:, None]
    copied = record.read(colours).mean(1).unflatten(1, record.query_grid)
    return expected_coordinates(record)[0][inside], copied[0][inside]


def _patches(image: Tensor, inside: Tensor) -> Float[Tensor, "n 3"]:
    return resize_image(image[None], *inside.shape)[0].movedim(0, -1)[inside]


def _bytes(values: Tensor) -> str:
    """Numbers in [-1, 1] in one byte each."""
    codes = ((values.detach().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return base64.b64encode(codes.contiguous().cpu().numpy().tobytes()).decode()
