"""Chosen patches: as figures, and as an explorer in which the reader guesses first where they lie."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from torch import Tensor

from vtonlib.attention import Grid
from vtonlib.grids import resize_mask, resize_nearest
from vtonlib.viz.element import ElementFigure, element, table
from vtonlib.viz.figures import PALETTE, _picture, _pixels, _subplots

BUDGET = 200_000
"""Bytes that one explorer may add to a page."""
SHARES = (1 / 48, 1 / 24, 1 / 12, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1.0)
"""Shares of the patches that the slider offers."""
QUARTER = SHARES.index(1 / 4)
CLEAR = 0.2
"""A share on the garment within this part of chance is about chance."""
SURE = 1e-6
"""Nats below which an entropy counts as 0."""
HEAD = ["picture", "features", "attention to", "by chance", "on the garment", "of the garment", "entropy near 0"]
"""Columns of the explorer's table."""


def on_garment(region: Float[Tensor, "b 1 H W"], grid: Grid) -> Float[Tensor, "b n"]:
    """1 for the patches of a lattice of which the garment covers at least half, row by row.

    Book: sec-query-selection.
    """
    return (resize_mask(region, *grid) >= 0.5).to(region.dtype).flatten(1)


def chosen_figure(
    images: Float[Tensor, "p 3 H W"], chosen: Mapping[str, Int[Tensor, "p _"]], grid: Grid, *, width: float = 1.15
) -> Figure:
    """One row for each image: the image, then for each name the image with all but the chosen patches made pale.

    Raises:
        ValueError: where names have other numbers of images, or patches that are not on the lattice.

    Book: sec-query-selection.
    """
    for name, ids in chosen.items():
        if len(ids) != len(images):
            raise ValueError(f"'{name}' has patches of {len(ids)} images: expected {len(images)}")
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < grid.tokens:
            raise ValueError(f"'{name}' has patches up to {int(ids.max())}: expected 0 to {grid.tokens - 1}")
    height, columns = images.shape[-2] / images.shape[-1], len(chosen) + 1
    figure, axes = _subplots(len(images), columns, width * columns, width * height * len(images) + 0.25)
    for i, image in enumerate(images):
        _picture(axes[i, 0], _pixels(image), "the picture" if i == 0 else "")
        for j, (name, ids) in enumerate(chosen.items(), start=1):
            kept = torch.zeros(grid.tokens).index_fill_(0, ids[i], 1).view(1, 1, *grid)
            kept = resize_nearest(kept, *image.shape[-2:])[0]
            pale = 0.25 * image.mean(0, keepdim=True).expand_as(image) + 0.45
            _picture(axes[i, j], _pixels(torch.where(kept > 0, image, pale)), name if i == 0 else "")
            _frame(axes[i, j], ids[i], grid, image.shape[-2:])
    return figure


def _frame(axes: Any, ids: Tensor, grid: Grid, size: Sequence[int]) -> None:
    """A thin line around every chosen patch."""
    tall, wide = size[0] / grid.height, size[1] / grid.width
    for row, column in (divmod(number, grid.width) for number in ids.tolist()):
        x, y = column * wide - 0.5, row * tall - 0.5
        outline = [(x, y), (x + wide, y), (x + wide, y + tall), (x, y + tall), (x, y)]
        axes.plot(*zip(*outline, strict=True), color=PALETTE[1], linewidth=0.6)


