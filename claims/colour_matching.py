"""A matcher by nearest colour: how far from the truth it looks, and how like the truth it paints."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.evaluation import end_point_error, ssim
from vtonlib.evaluation.baselines import flip_flow, nearest_colour_flow, uniform_flow
from vtonlib.grids import warp

EXAMPLES = 48


def measure(seed: int) -> dict[str, float]:
    """Errors in pixels of 64x48, and likeness to the person where the garment is, over the first test examples."""
    batch = World(DataConfig(seed=seed)).paired("test", torch.arange(EXAMPLES))
    nearest = nearest_colour_flow(batch)

    def error(flow: Tensor) -> float:
        return float(end_point_error(flow, batch.flow, batch.flow_mask, lattice=batch.size).nanmean())

    def likeness(flow: Tensor) -> float:
        painted = torch.lerp(batch.person, warp(batch.garment, flow), batch.flow_mask)
        return float(ssim(painted, batch.person, batch.flow_mask).nanmean())

    epe, chance = error(nearest), error(uniform_flow(batch))
    likenesses = {
        "ssim": likeness(nearest),
        "truth_ssim": likeness(batch.flow),
        "flip_ssim": likeness(flip_flow(batch)),
    }
    return {
        "epe": epe,
        "chance": chance,
        "ratio": epe / chance,
        **likenesses,
        "margin": likenesses["ssim"] - likenesses["truth_ssim"],
    }
