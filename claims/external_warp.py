"""What a wrong warp costs a generator that is given the garment ready warped: VITON-HD's third stage, as shipped."""

from __future__ import annotations

import math

import torch

from vtonlib import checkpoints
from vtonlib.evaluation import end_point_error, ssim
from vtonlib.evaluation.fabrics import COLOUR, GARMENT_SSIM, garment_scores
from vtonlib.experiment import try_on
from vtonlib.pipelines.alias import warp_garment

NAME, PEOPLE = "alias-tiny", 64
OFF = (0, 2, 4, 8)
"""Pixels of 64x48 by which the true places are missed, each person in another direction."""


def measure(seed: int) -> dict[str, float]:
    """Unpaired test people in garments laid straight, as the stages were trained; a seed is other people.

    With the stages' own spline (``spline``), with the true flow, with it missed by so many pixels everywhere
    (``off_D``), and with no garment at all, mid grey (``none``): ``_ssim`` is masked SSIM, ``_garment`` the SSIM inside
    the garment, ``_colour`` the error of its local mean colour. ``_pasted`` is the SSIM inside of the warped garment
    itself in the true person: of a perfect painter. ``spline_cost`` and ``spline_pasted_cost`` are what the spline
    loses of the SSIM inside against the true flow; ``kept_ssim``, ``kept_pasted`` and ``kept_colour`` the shares that
    four pixels off leave of what a garment is worth over none.
    """
    pipeline, world = checkpoints.load(NAME), checkpoints.source(NAME)
    pipeline.set_progress_bar_config(disable=True)
    batch = world.unpaired("test", torch.arange(seed * PEOPLE, (seed + 1) * PEOPLE))
    angle = torch.rand(PEOPLE, 1, 1, generator=torch.Generator().manual_seed(seed)) * 2 * math.pi
    step = torch.stack((angle.cos() * 2 / (batch.size[1] - 1), angle.sin() * 2 / (batch.size[0] - 1)), dim=-1)
    corner = torch.full_like(batch.flow, -1.0)  # where no garment lies in its picture
    worn = (batch.flow_mask > 0).movedim(1, -1)
    own = try_on(pipeline, batch)
    flows = {"spline": own.flows["geometric matching"], "none": corner}
    flows |= {f"off_{d}": torch.where(worn, batch.flow + d * step, corner) for d in OFF}
    off = end_point_error(flows["spline"], batch.flow, batch.flow_mask, lattice=batch.size)
    found = {"spline_error": float(off.nanmean())}
    for name, flow in flows.items():
        instead = pipeline.matcher.register_forward_hook(lambda *_, flow=flow: flow)
        image = own.image if name == "spline" else try_on(pipeline, batch).image
        instead.remove()
        warped = warp_garment(batch.garment, batch.garment_mask, flow)[0]
        pasted = garment_scores(torch.lerp(batch.person, warped, batch.garment_region), batch)
        painted = garment_scores(image, batch)
        found[f"{name}_ssim"] = float(ssim(image, batch.person, batch.agnostic_mask).nanmean())
        found[f"{name}_garment"] = float(painted[GARMENT_SSIM].nanmean())
        found[f"{name}_colour"] = float(painted[COLOUR].nanmean())
        found[f"{name}_pasted"] = float(pasted[GARMENT_SSIM].nanmean())
    found["spline_cost"] = found["off_0_garment"] - found["spline_garment"]
    found["spline_pasted_cost"] = found["off_0_pasted"] - found["spline_pasted"]
    for kept, score in (("kept_ssim", "garment"), ("kept_pasted", "pasted"), ("kept_colour", "colour")):
        four, none, true = (found[f"{name}_{score}"] for name in ("off_4", "none", "off_0"))
        found[kept] = (four - none) / (true - none)
    return found
