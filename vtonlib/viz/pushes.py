"""Which way every patch's look is pushed, as arrows on the person. Book: sec-what-teaches."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from matplotlib.figure import Figure
from torch import Tensor

from vtonlib.grids import coordinate_grid, to_pixels
from vtonlib.viz.figures import PALETTE, _picture, _pixels, _subplots

NEARER, AWAY = PALETTE[0], PALETTE[1]


def push_figure(
    person: Float[Tensor, "3 H W"],
    pushes: Mapping[str, Float[Tensor, "h w 2"]],
    toward: Float[Tensor, "h w 2"],
    known: Bool[Tensor, "h w"],
    *,
    width: float = 2.2,
) -> Figure:
    """One panel for each kind of push: the arrow's direction at every patch whose true place is known.

    Thick and blue where it leads nearer to the true place (``toward``, from the look's centre, in tokens), thin and
    orange where it does not. All arrows are equally long.
    """
    height, across = person.shape[-2:]
    figure, axes = _subplots(1, len(pushes), width * len(pushes), width * height / across + 0.3)
    lattice = known.shape
    at = (to_pixels(coordinate_grid(*lattice) + 1, height, across))[known]
    pale = torch.lerp(person, torch.ones_like(person), 0.65)
    for one, (name, push) in zip(axes[0], pushes.items(), strict=True):
        _picture(one, _pixels(pale), name)
        way = torch.nn.functional.normalize(push, dim=-1)[known]
        nearer = (push * toward).sum(-1)[known] > 0
        for chosen, colour, thick in ((nearer, NEARER, 0.013), (~nearer, AWAY, 0.006)):
            (x, y), (dx, dy) = at[chosen].T.numpy(), way[chosen].T.numpy()
            one.quiver(*(x, y, dx, dy), color=colour, angles="xy", pivot="mid", scale=1.1 * lattice[1], width=thick)
    return figure
