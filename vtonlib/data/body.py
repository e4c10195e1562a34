"""Where each pixel lies on a figure's surface: coordinates on the trunk and on the arms."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.figure import CHIN, LEVELS, Figure
from vtonlib.data.frame import Frame, above, choose, each, interpolate, steepness

_Plane = Float[Tensor, "b 1 h w"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """Trunk coordinates of each pixel. Distances are positive inside."""

    across: _Plane
    """x from the centre line."""
    distance: _Plane
    """To the nearest outline, in the plane's units."""
    u: _Plane
    """``across`` in half widths: -1 and 1 are the outlines."""
    level: Float[Tensor, "b 1 h 1"]
    """The same height on the mannequin."""


def trunk_coordinates(figure: Figure, at: Frame) -> Trunk:
    """Neck, torso and legs, row by row."""
    levels = torch.tensor(LEVELS, device=at.x.device).expand(len(at.x), -1)
    values = torch.stack((figure.centre, figure.outer, figure.inner, levels), 1)
    centre, outer, inner, level = interpolate(figure.levels, values, at.y).split(1, dim=1)
    across = at.x - centre
    a = across.abs()
    distance = torch.minimum(outer - a, a - inner).mul_(steepness(outer, at.y))
    distance = torch.where(at.y < each(figure.levels[:, CHIN]), -1.0, distance)
    return Trunk(across=across, distance=distance, u=across / outer, level=level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bones:
    """Directions, lengths and mitres of both arms (side 0, 1).

    A mitre is the bisecting line between two bones, where the coordinates (t along, s across) of both agree:
    t = -k s seen from the bone before it, t = k s from the one after.
    """

    upper: Float[Tensor, "b 2 2"]
    """Unit vectors (x, y) along the upper arms, from shoulder to elbow."""
    lower: Float[Tensor, "b 2 2"]
    """The same along the forearms, from elbow to wrist."""
    upper_normal: Float[Tensor, "b 2 2"]
    """Across the bone; away from the body when the arm hangs."""
    lower_normal: Float[Tensor, "b 2 2"]
    """Across the forearm, on the same side."""
    upper_length: Float[Tensor, "b 2"]
    """From shoulder to elbow, in the plane's units."""
    lower_length: Float[Tensor, "b 2"]
    """From elbow to wrist, in the plane's units."""
    seam: Float[Tensor, "b 2"]
    """k between shoulder line and upper arm: the seam of a sleeve."""
    mitre: Float[Tensor, "b 2"]
    """k at the elbow."""


def arm_bones(figure: Figure) -> Bones:
    """The bones of both arms."""
    upper, lower = figure.elbow - figure.shoulder, figure.wrist - figure.elbow
    upper_length, lower_length = upper.norm(dim=-1), lower.norm(dim=-1)
    upper, lower = upper / upper_length[..., None], lower / lower_length[..., None]
    side = torch.tensor([1.0, -1.0], device=upper.device)

    def normal(bone: Tensor) -> Tensor:
        return torch.stack((bone[..., 1], -bone[..., 0]), -1) * side[:, None]

    # 0.7 where the exact bisector has 1: the seam stands steeper, as set-in sleeves are cut.
    seam = normal(upper)[..., 0] * side / (0.7 + upper[..., 0] * side)
    mitre = (lower * normal(upper)).sum(-1) / (1 + (lower * upper).sum(-1))
    return Bones(
        upper=upper, lower=lower, upper_normal=normal(upper), lower_normal=normal(lower), upper_length=upper_length,
        lower_length=lower_length, seam=seam.clamp(-0.4, 1.5), mitre=mitre,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """Arm coordinates of each pixel, on the arm of its own side of the body."""

    side: _Plane
    """1 on the image's right (the wearer's left), -1 on its left."""
    v: _Plane
    """Along: 0 shoulder seam, 1 elbow, 2 wrist, more on the hand."""
    upper: _Plane
    """The share of the upper arm passed: v, within [0, 1]."""
    lower: _Plane
    """The share of the forearm passed: v - 1, within [0, 1]."""
    radius: _Plane
    """Half width of the arm there."""
    s: _Plane
    """Across, in the plane's units."""
    distance: _Plane
    """From the bones, without regard to the ends."""
    start: _Plane
    """Distance past the shoulder seam."""
    beyond: _Plane
    """Distance past the wrist, along the forearm."""


def arm_coordinates(figure: Figure, at: Frame, right: Float[Tensor, "b 1 #h w"]) -> Arms:
    """Arm coordinates; ``right`` is 1 on the image's right of the body. No arm reaches across the centre line."""
    bones = arm_bones(figure)

    def own(value: Tensor) -> Tensor:
        return choose(right, each(value[:, 0]), each(value[:, 1]))

    def project(origin: Tensor, direction: Tensor) -> Tensor:
        """(p - origin) . direction."""
        offset = (origin * direction).sum(-1)
        rows = [at.y * each(direction[:, i, 1]) - each(offset[:, i]) for i in range(2)]
        columns = [at.x * each(direction[:, i, 0]) for i in range(2)]
        return choose(right, columns[0] + rows[0], columns[1] + rows[1])

    upper_t, upper_s = project(figure.shoulder, bones.upper), project(figure.shoulder, bones.upper_normal)
    lower_t, lower_s = project(figure.elbow, bones.lower), project(figure.elbow, bones.lower_normal)
    on_lower = above(project(figure.elbow, bones.upper + bones.lower))
    seam, mitre = own(bones.seam), own(bones.mitre)
    upper_length, lower_length = each(bones.upper_length[:, 0]), each(bones.lower_length[:, 0])
    start = torch.addcmul(upper_t, seam, upper_s)
    upper_v = start / torch.addcmul(upper_length, seam - mitre, upper_s).clamp_min_(0.05)
    cut = mitre * lower_s
    lower_v = ((lower_t - cut) / (lower_length - cut).clamp_min_(0.05)).add_(1)
    ends = torch.maximum(upper_t - upper_length, -upper_t)
    past = choose(on_lower, -lower_t, ends).clamp_min_(0)
    s = choose(on_lower, lower_s, upper_s)
    v = choose(on_lower, lower_v, upper_v)
    upper, lower = v.clamp(0, 1), (v - 1).clamp_(0, 1)
    return Arms(
        side=2 * right - 1,
        v=v,
        upper=upper,
        lower=lower,
        radius=arm_radius(figure.radii, upper, lower),
        s=s,
        distance=torch.addcmul(s * s, past, past).sqrt_(),
        start=choose(on_lower, torch.ones_like(start), start),
        beyond=choose(on_lower, lower_t - lower_length, torch.full_like(start, -1.0)),
    )


def arm_radius(radii: Float[Tensor, "b 3"], upper: _Plane, lower: _Plane) -> _Plane:
    """Half width of an arm along it: tapered, the forearm full below the elbow."""
    shoulder, elbow, wrist = (each(r) for r in radii.unbind(1))
    forearm = (0.6 * (wrist - elbow) * lower).add_(0.4 * (wrist - elbow))
    return ((elbow - shoulder) * upper).add_(shoulder).addcmul_(forearm, lower)


def hand_distance(figure: Figure, arm: Arms) -> _Plane:
    """Distance inside the hand, a rounded mitten."""
    size = each(figure.radii[:, 2] / 0.033)
    along, across = (arm.beyond - 0.034 * size) / (0.066 * size), arm.s / (0.037 * size)
    return (1 - torch.addcmul(along * along, across, across).sqrt_()) * 0.037
