"""Figures: the geometry of a body in a pose.

The trunk (neck, torso, legs) is described by knots at fixed places of the body, between which a centre line and half
widths run smoothly; an arm is a chain of two bones. The mannequin on which flat garments lie is just another figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.parameters import Body, Pose

CHIN, COLLAR, SHOULDER, CHEST, WAIST, HIP, CROTCH, THIGH, KNEE, CALF, ANKLE = range(11)
LEVELS = (-0.60, -0.44, -0.368, -0.19, 0.0, 0.2, 0.32, 0.55, 0.87, 1.12, 1.5)
"""Heights of the knots on the mannequin."""
OUTER = (0.060, 0.066, 0.192, 0.188, 0.152, 0.196, 0.204, 0.196, 0.17, 0.168, 0.14)
"""Outer half widths on the mannequin: of the neck, of the torso, of both legs together."""
INNER = (-1.0, -1.0, -1.0, -1.0, -0.6, -0.2, 0.0, 0.012, 0.03, 0.036, 0.05)
"""Half width of the gap between the legs; negative where there is none."""
WEIGHT = (0.5, 0.5, 0.45, 0.8, 1.35, 1.0, 1.0, 1.1, 0.8, 0.8, 0.6)
"""How much wider a heavy build makes each knot."""
HIPS = (-0.05, -0.06, -0.07, -0.04, -0.01, 0.07, 0.08, 0.06, 0.02, 0.02, 0.0)
"""How much wider broad hips make each knot."""
SPREAD = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.35, 1.0, 1.3, 1.8)
"""How far an open stance moves each knot of the legs."""
UPPER_ARM, FORE_ARM = 0.33, 0.30
ARM_RADII = (0.060, 0.046, 0.033)
"""At shoulder, elbow and wrist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Knots of the trunk and joints of the arms (side 0 is the image's right: the wearer's left)."""

    levels: Float[Tensor, "b k"]
    """Height (y) of each knot."""
    centre: Float[Tensor, "b k"]
    """x of the centre line at each knot."""
    outer: Float[Tensor, "b k"]
    """Half width at each knot."""
    inner: Float[Tensor, "b k"]
    """Half width of the gap between the legs at each knot; not positive where there is none."""
    shoulder: Float[Tensor, "b 2 2"]
    """Joints (x, y) by side."""
    elbow: Float[Tensor, "b 2 2"]
    """Joints (x, y) by side."""
    wrist: Float[Tensor, "b 2 2"]
    """Joints (x, y) by side."""
    radii: Float[Tensor, "b 3"]
    """Half widths of an arm at shoulder, elbow and wrist."""
    head: Float[Tensor, "b 4"]
    """Centre (x, y), half width, half height."""


def _knots(values: tuple[float, ...], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device).expand(len(like), -1).clone()


def _shoulders(centre: Tensor, levels: Tensor, outer: Tensor, slant: Tensor) -> Float[Tensor, "b 2 2"]:
    """Both joints, a little inside the shoulders' tips."""
    side = torch.tensor([1.0, -1.0], device=outer.device)
    x = centre[:, SHOULDER, None] + side * (outer[:, SHOULDER, None] - 0.032)
    y = levels[:, SHOULDER, None] + 0.050 - side * slant[:, None]
    return torch.stack((x, y), -1)


def _arm(shoulder: Tensor, angle: Tensor, elbow: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Elbows and wrists [b 2 2]; angles are outward from hanging, so the two sides mirror each other."""
    side = torch.tensor([1.0, -1.0], device=angle.device)

    def bone(turn: Tensor) -> Tensor:
        return torch.stack((side * turn.sin(), turn.cos()), -1) * length.view(-1, 1, 1)

    middle = shoulder + UPPER_ARM * bone(angle)
    return middle, middle + FORE_ARM * bone(angle - elbow)


def _levels(body: Body) -> Tensor:
    levels = _knots(LEVELS, body.build)
    levels[:, WAIST:] += 0.022 * body.torso[:, None]
    levels[:, THIGH:] += 0.02 * body.legs[:, None]
    return levels


def _outline(body: Body, pose: Pose) -> tuple[Tensor, Tensor]:
    """Outer and inner half widths."""
    build, hips = body.build[:, None], body.figure[:, None]
    spread = 0.035 * pose.stance[:, None] * _knots(SPREAD, body.build)
    outer = _knots(OUTER, body.build) * (1 + 0.13 * build * _knots(WEIGHT, body.build))
    outer = outer * (1 + hips * _knots(HIPS, body.build)) + spread
    outer[:, WAIST] += 0.028 * (0.55 - body.waist)
    inner = _knots(INNER, body.build)
    return outer, inner + spread - 0.010 * build.relu() * (inner > 0)


def _centre_line(levels: Tensor, pose: Pose) -> Tensor:
    """The spine leans and sways; the legs stand a little against it."""
    up = (levels[:, HIP : HIP + 1] - levels).relu()
    down = (levels - levels[:, HIP : HIP + 1]).relu()
    lean, sway = pose.lean[:, None], pose.sway[:, None]
    return lean * (up - 0.25 * down) + sway * (1 - (up / 0.25).square()).clamp_min(-1.0) - 0.8 * sway * down


def _head(body: Body, pose: Pose, levels: Tensor, centre: Tensor) -> Float[Tensor, "b 4"]:
    half_height = 0.158 * (1 + 0.05 * body.head)
    half_width = half_height * (0.80 + 0.035 * body.jaw + 0.03 * body.build)
    y = levels[:, COLLAR] - 0.075 - 0.016 * body.neck - half_height
    x = centre[:, CHIN] + pose.head_tilt * (levels[:, COLLAR] - y) * 0.5
    return torch.stack((x, y, half_width, half_height), 1)


def make_figure(body: Body, pose: Pose) -> Figure:
    """A body in a pose."""
    levels = _levels(body)
    outer, inner = _outline(body, pose)
    centre = _centre_line(levels, pose)
    shoulder = _shoulders(centre, levels, outer, 0.12 * pose.lean)
    elbow, wrist = _arm(shoulder, pose.arm_angle, pose.elbow, 1 + 0.03 * body.legs)
    radii = _knots(ARM_RADII, body.build) * (1 + 0.16 * body.build - 0.06 * body.figure)[:, None]
    return Figure(
        levels=levels, centre=centre, outer=outer, inner=inner, shoulder=shoulder, elbow=elbow, wrist=wrist,
        radii=radii, head=_head(body, pose, levels, centre),
    )  # fmt: skip


def mannequin(arm_angle: Float[Tensor, " b"]) -> Figure:
    """The average figure, upright, both arms straight at this outward angle."""
    zero = torch.zeros_like(arm_angle)
    levels, outer = _knots(LEVELS, zero), _knots(OUTER, zero)
    centre = torch.zeros_like(levels)
    shoulder = _shoulders(centre, levels, outer, zero)
    angle = arm_angle[:, None].expand(-1, 2)
    elbow, wrist = _arm(shoulder, angle, torch.zeros_like(angle), torch.ones_like(zero))
    return Figure(
        levels=levels, centre=centre, outer=outer, inner=_knots(INNER, zero), shoulder=shoulder, elbow=elbow,
        wrist=wrist, radii=_knots(ARM_RADII, zero), head=zero[:, None].expand(-1, 4),
    )  # fmt: skip
