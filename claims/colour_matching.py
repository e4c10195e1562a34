"""A matcher by nearest colour: how far from the truth it points, and how like the truth it paints."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.render import paint
from vtonlib.data.world import World
from vtonlib.evaluation import end_point_error, ssim
from vtonlib.evaluation.baselines import flip_flow, nearest_colour_flow, random_pixel_flow, uniform_flow
from vtonlib.grids import warp

EXAMPLES = 48


def measure(seed: int) -> dict[str, float]:
    """Errors in pixels of 64x48, and likeness to the person where the garment is, over the first test examples.

    ``epe`` and ``random`` are of matchers that name one pixel, ``chance`` is of the garment's centre.
    """
    picture = paint(World(DataConfig(seed=seed)).scenes("test", torch.arange(EXAMPLES)), 64, 48)
    batch = picture.batch
    nearest = nearest_colour_flow(batch)

    def error(flow: Tensor) -> float:
        return float(end_point_error(flow, batch.flow, batch.flow_mask, lattice=batch.size).nanmean())

    def likeness(flow: Tensor, light: Tensor | float = 1.0) -> float:
        read = (warp(batch.garment, flow) + 1) * light - 1
        return float(ssim(torch.lerp(batch.person, read, batch.flow_mask), batch.person, batch.flow_mask).nanmean())

    epe, random = error(nearest), error(random_pixel_flow(batch))
    likenesses = {
        "ssim": likeness(nearest),
        "truth_ssim": likeness(batch.flow),
        "shaded_ssim": likeness(batch.flow, picture.shading),
        "flip_ssim": likeness(flip_flow(batch)),
    }
    return {
        "epe": epe,
        "random": random,
        "chance": error(uniform_flow(batch)),
        "ratio": epe / random,
        **likenesses,
        "margin": likenesses["ssim"] - likenesses["truth_ssim"],
    }