class SelectionExplorer(ElementFigure):
    """Choose a picture, features and a rule, guess how many of the chosen patches lie on the garment, then look; after
    that the number of patches can be changed.

    The page shows the picture, the entropy of every patch, the chosen ones, the share of these on the garment beside
    chance, how much of the garment they are, and how many rows have no entropy at all. Without scripts a table tells
    what is chosen at a quarter of the patches.

    Args:
        images: pictures in [-1, 1].
        names: what they are called.
        regions: where the garment is, 1 = inside.
        entropies: by the names of features and rule, the entropy of every patch of every picture; features have one
            lattice for all rules.
        caption: what the figure shows.
        budget: bytes that the figure may add to a page.

    Raises:
        ValueError: for no entropies, names or regions of other numbers of pictures, rules that are missing for some
            features, lattices that differ, or a figure over the budget.

    Book: sec-query-selection.
    """

    script = Path(__file__).with_name("selection.js")
    _parts = ("rows.js", "canvas.js", "slider.js")

    def __init__(
        self,
        images: Float[Tensor, "p 3 H W"],
        names: Sequence[str],
        regions: Float[Tensor, "p 1 H W"],
        entropies: Mapping[tuple[str, str], Float[Tensor, "p h w"]],
        *,
        caption: str = "",
        budget: int = BUDGET,
    ) -> None:
        self.layers, self.rules = (list(dict.fromkeys(key[k] for key in entropies)) for k in (0, 1))
        _check(names, images, regions, entropies)
        sizes = [Grid(*entropies[layer, self.rules[0]].shape[1:]) for layer in self.layers]
        masks = [on_garment(regions, size) for size in sizes]
        self.precision: dict[tuple[str, str, str], float] = {}
        frames, rows = {}, []
        for layer, mask in zip(self.layers, masks, strict=True):
            for rule in self.rules:
                for name, entropy, inside in zip(names, entropies[layer, rule].flatten(1), mask, strict=True):
                    frames[f"{name}|{layer}|{rule}"], shares = _scored(entropy, inside)
                    self.precision[name, layer, rule] = shares[1]
                    rows.append([name, layer, rule, *(f"{100 * share:.0f} %" for share in shares)])
        data: dict[str, Any] = {
            "pictures": list(names),
            "layers": self.layers,
            "rules": self.rules,
            "shares": SHARES,
            "quarter": QUARTER,
            "size": list(images.shape[-2:]),
            "sizes": [list(size) for size in sizes],
            "images": [_base64(_coded(image)) for image in images],
            "garments": [[_base64(mask[i].to(torch.uint8)) for mask in masks] for i in range(len(images))],
            "frames": frames,
        }
        said = "Of the quarter of the patches whose entropy is lowest."
        self.markup = element("vton-selection", data, table(said, HEAD, rows), caption)
        self.within(budget, "give fewer pictures, features or rules")

    def __repr__(self) -> str:
        return f"SelectionExplorer({len(self.precision)} choices)"


def _scored(entropy: Float[Tensor, " n"], inside: Float[Tensor, " n"]) -> tuple[dict[str, Any], list[float]]:
    """What the page needs of one map of entropies; and by chance, on the garment, of the garment, without entropy."""
    order = entropy.argsort(stable=True)
    chosen = inside[order[: max(1, round(len(order) / 4))]]
    chance, found = float(inside.mean()), float(chosen.mean())
    recall, zero = float(chosen.sum() / inside.sum().clamp_min(1)), float((entropy < SURE).float().mean())
    frame = {
        "order": _base64(order.to(torch.int16)),
        "entropy": _base64((255 * entropy / entropy.max().clamp_min(SURE)).round().to(torch.uint8)),
        "zero": round(zero, 3),
        "answer": _answer(found, chance),
    }
    return frame, [chance, found, recall, zero]


def _check(
    names: Sequence[str], images: Tensor, regions: Tensor, entropies: Mapping[tuple[str, str], Float[Tensor, "p h w"]]
) -> None:
    if not entropies:
        raise ValueError("there are no entropies: expected one for each kind of features and each rule")
    counts = {"names": len(names), "regions": len(regions)} | {", ".join(k): len(e) for k, e in entropies.items()}
    for what, count in counts.items():
        if count != len(images):
            raise ValueError(f"{what}: found {count}, expected {len(images)}, as there are pictures")
    layers, rules = (dict.fromkeys(key[k] for key in entropies) for k in (0, 1))
    if missing := [f"{layer}, {rule}" for layer in layers for rule in rules if (layer, rule) not in entropies]:
        raise ValueError(f"entropies are missing: {missing}")
    for layer in layers:
        if len(sizes := {tuple(entropies[layer, rule].shape[1:]) for rule in rules}) > 1:
            raise ValueError(f"'{layer}' has the lattices {sorted(sizes)}: expected one")


def _answer(found: float, chance: float) -> str:
    if found > (1 + CLEAR) * chance:
        return "more"
    return "fewer" if found < (1 - CLEAR) * chance else "alike"


def _coded(image: Tensor) -> Tensor:
    """[-1, 1] as bytes, row by row, colours fastest."""
    return ((image.detach().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).movedim(0, -1)


def _base64(values: Tensor) -> str:
    return base64.b64encode(values.contiguous().cpu().numpy().tobytes()).decode()
