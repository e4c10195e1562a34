"""What is known of a rendered person besides the picture: body surface, joints, and what to hide."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vtonlib.data.batch import KEYPOINTS
from vtonlib.data.body import Arms, Trunk
from vtonlib.data.figure import ANKLE, CHEST, COLLAR, CROTCH, HIP, KNEE, LEVELS, WAIST, Figure
from vtonlib.data.frame import Frame, above, canvas_scale, choose, each, interpolate
from vtonlib.data.parameters import LOWER, UPPER
from vtonlib.data.scene import Scene

BODY_PARTS = (
    "background", "torso", "left_leg", "right_leg", "left_upper_arm", "right_upper_arm", "left_lower_arm",
    "right_lower_arm", "head",
)  # fmt: skip
"""Parts of ``dense_pose``, in order: channel 0 holds 2 i / 8 - 1 for part i."""
# How far garments may reach beyond the body: the widest ease, half a pixel of 64 rows, and a little more.
MARGIN, WIDEST_FLARE, LOWEST_TOP = 0.058, 0.42, 0.36
_Plane = Float[Tensor, "b 1 h w"]


def dense_pose(
    figure: Figure, trunk: Trunk, arm: Arms, at: Frame, trunk_coverage: _Plane, arm_coverage: _Plane
) -> Float[Tensor, "b 3 h w"]:
    """Part, u and v of the body's surface in front, in [-1, 1]; -1 elsewhere. Clothes and hair change nothing.

    u runs across each part, from outline to outline; v along it: from neck to ankle on trunk and legs, from shoulder to
    hand along the whole arm, from crown to chin on the head. Left and right are the wearer's.
    """
    on_arm = above(arm_coverage, 0.5)
    right = 0.5 - 0.5 * arm.side
    part = (1 + above(trunk.level, LEVELS[CROTCH]) * (1 + right)) * above(trunk_coverage, 0.5)
    part = choose(on_arm, 4 + 2 * above(arm.v, 1.0) + right, part)
    u = choose(on_arm, arm.s / (arm.radius * 1.2), trunk.u)
    v = choose(on_arm, arm.v / 1.2 - 1, (trunk.level - 0.3) / 0.9)
    x, y, half_width, half_height = (each(n) for n in figure.head.unbind(1))
    head_u, head_v = (at.x - x) / half_width, (at.y - y) / half_height
    on_head = above(1 - head_u.square() - head_v.square())
    part = part + on_head * (8 - part)
    body = above(part)
    surface = (choose(on_head, head, other).clamp_(-1, 1) for head, other in ((head_u, u), (head_v, v)))
    return torch.cat((part / 4 - 1, *(choose(body, place, torch.full_like(body, -1.0)) for place in surface)), 1)


def joints(figure: Figure, scenes: Scene, height: int, width: int) -> Float[Tensor, "b j 2"]:
    """The joints of ``KEYPOINTS`` in [-1, 1]; NaN where they lie outside the picture."""

    def pair(knot: int) -> list[Tensor]:
        offset = (figure.outer[:, knot] + figure.inner[:, knot].relu()) / 2
        x, y = figure.centre[:, knot], figure.levels[:, knot]
        return [torch.stack((x + side * offset, y), 1) for side in (1, -1)]

    nose = figure.head[:, :2] + figure.head[:, 3:] * figure.head.new_tensor([0.0, 0.3])
    neck = torch.stack((figure.centre[:, COLLAR], figure.levels[:, COLLAR]), 1)
    arms = [*figure.shoulder.unbind(1), *figure.elbow.unbind(1), *figure.wrist.unbind(1)]
    points = torch.stack([nose, neck, *arms, *pair(HIP), *pair(KNEE), *pair(ANKLE)], 1)
    assert points.shape[1] == len(KEYPOINTS)
    points = points * scenes.pose.zoom[:, None, None] + scenes.pose.shift[:, None]
    points = points * canvas_scale(height, width, points)
    return torch.where((points.abs() <= 1).all(-1, keepdim=True), points, torch.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where some garment of the category could show, whichever is worn: a function of body, pose and category alone.

    No garment colours a pixel outside, so what stays visible in the agnostic image tells nothing about it.
    """

    panel: Bool[Tensor, "b 1 h w"]
    """Where the panel could show."""
    sleeve: Bool[Tensor, "b 1 h w"]
    """Where the sleeves could show."""


def garment_reach(category: Int[Tensor, " b"], figure: Figure, trunk: Trunk, arm: Arms, at: Frame) -> Reach:
    """The widest and longest garment of each category: uppers end below the hips, the others leave the picture."""
    reach = MARGIN + 0.5 * (at.pixel - 0.03).clamp_min(0)
    widest = figure.outer.clone()
    widest[:, WAIST] = widest[:, CHEST : HIP + 1].amax(1)
    below = figure.levels - figure.levels[:, HIP : HIP + 1]
    widest = torch.where(below > 0, widest[:, HIP : HIP + 1] + WIDEST_FLARE * below, widest)
    beside = interpolate(figure.levels, widest[:, None], at.y) + reach > trunk.across.abs()
    top = torch.where(each(category == LOWER), -0.02, LEVELS[COLLAR] - 0.01) - 0.8 * at.pixel
    bottom = torch.where(each(category == UPPER), LOWEST_TOP + 0.6 * at.pixel, 9.0)
    near = arm.radius + reach > arm.distance
    return Reach(
        panel=beside & (trunk.level > top) & (trunk.level < bottom),
        sleeve=near & (arm.start > -reach) & (arm.beyond < reach) & each(category != LOWER),
    )
