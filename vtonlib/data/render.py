"""From scenes to pictures: the correspondence first, then the person painted by reading the garment through it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from vtonlib.data.accessories import paint_bag, paint_necklace
from vtonlib.data.backdrop import paint_backdrop
from vtonlib.data.batch import PARSE_LABELS, TryOnBatch
from vtonlib.data.body import Arms, Trunk, arm_coordinates, hand_distance, trunk_coordinates
from vtonlib.data.canvas import Canvas
from vtonlib.data.figure import COLLAR, CROTCH, LEVELS, Figure, make_figure
from vtonlib.data.frame import Frame, each, make_frame
from vtonlib.data.garment import (
    WAISTBAND,
    Worn,
    cuff_distance,
    cut_edges,
    draw_flat,
    lay_flat,
    wear_panel,
    wear_sleeve,
)  # fmt: skip
from vtonlib.data.head import Head, head_window, paint_back_hair, paint_head
from vtonlib.data.misfit import misfit
from vtonlib.data.parameters import DRESS, LOWER, Garment
from vtonlib.data.scene import Scene
from vtonlib.data.truth import Reach, dense_pose, garment_reach, joints
from vtonlib.grids import warp

CHUNK = 1 << 18
"""Pixels rendered at once: about what a processor's cache holds."""
LABEL = {name: i for i, name in enumerate(PARSE_LABELS)}
FULL = 0.9995
_Plane = Float[Tensor, "b 1 h w"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A rendered batch, and the two factors of the person's image: person = albedo * shading, in [0, 1]."""

    batch: TryOnBatch
    albedo: Float[Tensor, "b 3 h w"]
    shading: Float[Tensor, "b 3 h w"]


def render(scenes: Scene, height: int, width: int) -> TryOnBatch:
    """Pictures of the scenes, with everything that is true about them.

    Book: sec-world.
    """
    count = max(1, CHUNK // (height * width))
    parts = [paint(scenes[i : i + count], height, width).batch for i in range(0, max(1, len(scenes)), count)]
    return parts[0] if len(parts) == 1 else concatenate(parts)


def concatenate(parts: list[TryOnBatch]) -> TryOnBatch:
    """Several batches as one."""
    return TryOnBatch(**{f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(TryOnBatch)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A garment on a person, ready to paint: panel and sleeves, each with colours and coverage."""

    panel: Float[Tensor, "b 3 #h #w"]
    panel_coverage: _Plane
    sleeve: Float[Tensor, "b 3 #h #w"]
    sleeve_coverage: _Plane
    label: UInt8[Tensor, "b 1 1 1"]
    level: _Plane
    """Height on the mannequin of each pixel of the panel."""
    hem: Float[Tensor, "b 1 1 1"]
    """That of its lower edge."""


def _label_of(garment: Garment) -> UInt8[Tensor, "b 1 1 1"]:
    names = ("upper_garment", "lower_garment", "dress")
    table = torch.tensor([LABEL[n] for n in names], dtype=torch.uint8, device=garment.category.device)
    return each(table[garment.category])


def _read(cloth: Float[Tensor, "b 4 h w"], flow: Float[Tensor, "b h w 2"]) -> tuple[Tensor, Tensor]:
    """Colour and coverage of the cloth at the flow's places. ``cloth`` holds colour - 1 and mask.

    Where a pixel mixes cloth and white ground, colour - 1 is mask times what it would be of cloth alone.
    """
    colour, mask = warp(cloth, flow).split((3, 1), dim=1)
    return torch.addcmul(torch.ones_like(mask), colour, 1 / mask.clamp_min(1e-3)), mask


def dress_in_cloth(
    garment: Garment, panel: Worn, sleeve: Worn, at: Frame, cloth: Float[Tensor, "b 4 h w"],
    flows: tuple[Float[Tensor, "b h w 2"], Float[Tensor, "b h w 2"]], reach: Reach,
) -> Layer:  # fmt: skip
    """The garment to try on: every colour and every cut edge is read from the flat garment through the flow."""
    panel_colour, panel_mask = _read(cloth, flows[0])
    sleeve_colour, sleeve_mask = _read(cloth, flows[1])
    return Layer(
        panel=panel_colour,
        panel_coverage=at.coverage(panel.distance) * panel_mask * reach.panel,
        sleeve=sleeve_colour,
        sleeve_coverage=at.coverage(sleeve.distance) * sleeve_mask * (reach.sleeve & each(garment.sleeve > 0)),
        label=_label_of(garment),
        level=panel.y,
        hem=each(garment.hem),
    )


def dress_plainly(garment: Garment, panel: Worn, sleeve: Worn, at: Frame, arm: Arms, worn: Bool[Tensor, " b"]) -> Layer:
    """A plain garment, drawn without a flat image."""
    colour = garment.colours[:, 0, :, None, None]
    edges = cut_edges(garment, panel.x, panel.y)
    cuff = cuff_distance(garment, arm.v)
    return Layer(
        panel=colour,
        panel_coverage=at.coverage(torch.minimum(panel.distance, edges)) * each(worn),
        sleeve=colour,
        sleeve_coverage=at.coverage(torch.minimum(sleeve.distance, cuff)) * each(worn),
        label=_label_of(garment),
        level=panel.y,
        hem=each(garment.hem),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """How bright each surface is."""

    skin: _Plane
    cloth: _Plane
    arm: _Plane
    sleeve: _Plane


def light_up(scenes: Scene, figure: Figure, trunk: Trunk, arm: Arms, at: Frame, arm_distance: _Plane) -> Light:
    """Round limbs, a lamp from one side, shadows of arms and chin, folds. The garment worn has no part in it."""
    setting = scenes.setting
    light = each(setting.light)
    u = trunk.u.clamp(-1.4, 1.4)
    shadow = (1 + arm_distance / 0.05).clamp_(0, 1) * ((arm.v - 0.1) * 2.5).clamp_(0, 1)
    body = 1.02 + 0.06 * light * u - 0.12 * u * u - 0.2 * shadow * shadow
    phase = 6.28 * setting.variant
    bend = torch.sin(at.x * 9 + each(phase[:, 2])) * torch.sin(at.y * 7 + each(phase[:, 3]))
    slant = at.y * (22 * each(setting.variant[:, 4]) - 11)
    fold = torch.cos(at.x * (16 + 8 * each(setting.variant[:, 5])) + slant + each(phase[:, 6]) + 1.3 * bend)
    deep = ((trunk.level + 0.35) / 0.6).clamp(0.15, 1.2)
    w = arm.s / arm.radius
    round_arm = 1.01 - 0.12 * w * w + 0.05 * light * w * arm.side
    chin = (1 - (at.y - each(figure.head[:, 1] + figure.head[:, 3])).abs() / 0.07).clamp(0, 1)
    return Light(
        skin=body - 0.17 * chin, cloth=body + 0.035 * fold * deep, arm=round_arm, sleeve=round_arm + 0.03 * fold
    )


def _shadow_below(canvas: Canvas, below: _Plane, onto: _Plane) -> None:
    """What hangs over something darkens it just below its edge."""
    near = (1 - below / 0.045).clamp_(0, 1) * (below > 0)
    canvas.shade.addcmul_(near * near, onto, value=-0.16)


def paint_trunk(canvas: Canvas, scenes: Scene, trunk: Trunk, coverage: _Plane, light: Light) -> None:
    """Skin of neck, torso and legs."""
    top = torch.where(trunk.level < LEVELS[COLLAR], LABEL["neck"], LABEL["torso_skin"])
    leg = torch.where(trunk.across > 0, LABEL["left_leg"], LABEL["right_leg"])
    label = torch.where(trunk.level > LEVELS[CROTCH], leg, top).to(torch.uint8)
    canvas.over(scenes.body.skin[:, :, None, None], coverage, label, light.skin)


def paint_panels(
    canvas: Canvas, scenes: Scene, target: Layer, outfit: Layer, at: Frame, body: _Plane, reach: Reach, light: Light
) -> None:
    """Both garments' panels, the one behind first. An outfit in front of the garment is kept in the agnostic image."""
    tucked = each(scenes.setting.tucked)
    outfit_in_front = tucked ^ each(scenes.garment.category == LOWER)
    for first in (True, False):
        now = outfit_in_front == first  # whether the garment to try on is painted now
        coverage = torch.where(now, target.panel_coverage, outfit.panel_coverage)
        level = torch.where(now, target.level, outfit.level)
        _shadow_below(canvas, level - torch.where(now, target.hem, outfit.hem), body * reach.panel)
        if first:  # what is tucked in ends at the waistband
            coverage = coverage * torch.where(tucked, at.coverage(WAISTBAND + 0.04 - level), 1.0)
        canvas.over(
            torch.where(now, target.panel, outfit.panel), coverage, torch.where(now, target.label, outfit.label),
            light.cloth, target=now.float(), kept=(~now & outfit_in_front).float(),
        )  # fmt: skip
        body = torch.maximum(body, coverage)


def paint_arms(
    canvas: Canvas, scenes: Scene, target: Layer, outfit: Layer, arm: Arms, skin: _Plane, hand: _Plane,
    reach: Reach, light: Light,
) -> None:  # fmt: skip
    """Arms, sleeves, hands. Before a lower garment all of them are kept; else the hands alone."""
    label = torch.where(arm.side > 0, LABEL["left_arm"], LABEL["right_arm"]).to(torch.uint8)
    colour = scenes.body.skin[:, :, None, None]
    kept = each(scenes.garment.category == LOWER).float()
    canvas.over(colour, skin, label, light.arm, kept=kept)
    canvas.kept.masked_fill_(reach.sleeve, 0.0)  # some sleeve could cover it
    canvas.over(outfit.sleeve, outfit.sleeve_coverage, outfit.label, light.sleeve, kept=kept)
    canvas.over(target.sleeve, target.sleeve_coverage, target.label, light.sleeve, target=1.0)
    canvas.over(colour, hand, label, light.arm, kept=1.0)


def paint(scenes: Scene, height: int, width: int) -> Picture:
    """Render scenes all at once; :func:`render` does it in portions that fit the cache."""
    garment, outfit, turn = scenes.garment, scenes.outfit, scenes.pose.turn
    at = make_frame(height, width, scenes.pose.zoom, scenes.pose.shift)
    figure = make_figure(scenes.body, scenes.pose)
    trunk = trunk_coordinates(figure, at)
    arm = arm_coordinates(figure, at, trunk.across > 0)

    reach = garment_reach(garment.category, figure, trunk, arm, at)

    flat = lay_flat(garment)
    image, mask = draw_flat(flat, garment, height, width)
    panel, sleeve = wear_panel(figure, garment, flat, at, trunk, turn), wear_sleeve(figure, garment, flat, arm)
    flows = tuple(flat.to_canvas(part.x, part.y, height, width) for part in (panel, sleeve))
    target = dress_in_cloth(garment, panel, sleeve, at, torch.cat((image - 1, mask), 1), flows, reach)
    under = lay_flat(outfit)
    panel, sleeve = wear_panel(figure, outfit, under, at, trunk, turn), wear_sleeve(figure, outfit, under, arm)
    plain = dress_plainly(outfit, panel, sleeve, at, arm, garment.category != DRESS)

    hand = hand_distance(figure, arm)
    ends = torch.minimum(arm.start, 0.03 - arm.beyond)
    arm_distance = torch.maximum(torch.minimum(arm.radius - arm.distance, ends), hand)
    skin, body = at.coverage(arm_distance), at.coverage(trunk.distance)
    hand = at.coverage(torch.minimum(hand, arm.beyond - 0.012))  # what no cuff covers
    light = light_up(scenes, figure, trunk, arm, at, arm_distance)

    window = head_window(height, width)
    head = Head(figure, scenes.body, scenes.pose, at.crop(*window))
    canvas = Canvas.start(paint_backdrop(scenes.setting, height, width))
    paint_back_hair(canvas.crop(*window), head)
    paint_trunk(canvas, scenes, trunk, body, light)
    paint_panels(canvas, scenes, target, plain, at, body, reach, light)
    paint_necklace(canvas, figure, scenes.setting, at, trunk)
    paint_bag(canvas, figure, scenes.setting, at, trunk)
    paint_arms(canvas, scenes, target, plain, arm, skin, hand, reach, light)
    paint_head(canvas.crop(*window), head, scenes.setting.light, scenes.pose.gaze)

    pose = dense_pose(figure, trunk, arm, at, body, skin)
    hidden = ((reach.panel | reach.sleeve) & (canvas.kept < 1)).float()
    warped, covered = misfit(scenes, figure, flat, image, mask)
    flow_mask = _pure(canvas.target, torch.maximum(skin, plain.sleeve_coverage), target.sleeve_coverage)
    flow = torch.where(target.sleeve_coverage.movedim(1, -1) > 0.5, flows[1], flows[0]) * flow_mask.movedim(1, -1)
    shading = canvas.shading()
    person = canvas.rgb * shading * 2 - 1
    numbers = torch.arange(len(PARSE_LABELS), dtype=torch.uint8, device=person.device).view(1, -1, 1, 1)
    parse = torch.eq(canvas.label, numbers, out=person.new_empty(len(scenes), len(PARSE_LABELS), height, width))
    batch = TryOnBatch(
        person=person, garment=image * 2 - 1, garment_mask=mask, agnostic=person * (1 - hidden), agnostic_mask=hidden,
        dense_pose=pose, keypoints=joints(figure, scenes, height, width), parse=parse,
        garment_region=canvas.target, flow=flow, flow_mask=flow_mask, warped_garment=warped * 2 - 1,
        misalign_mask=canvas.target * (1 - covered), index=scenes.index,
    )  # fmt: skip
    return Picture(batch=batch, albedo=canvas.rgb, shading=shading)


def _pure(target: _Plane, arm: _Plane, sleeve: _Plane) -> _Plane:
    """Where one part of the garment alone fills the pixel: no mixture of two correspondences."""
    return ((target > FULL) & ((sleeve > FULL) | (torch.maximum(arm, sleeve) < 1 - FULL))).float()
