"""Does colour alone find the correspondence? A matcher that even sees the colours of the true picture."""

from __future__ import annotations

import torch

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.evaluation import end_point_error, image_scores
from vtonlib.evaluation.baselines import flip_flow, nearest_colour_flow, paste, uniform_flow
from vtonlib.grids import masked_mean_per_sample

EXAMPLES = 48


def measure(seed: int) -> dict[str, float]:
    """Errors in pixels of 64x48 images, and the likeness of what is painted, over the first test examples."""
    batch = World(DataConfig(seed=seed)).paired("test", torch.arange(EXAMPLES))
    nearest, flip = nearest_colour_flow(batch), flip_flow(batch)
    place = torch.stack(
        [masked_mean_per_sample(batch.flow[None, ..., i].transpose(0, 1), batch.flow_mask) for i in range(2)], dim=-1
    )

    def error(flow: torch.Tensor) -> float:
        return float(end_point_error(flow, batch.flow, batch.flow_mask, lattice=batch.size).nanmean())

    def likeness(flow: torch.Tensor, region: torch.Tensor) -> float:
        return float(image_scores(paste(batch, flow, region), batch)["masked SSIM"].nanmean())

    epe, chance = error(nearest), error(uniform_flow(batch))
    return {
        "epe": epe,
        "chance": chance,
        "ratio": epe / chance,
        "one_place": error(place[:, None, None].expand_as(batch.flow)),
        "ssim": likeness(nearest, batch.agnostic_mask),
        "flip_ssim": likeness(flip, batch.flow_mask),
    }
