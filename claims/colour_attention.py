"""Attention by colour against one constant place, for garments whose colour changes steadily and for repeating ones."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.textures import TEXTURES
from vtonlib.data.world import World
from vtonlib.evaluation import end_point_error
from vtonlib.grids import coordinate_grid, resize_flow, resize_image

EXAMPLES = 240
LATTICE = (16, 12)
WIDTH = 0.2
REPEATING = ("stripes", "checks", "dots")


def measure(seed: int) -> dict[str, float]:
    """Gain in pixels of 64x48 over the mean of each example's true places; above 0, colour tells something."""
    batch = World(DataConfig(seed=seed)).paired("test", torch.arange(EXAMPLES))
    texture = World(DataConfig(seed=seed)).scenes("test", torch.arange(EXAMPLES)).garment.texture
    person, cloth, inside = (
        resize_image(x, *LATTICE).flatten(2).mT for x in (batch.person, batch.garment, batch.garment_mask)
    )
    logits = -torch.cdist(person, cloth).square() / (2 * WIDTH**2) - 50 * (1 - inside.mT)
    flow = (logits.softmax(-1) @ coordinate_grid(*LATTICE).flatten(0, 1)).unflatten(1, LATTICE)
    known = batch.flow_mask.movedim(1, -1)
    place = ((batch.flow * known).sum((1, 2)) / known.sum((1, 2)))[:, None, None].expand_as(batch.flow)

    def errors(flow: Tensor) -> Tensor:
        return end_point_error(flow, batch.flow, batch.flow_mask, lattice=batch.size)

    gain = errors(place) - errors(resize_flow(flow, *batch.size))
    names = list(TEXTURES)

    def mean_of(*kinds: str) -> float:
        chosen = torch.isin(texture, torch.tensor([names.index(kind) for kind in kinds]))
        return float(gain[chosen].nanmean())

    return {"gradient": mean_of("gradient"), "repeating": mean_of(*REPEATING)}
