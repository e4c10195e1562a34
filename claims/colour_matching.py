"""A matcher by nearest colour: how far from the truth it points, and how like the truth it paints."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.render import paint
from vtonlib.data.textures import TEXTURES
from vtonlib.data.world import World
from vtonlib.evaluation import end_point_error, pck, ssim
from vtonlib.evaluation.baselines import flip_flow, nearest_colour_flow, random_pixel_flow, uniform_flow
from vtonlib.evaluation.evaluate import PCK_SHARE
from vtonlib.grids import warp

EXAMPLES = 48
REPEATING = ("stripes", "checks", "dots")


def measure(seed: int) -> dict[str, float]:
    """Errors in pixels of 64x48, and likeness to the person where the garment is, over the first test examples.

    ``epe`` and ``random`` are of matchers that name one pixel, ``chance`` is of the garment's centre; ``gradient`` and
    ``repeating`` are ``epe / random`` on garments whose colour changes steadily and on those with repeating patterns.
    """
    scenes = World(DataConfig(seed=seed)).scenes("test", torch.arange(EXAMPLES))
    picture = paint(scenes, 64, 48)
    batch = picture.batch
    nearest, anywhere = nearest_colour_flow(batch), random_pixel_flow(batch)
    truth = batch.flow, batch.flow_mask

    def errors(flow: Tensor) -> Tensor:
        return end_point_error(flow, *truth, lattice=batch.size)

    def near(flow: Tensor) -> float:
        return float(pck(flow, *truth, [PCK_SHARE * max(batch.size)], lattice=batch.size).nanmean())

    def likeness(flow: Tensor, light: Tensor | float = 1.0) -> float:
        read = (warp(batch.garment, flow) + 1) * light - 1
        return float(ssim(torch.lerp(batch.person, read, batch.flow_mask), batch.person, batch.flow_mask).nanmean())

    by_colour, by_lot = errors(nearest), errors(anywhere)

    def ratio(*kinds: str) -> float:
        numbers = torch.tensor([list(TEXTURES).index(kind) for kind in kinds or TEXTURES])
        chosen = torch.isin(scenes.garment.texture, numbers)
        return float(by_colour[chosen].nanmean() / by_lot[chosen].nanmean())

    likenesses = {
        "ssim": likeness(nearest),
        "truth_ssim": likeness(batch.flow),
        "shaded_ssim": likeness(batch.flow, picture.shading),
        "flip_ssim": likeness(flip_flow(batch)),
    }
    return {
        "epe": float(by_colour.nanmean()),
        "random": float(by_lot.nanmean()),
        "chance": float(errors(uniform_flow(batch)).nanmean()),
        "ratio": ratio(),
        "gradient": ratio("gradient"),
        "repeating": ratio(*REPEATING),
        "pck": near(nearest),
        "random_pck": near(anywhere),
        **likenesses,
        "margin": likenesses["ssim"] - likenesses["truth_ssim"],
    }
