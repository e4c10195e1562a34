"""From scenes to pictures: the correspondence first, then the person painted by reading the garment through it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import KEYPOINTS, PARSE_LABELS, TryOnBatch
from vtonlib.data.body import (
    ANKLE, CHIN, COLLAR, CROTCH, HIP, KNEE, LEVELS, SHOULDER, Arms, Figure, Frame,
    arm_radius, arms, canvas_unit, frame, interpolate, make_figure,
)  # fmt: skip
from vtonlib.data.garment import (
    cut_distance, draw_flat, lay_flat, to_canvas, wear_panel, wear_sleeve,
)  # fmt: skip
from vtonlib.data.head import paint_head, paint_back_hair
from vtonlib.data.scene import DRESS, LOWER, UPPER, Scene
from vtonlib.data.canvas import Canvas, backdrop, each
from vtonlib.data.thin_plate import fit_thin_plate, thin_plate_flow
from vtonlib.data.random import draw, keys
from vtonlib.grids import warp

LABEL = {name: i for i, name in enumerate(PARSE_LABELS)}
PARTS = ("background", "torso", "left_leg", "right_leg", "left_upper_arm", "right_upper_arm",
         "left_lower_arm", "right_lower_arm", "head")  # fmt: skip
"""Parts of ``dense_pose``; part i is stored as i / 8, scaled to [-1, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """Trunk coordinates of each pixel."""

    across: Float[Tensor, "b 1 h w"]
    distance: Float[Tensor, "b 1 h w"]
    u: Float[Tensor, "b 1 h w"]
    level: Float[Tensor, "b 1 h 1"]
    """Height on the mannequin."""


def trunk_of(figure: Figure, at: Frame) -> Trunk:
    levels = torch.tensor(LEVELS, device=at.x.device).expand(len(at.x), -1)
    values = torch.stack((figure.centre, figure.outer, figure.inner, levels), 1)
    centre, outer, inner, level = interpolate(figure.levels, values, at.y).split(1, dim=1)
    across = at.x - centre
    a = across.abs()
    steep = (1 + ((outer[:, :, 1:] - outer[:, :, :-1]) / (at.y[:, :, 1:] - at.y[:, :, :-1])).square()).rsqrt()
    steep = torch.cat((steep[:, :, :1], steep), 2)
    distance = torch.minimum(outer - a, a - inner) * steep
    distance = torch.where(at.y < each(figure.levels[:, CHIN]), -1.0, distance)
    return Trunk(across=across, distance=distance, u=across / outer, level=level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A rendered batch, and the two factors of its painted garment: person = albedo * shading, in [0, 1]."""

    batch: TryOnBatch
    albedo: Float[Tensor, "b 3 h w"]
    shading: Float[Tensor, "b 3 h w"]


def render(scenes: Scene, height: int, width: int) -> TryOnBatch:
    """Pictures of the scenes with everything that is true about them.

    Book: sec-world.
    """
    return paint(scenes, height, width).batch


def hand_distance(figure: Figure, arm: Arms) -> Tensor:
    size = each(figure.radii[:, 2]) / 0.034
    along = (arm.beyond - 0.045) / (0.062 * size)
    across = arm.s / (0.036 * size)
    return (1 - torch.hypot(along, across)) * 0.036


def paint(scenes: Scene, height: int, width: int) -> Picture:
    garment, outfit, body, setting = scenes.garment, scenes.outfit, scenes.body, scenes.setting
    at = frame(height, width, scenes.pose.zoom, scenes.pose.shift)
    figure = make_figure(body, scenes.pose)
    trunk = trunk_of(figure, at)
    arm = arms(figure, at, trunk.across > 0)
    flat = lay_flat(garment)
    garment_image, garment_mask = draw_flat(flat, garment, height, width)
    panel = wear_panel(figure, garment, flat, at, trunk.across, scenes.pose.turn)
    sleeve = wear_sleeve(figure, garment, flat, arm)
    panel_flow = to_canvas(flat, panel.x, panel.y, height, width)
    sleeve_flow = to_canvas(flat, sleeve.x, sleeve.y, height, width)
    cloth = torch.cat((garment_image, garment_mask), 1)
    panel_read, sleeve_read = warp(cloth, panel_flow), warp(cloth, sleeve_flow)

    # coverages
    other_flat = lay_flat(outfit)
    other = wear_panel(figure, outfit, other_flat, at, trunk.across, scenes.pose.turn)
    other_sleeve = wear_sleeve(figure, outfit, other_flat, arm)
    has_other = each(garment.category != DRESS)
    other_cov = at.coverage(torch.minimum(other.distance, cut_distance(outfit, other))) * has_other
    cuff = (each(outfit.sleeve) - arm.v) * 0.33
    other_sleeve_cov = at.coverage(torch.minimum(other_sleeve.distance, cuff)) * has_other * each(outfit.sleeve > 0)
    panel_cov = at.coverage(panel.distance) * panel_read[:, 3:]
    sleeve_cov = at.coverage(sleeve.distance) * sleeve_read[:, 3:] * each(garment.sleeve > 0)
    radius = arm_radius(figure.radii, arm.v)
    arm_distance = torch.minimum(torch.minimum(radius - arm.distance, arm.start), -arm.beyond)
    hand = hand_distance(figure, arm)
    arm_cov = at.coverage(torch.maximum(arm_distance, hand))
    hand_cov = at.coverage(hand)

    # shading
    light = each(setting.light)
    u = trunk.u.clamp(-1.3, 1.3)
    shadow = (1 + torch.maximum(arm_distance, hand) / 0.05).clamp(0, 1)
    trunk_shade = 1.02 - 0.13 * u * u + 0.06 * light * u - 0.22 * shadow * shadow
    phase = each(garment.folds[:, 0]) * 6.28
    fold = torch.cos(at.x * (18 + 10 * each(garment.folds[:, 1])) + at.y * (26 * each(garment.folds[:, 2]) - 13) + phase)
    deep = ((trunk.level + 0.35) / 0.6).clamp(0.1, 1)
    cloth_shade = trunk_shade + 0.035 * fold * deep
    w = arm.s / radius
    arm_shade = 1.0 - 0.12 * w * w + 0.05 * light * w * arm.side
    sleeve_shade = arm_shade + 0.03 * fold
    chin = (1 - (at.y - each(figure.head[:, 1] + figure.head[:, 3])).abs() / 0.06).clamp(0, 1)
    skin_shade = trunk_shade - 0.18 * chin * (trunk.u.abs() < 3)

    # painting
    canvas = Canvas.start(backdrop(scenes, at), height, width)
    paint_back_hair(canvas, figure, body, at)
    label = torch.where(trunk.level < LEVELS[COLLAR], LABEL["neck"], LABEL["torso_skin"])
    leg = torch.where(trunk.across > 0, LABEL["left_leg"], LABEL["right_leg"])
    trunk_label = torch.where(trunk.level > LEVELS[CROTCH], leg, label)
    skin = body.skin[:, :, None, None]
    trunk_cov = at.coverage(trunk.distance)
    canvas.over(skin, trunk_cov, trunk_label, skin_shade)
    front = torch.where(garment.category == LOWER, ~setting.tucked, setting.tucked)  # the outfit is in front
    first_is_target = each(front)
    plain = outfit.colours[:, 0, :, None, None]
    target_label = each(torch.tensor([LABEL["upper_garment"], LABEL["lower_garment"], LABEL["dress"]])[garment.category])
    other_label = each(torch.tensor([LABEL["upper_garment"], LABEL["lower_garment"], LABEL["dress"]])[outfit.category])
    premultiplied = panel_read[:, :3] - 1 + panel_read[:, 3:]
    target_colour = premultiplied / panel_read[:, 3:].clamp_min(1e-4)
    for is_target in (first_is_target, ~first_is_target):
        canvas.over(
            torch.where(is_target, target_colour, plain), torch.where(is_target, panel_cov, other_cov),
            torch.where(is_target, target_label, other_label), cloth_shade, target=is_target.float(),
        )  # fmt: skip
    arm_label = torch.where(arm.side > 0, LABEL["left_arm"], LABEL["right_arm"])
    canvas.over(skin, arm_cov, arm_label, arm_shade)
    canvas.over(plain, other_sleeve_cov, other_label, sleeve_shade)
    sleeve_colour = (sleeve_read[:, :3] - 1 + sleeve_read[:, 3:]) / sleeve_read[:, 3:].clamp_min(1e-4)
    canvas.over(sleeve_colour, sleeve_cov, target_label, sleeve_shade, target=torch.ones(1))
    canvas.over(skin, hand_cov, arm_label, arm_shade)
    paint_head(canvas, figure, scenes, at)

    # truth
    target = canvas.target
    on_sleeve = sleeve_cov > 0.5
    mixed = (arm_cov.maximum(sleeve_cov) > 1e-3) & (sleeve_cov < 0.9995)
    flow_mask = ((target > 0.9995) & ~mixed).float()
    flow = torch.where(on_sleeve.movedim(1, -1), sleeve_flow, panel_flow) * flow_mask.movedim(1, -1)
    person = canvas.rgb * canvas.shading()
    agnostic_mask = agnostic_region(scenes, figure, trunk, arm, at, canvas, hand_cov, other_cov, front)
    person = person * 2 - 1
    warped, warped_mask = misfit(scenes, flat, figure, garment_image, garment_mask, height, width)
    batch = TryOnBatch(
        person=person,
        garment=garment_image * 2 - 1,
        garment_mask=garment_mask,
        agnostic=person * (1 - agnostic_mask),
        agnostic_mask=agnostic_mask,
        dense_pose=dense_pose(figure, trunk, arm, at, trunk_cov, arm_cov, radius),
        keypoints=joints(figure, scenes, height, width),
        parse=(canvas.label == torch.arange(len(PARSE_LABELS), device=person.device).view(1, -1, 1, 1)).float(),
        garment_region=target.clone(),
        flow=flow,
        flow_mask=flow_mask,
        warped_garment=warped,
        misalign_mask=target * (1 - warped_mask),
        index=scenes.index,
    )
    return Picture(batch=batch, albedo=canvas.rgb, shading=canvas.shading())


def agnostic_region(scenes, figure, trunk, arm, at, canvas, hand_cov, other_cov, front) -> Tensor:
    """Where any garment of the category could show: a function of the body and of the category alone."""
    category = scenes.garment.category
    a = trunk.across.abs()
    levels = figure.levels
    widest = torch.cat((figure.outer[:, : HIP + 1], figure.outer[:, HIP:HIP+1] + 0.42 * (levels - levels[:, HIP:HIP+1])[:, HIP+1:]), 1) + 0.06
    widest[:, 4] = widest[:, [3, 4, 5]].amax(1)
    reach = interpolate(levels, widest[:, None], at.y) - a
    inside = reach > 0
    level = trunk.level
    top = torch.where(each(category == LOWER), -0.03, LEVELS[COLLAR] - 0.02)
    bottom = torch.where(each(category == UPPER), 0.38, 9.0)
    rows = (level > top) & (level < bottom)
    on_arm = (arm_radius(figure.radii, arm.v) + 0.06 > arm.distance) & (arm.v > -0.3) & (arm.beyond < 0.03)
    region = (inside & rows) | (on_arm & each(category != LOWER))
    keep = hand_cov >= 0.9995
    keep = keep | (canvas.head >= 0.9995)
    keep = keep | ((other_cov >= 0.9995) & each(front))
    return (region & ~keep).float()


def dense_pose(figure, trunk, arm, at, trunk_cov, arm_cov, radius) -> Tensor:
    on_arm, on_trunk = arm_cov > 0.5, trunk_cov > 0.5
    left = arm.side > 0
    lower = arm.v > 1
    leg = trunk.level > LEVELS[CROTCH]
    side = torch.where(left, 0.0, 1.0)
    zero = torch.zeros_like(side)
    head_x, head_y, head_a, head_b = (each(figure.head[:, i]) for i in range(4))
    hx, hy = (at.x - head_x) / head_a, (at.y - head_y) / head_b
    on_head = hx * hx + hy * hy < 1
    part = torch.where(on_trunk, torch.where(leg, 2 + side, 1.0), zero)
    part = torch.where(on_arm, torch.where(lower, 6 + side, 4 + side), part)
    part = torch.where(on_head, 8.0, part)
    u = torch.where(on_arm, arm.s / (radius * 1.2), trunk.u)
    v = torch.where(on_arm, (arm.v - 1.2) / 1.2, (trunk.level - 0.3) / 0.9)
    u, v = torch.where(on_head, hx, u), torch.where(on_head, hy, v)
    iuv = torch.cat((part / 4 - 1, u.clamp(-1, 1), v.clamp(-1, 1)), 1)
    return torch.where(part > 0, iuv, -1.0)


def joints(figure: Figure, scenes: Scene, height: int, width: int) -> Tensor:
    c, l, o, i = figure.centre, figure.levels, figure.outer, figure.inner

    def pair(knot: int) -> list[Tensor]:
        off = (o[:, knot] + i[:, knot].relu()) / 2
        return [torch.stack((c[:, knot] + s * off, l[:, knot]), -1) for s in (1, -1)]

    points = torch.stack(
        [
            figure.head[:, :2] + torch.stack((0 * c[:, 0], 0.1 * figure.head[:, 3]), -1),
            torch.stack((c[:, COLLAR], l[:, COLLAR]), -1),
            *figure.shoulder.unbind(1), *figure.elbow.unbind(1), *figure.wrist.unbind(1),
            *pair(HIP), *pair(KNEE), *pair(ANKLE),
        ],
        1,
    )  # fmt: skip
    assert points.shape[1] == len(KEYPOINTS)
    points = points * scenes.pose.zoom[:, None, None] + scenes.pose.shift[:, None]
    unit = canvas_unit(height, width)
    points = points * torch.tensor([2 * unit / (width - 1), 2 * unit / (height - 1)], device=points.device)
    return torch.where((points.abs() <= 1).all(-1, keepdim=True), points, float("nan"))


def misfit(scenes, flat, figure, image, mask, height, width):
    """A thin-plate warp of the garment from a few points, with errors."""
    n = 5
    device = image.device
    garment = scenes.garment
    lower = garment.category == LOWER
    top = torch.where(lower, 0.04, -0.38)
    bottom = garment.hem.clamp_max(1.0)
    v = top[:, None] + (bottom - top)[:, None] * torch.linspace(0, 1, n, device=device)
    person_rows = interpolate(flat.figure.levels, torch.stack((figure.levels, figure.centre, figure.outer), 1), v[:, None, :, None])
    y, c, w = person_rows[..., 0].unbind(1)
    wm = interpolate(flat.figure.levels, flat.outer[:, None], v[:, None, :, None])[:, 0, :, 0]
    u = torch.tensor([-1.0, 0.0, 1.0], device=device)
    source = torch.stack(((c[..., None] + w[..., None] * u), y[..., None].expand(-1, -1, 3)), -1).flatten(1, 2)
    target = torch.stack((wm[..., None] * u, v[..., None].expand(-1, -1, 3)), -1).flatten(1, 2)
    source = torch.cat((source, figure.elbow, figure.wrist), 1)
    target = torch.cat((target, flat.figure.elbow, flat.figure.wrist), 1)
    source = source * scenes.pose.zoom[:, None, None] + scenes.pose.shift[:, None]
    unit = canvas_unit(height, width)
    size = torch.tensor([2 * unit / (width - 1), 2 * unit / (height - 1)], device=device)
    target = torch.stack((target[..., 0], target[..., 1] - flat.middle[:, None]), -1) * flat.fit[:, None, None] * size
    key = keys(garment.identity ^ (scenes.body.identity << 20), 0, "misfit")
    noise = draw(key, {str(i): (-0.09, 0.09) for i in range(2 * source.shape[1])})
    target = target + torch.stack(list(noise.values()), 1).view_as(target)
    plate = fit_thin_plate(source * size, target, stiffness=0.02)
    flow = thin_plate_flow(plate, height, width, lattice=(17, 13))
    read = warp(torch.cat((image, mask), 1), flow)
    covered = (read[:, 3:] > 0.5).float()
    return (read[:, :3] * 2 - 1) * covered, covered
