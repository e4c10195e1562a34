"""What a wrong warp costs a generator that is given the garment ready warped: VITON-HD's third stage, as shipped."""

from __future__ import annotations

import math

import torch

from vtonlib import checkpoints
from vtonlib.evaluation import end_point_error, ssim
from vtonlib.evaluation.fabrics import GARMENT_SSIM, garment_scores
from vtonlib.experiment import try_on

NAME, PEOPLE = "alias-tiny", 64
OFF = (0, 2, 4, 8)
"""Pixels of 64x48 by which the true places are missed, each person in another direction."""


def measure(seed: int) -> dict[str, float]:
    """Unpaired test people in garments laid straight, as the stages were trained; a seed is other people.

    ``_ssim`` is masked SSIM, ``_garment`` the SSIM inside the garment: with the stages' own spline, with the true
    flow, with it missed by so many pixels everywhere, and with no garment at all (mid grey). ``spline_cost`` is what
    the spline loses of the SSIM inside the garment, ``worth_left`` the share that four pixels off leave of what a
    garment is worth at all.
    """
    pipeline, world = checkpoints.load(NAME), checkpoints.source(NAME)
    pipeline.set_progress_bar_config(disable=True)
    batch = world.unpaired("test", torch.arange(seed * PEOPLE, (seed + 1) * PEOPLE))
    angle = torch.rand(PEOPLE, 1, 1, generator=torch.Generator().manual_seed(seed)) * 2 * math.pi
    step = torch.stack((angle.cos() * 2 / (batch.size[1] - 1), angle.sin() * 2 / (batch.size[0] - 1)), dim=-1)
    corner = torch.full_like(batch.flow, -1.0)  # where no garment lies in its picture
    worn = (batch.flow_mask > 0).movedim(1, -1)
    own = try_on(pipeline, batch)
    spline = own.flows["geometric matching"]
    pictures = {"spline": own.image}
    flows = {f"off_{d}": torch.where(worn, batch.flow + d * step, corner) for d in OFF} | {"none": corner}
    for name, flow in flows.items():
        instead = pipeline.matcher.register_forward_hook(lambda *_, flow=flow: flow)
        pictures[name] = try_on(pipeline, batch).image
        instead.remove()
    found = {"spline_error": float(end_point_error(spline, batch.flow, batch.flow_mask, lattice=batch.size).nanmean())}
    for name, image in pictures.items():
        found[f"{name}_ssim"] = float(ssim(image, batch.person, batch.agnostic_mask).nanmean())
        found[f"{name}_garment"] = float(garment_scores(image, batch)[GARMENT_SSIM].nanmean())
    found["spline_cost"] = found["off_0_garment"] - found["spline_garment"]
    found["worth_left"] = (found["off_4_garment"] - found["none_garment"]) / (
        found["off_0_garment"] - found["none_garment"]
    )
    return found
