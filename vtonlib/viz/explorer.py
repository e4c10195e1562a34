"""An attention to explore: choose a patch of the person and see where in the garment it looks."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import Grid
from vtonlib.grids import to_pixels
from vtonlib.viz.element import BUDGET, ElementFigure, element, picture, table
from vtonlib.viz.frame import Frame, Reading, encode_logits, read_row
from vtonlib.viz.patches import Patches, Telling

REMEDY = 'give fewer frames, heads="mean" or fewer heads, masked_only=True, or a coarser lattice'


class AttentionExplorer(ElementFigure):
    """Click, or go by arrow keys, through the person's patches: the garment shows the attention of the chosen one,
    its expected key, the truth, and its entropy; head, layer, training step and temperature can be chosen.

    Where the truth is known, the reader is asked first where on the garment a patch comes from, then sees the answer;
    the page keeps the score, and one click skips the question. A patch whose truth is not known says why.

    The garment keeps its own colours: it fades where no weight is, and lines go around the smallest sets of tokens
    that hold half and nine tenths of the weight.

    Layers may have different lattices. A patch's true place is the mean over its known pixels
    (:func:`vtonlib.viz.patches.truth_on_patches`). The entropy is that of the shown map: for the mean over heads it is
    the entropy of the mean map, which is never smaller than the mean of the heads' entropies.

    Args:
        person: image in [-1, 1] behind the queries.
        garment: image in [-1, 1] behind the keys.
        frames: the attentions to choose from; the last step of the first layer is shown first.
        truth: true flow [h w 2], at any resolution, or None where it is not known.
        mask: where the truth is known, 1 = known; by default everywhere.
        region: where the garment is worn, 1 = garment, of the truth's size; patches without a truth then say whether
            they are no part of it, or hidden.
        telling: patches offered by buttons, for instance those of :func:`vtonlib.viz.patches.telling_patches`.
        ask: ask the reader first, where the truth is known.
        choice: what the layers are, as the page calls the choice among them, such as "kind of answer".
        caption: what the figure shows.
        person_alt: text in place of the person's image.
        garment_alt: text in place of the garment's image.
        start: (row, column) of the patch that is shown first, on the first layer's lattice.
        masked_only: keep only the patches whose truth is known, which saves room in the page.
        budget: bytes that the figure may add to a page.

    Raises:
        ValueError: for no frames, two frames of one layer and step, a mask or region without a truth, a mask that
            leaves no patch to show, a telling patch outside the lattice or of no layer, or a figure over the budget.

    Book: sec-explorer.
    """

    script = Path(__file__).with_name("attention.js")
    _parts = ("canvas.js",)

    def __init__(
        self,
        person: Float[Tensor, "3 h w"],
        garment: Float[Tensor, "3 H W"],
        frames: Sequence[Frame],
        *,
        truth: Float[Tensor, "h w 2"] | None = None,
        mask: Float[Tensor, "1 h w"] | None = None,
        region: Float[Tensor, "1 h w"] | None = None,
        telling: Sequence[Telling] = (),
        ask: bool = True,
        choice: str = "layer",
        caption: str = "",
        person_alt: str = "The person",
        garment_alt: str = "The garment",
        start: tuple[int, int] | None = None,
        masked_only: bool = False,
        budget: int = BUDGET,
    ) -> None:
        _check(person, garment, frames)
        _check_truth(truth, mask, region, masked_only)
        self._lattices = {g: Patches.of(g, truth, mask, region) for g in {f.record.query_grid for f in frames}}
        first = max((f for f in frames if f.name == frames[0].name), key=lambda f: -1 if f.step is None else f.step)
        lattice = self._lattices[first.record.query_grid]
        row, column = lattice.first(start, masked_only)
        _check_telling(telling, frames, first.record.query_grid)
        names = [frame.name for frame in frames]
        ordered = sorted(frames, key=lambda f: (names.index(f.name), -1 if f.step is None else f.step))
        self.data: dict[str, Any] = {
            "frames": [self._frame(frame, masked_only) for frame in ordered],
            "grids": {f"{g.height}x{g.width}": lat.data() for g, lat in self._lattices.items()},
            "masked": masked_only,
            "start": {"row": row, "column": column},
            "telling": [asdict(patch) for patch in telling],
            "ask": ask and truth is not None,
            "choice": choice,
        }
        shown = picture(person, person_alt) + picture(garment, garment_alt) + _numbers(first, lattice)
        self.markup = element("vton-attention", self.data, shown, caption)
        self.within(budget, REMEDY)

    def __repr__(self) -> str:
        return f"AttentionExplorer({len(self.data['frames'])} frames)"

    def _frame(self, frame: Frame, masked_only: bool) -> dict[str, Any]:
        record = frame.record
        rows = self._lattices[record.query_grid].known.flatten() if masked_only else slice(None)
        heads = [
            {"name": name, "map": base64.b64encode(encode_logits(logs[rows]).cpu().numpy().tobytes()).decode()}
            for name, logs in frame.logs().items()
        ]
        return {
            "layer": frame.name,
            "step": frame.step,
            "query": list(record.query_grid),
            "key": list(record.key_grid),
            "heads": heads,
            "mean": frame.offers_mean(),
        }


def _check(person: Tensor, garment: Tensor, frames: Sequence[Frame]) -> None:
    for name, image in (("person", person), ("garment", garment)):
        if image.dim() != 3 or len(image) != 3:
            raise ValueError(f"{name} is {tuple(image.shape)}, expected (3, height, width)")
    if not frames:
        raise ValueError("frames is empty: expected at least one Frame")
    keys = [(frame.name, frame.step) for frame in frames]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise ValueError(f"two frames have layer '{twice[0][0]}' and step {twice[0][1]}: expected one")
    layers = [name for name, _ in keys]
    if unnumbered := [name for name, step in keys if step is None and layers.count(name) > 1]:
        raise ValueError(f"layer '{unnumbered[0]}' has several frames, but not all have a step: give each one")


def _check_truth(truth: Tensor | None, mask: Tensor | None, region: Tensor | None, masked_only: bool) -> None:
    if truth is None and (mask is not None or region is not None or masked_only):
        raise ValueError("mask, region and masked_only speak of where the truth is known: expected a truth too")
    for name, given in (("mask", mask), ("region", region)):
        if truth is not None and given is not None and given.shape != (1, *truth.shape[:2]):
            expected = (1, *truth.shape[:2])
            raise ValueError(f"{name} is {tuple(given.shape)}, expected {expected}, the lattice of the truth")


def _check_telling(telling: Sequence[Telling], frames: Sequence[Frame], grid: Grid) -> None:
    layers = {frame.name for frame in frames}
    for patch in telling:
        if not (0 <= patch.row < grid.height and 0 <= patch.column < grid.width):
            lattice = f"{grid.height}x{grid.width}"
            raise ValueError(f"telling: {patch}, expected a patch of the first layer's lattice {lattice}")
        if patch.layer and patch.layer not in layers:
            raise ValueError(f"telling: {patch}, expected one of the layers {', '.join(sorted(layers))}")


def _numbers(frame: Frame, lattice: Patches) -> str:
    """The table of numbers for the frame that is shown first, at temperature 1, for pages without scripts."""
    query, key = frame.record.query_grid, frame.record.key_grid
    weights = torch.stack([logs.exp() for logs in frame.logs().values()])
    shown = weights.mean(0) if frame.offers_mean() else weights[0]
    rows = []
    for row, column in lattice.listed:
        reading = read_row(shown[row * query.width + column].cpu(), key)
        cells = [f"{row}, {column}", f"{reading.row:.1f}, {reading.column:.1f}"]
        if lattice.truth is not None:
            cells += _truth_cells(reading, lattice, row, column, key)
        rows.append([*cells, f"{reading.entropy:.2f}", f"{100 * reading.share:.0f} %"])
    known = ["truth", "error (tokens)"] if lattice.truth is not None else []
    head = ["patch", "centre", *known, "entropy (nats)", "of its maximum"]
    return table("Temperature 1. Positions are (row, column), counted from 0.", head, rows)


def _truth_cells(reading: Reading, lattice: Patches, row: int, column: int, key: Grid) -> list[str]:
    if lattice.truth is None or not lattice.known[row, column]:
        return ["not known", "-"]
    x, y = to_pixels(lattice.truth[row, column] + 1, *key).tolist()
    error = math.hypot(x - reading.column, y - reading.row)
    return [f"{y:.1f}, {x:.1f}", f"{error:.1f}"]
