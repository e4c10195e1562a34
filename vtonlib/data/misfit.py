"""The imperfect warp that older try-on methods start from: a thin-plate spline through a few points, with errors."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.body import arm_bones
from vtonlib.data.figure import COLLAR, LEVELS, Figure
from vtonlib.data.frame import canvas_scale, interpolate
from vtonlib.data.garment import WAISTBAND, Flat, panel_knots
from vtonlib.data.parameters import LOWER, Garment
from vtonlib.data.random import draw, keys
from vtonlib.data.scene import Scene
from vtonlib.grids import warp
from vtonlib.thin_plate import fit_thin_plate, thin_plate_flow

ROWS = 5
STIFFNESS = 0.03
LATTICE = (13, 10)
"""Where the spline is evaluated; in between it is interpolated."""


def panel_points(figure: Figure, garment: Garment, flat: Flat) -> tuple[Tensor, Tensor]:
    """A lattice of points [b n 2] of the panel, on the person and on the mannequin."""
    top = torch.where(garment.category == LOWER, WAISTBAND, LEVELS[COLLAR] + 0.07)
    share = torch.linspace(0, 1, ROWS, device=top.device)
    level = torch.lerp(top[:, None], garment.hem.clamp_max(1.1)[:, None], share)[:, None, :, None]
    worn = panel_knots(figure, garment)[:, :1]
    values = torch.cat((figure.levels[:, None], figure.centre[:, None], worn, flat.knots[:, :1]), 1)
    y, centre, half, flat_half = interpolate(flat.figure.levels, values, level).unbind(1)
    u = torch.tensor([-1.0, 0.0, 1.0], device=top.device)
    person = torch.stack((centre + half * u, y.expand(-1, -1, 3)), -1)
    flat_points = torch.stack((flat_half * u, level[:, 0].expand(-1, -1, 3)), -1)
    return person.flatten(1, 2), flat_points.flatten(1, 2)


def arm_points(figure: Figure, garment: Garment, flat: Flat) -> tuple[Tensor, Tensor]:
    """Points [b 4 2] half way along and at the end of both sleeves (of the bare upper arm, if there are none)."""

    def along(who: Figure, v: Tensor) -> Tensor:
        bones = arm_bones(who)
        upper = who.shoulder + bones.upper * (bones.upper_length * v.clamp(0, 1)[:, None])[..., None]
        return upper + bones.lower * (bones.lower_length * (v - 1).clamp(0, 1)[:, None])[..., None]

    end = torch.where(garment.sleeve > 0, garment.sleeve, 0.6)
    both = [torch.cat([along(who, end * share) for share in (0.55, 1.0)], 1) for who in (figure, flat.figure)]
    return both[0], both[1]


def misfit(
    scenes: Scene, figure: Figure, flat: Flat, image: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]
) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b 1 h w"]]:
    """The garment (colours in [0, 1]) warped onto the person, mid grey around it, and the mask of what it covers.

    A spline bends, it does not fold: sleeves that hang otherwise than they lay, and all errors of its points, show.
    """
    height, width = image.shape[-2:]
    scale = canvas_scale(height, width, image)
    pairs = panel_points(figure, scenes.garment, flat), arm_points(figure, scenes.garment, flat)
    person, place = (torch.cat(points, 1) for points in zip(*pairs, strict=True))
    person = (person * scenes.pose.zoom[:, None, None] + scenes.pose.shift[:, None]) * scale
    x, y = place[:, None, None].unbind(-1)
    place = flat.camera.project(x, y, torch.ones_like(scale))[:, 0] * scale
    key = keys(scenes.garment.identity * 1_000_003 + scenes.body.identity, 0, "misfit")
    jitter = draw(key, {str(i): (-0.05, 0.05) for i in range(2 * person.shape[1])})
    offset = draw(key, {"x": (-0.06, 0.06), "y": (-0.06, 0.06)})
    error = torch.stack(list(jitter.values()), 1).view_as(place) + torch.stack(list(offset.values()), 1)[:, None]
    error = error * scenes.garment.laid.zoom[:, None, None]  # a smaller picture of the garment: smaller errors in it
    plate = fit_thin_plate(person, place + error, stiffness=STIFFNESS)
    read = warp(torch.cat((image, mask), 1), thin_plate_flow(plate, height, width, lattice=LATTICE))
    covered = (read[:, 3:] > 0.5).to(image.dtype)
    return torch.lerp(torch.full_like(image, 0.5), read[:, :3], covered), covered
