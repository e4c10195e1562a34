"""Where the points of a person's surface lie in another picture of the same person, in closed form or nearly so.

A person has four kinds of surface, each with coordinates that do not change with the pose: the trunk's skin, a
garment's panel, limbs (bare, sleeved, hands) and the head. What a pixel shows is read in one pose and found again in
another. Nothing is searched in pictures.

Book: sec-pose-transfer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.accessories import paint_bag, paint_necklace
from vtonlib.data.body import arm_bones, arm_coordinates, trunk_coordinates
from vtonlib.data.canvas import Canvas
from vtonlib.data.figure import Figure
from vtonlib.data.frame import Frame, above, canvas_scale, choose, each, interpolate
from vtonlib.data.garment import Worn, lay_flat, wear_panel
from vtonlib.data.head import Head, head_window, paint_head
from vtonlib.data.layers import Stage, set_stage, wear, wear_outfit
from vtonlib.data.parameters import Garment
from vtonlib.data.render import FULL, Picture, paint
from vtonlib.data.scene import Scene

STEPS, NUDGE = 2, 1e-3
"""Newton's steps for panels, and how far it looks for slopes."""
CLOSE = 2e-3
"""A point found again must have its own coordinates, to this: a tenth of a pixel of 64 rows."""
LAYERS = ("skin", "panel", "outfit", "limb", "sleeve", "outfit_sleeve", "head")
"""What a pixel may show of a person. A limb's coordinates serve three of them."""
_Plane = Float[Tensor, "b 1 h w"]
_Points = Float[Tensor, "b 2 h w"]


def points(places: Float[Tensor, "b 2 n"]) -> Frame:
    """Places of a figure's plane as a frame of one column, in which each has a row of its own."""
    x, y = places[:, :1, :, None], places[:, 1:, :, None]
    return Frame(x=x, y=y, pixel=torch.ones_like(x[:, :, :1]))


def to_picture(places: _Points, scenes: Scene, height: int, width: int) -> Float[Tensor, "b h w 2"]:
    """Places of the figures' plane in the coordinates [-1, 1] of the picture."""
    seen = places * each(scenes.pose.zoom) + scenes.pose.shift[:, :, None, None]
    return seen.movedim(1, -1) * canvas_scale(height, width, places)


def skin_place(figure: Figure, u: _Plane, y: Float[Tensor, "b 1 h 1"]) -> _Points:
    """The trunk's point (u, y): heights are the body's, not the pose's."""
    rows = interpolate(figure.levels, torch.stack((figure.centre, figure.outer), 1), y)
    centre, outer = rows.split(1, dim=1)
    x = torch.addcmul(centre, u, outer)
    return torch.cat((x, y.expand_as(x)), 1)


def limb_place(
    figure: Figure, right: Float[Tensor, "b 1 #h w"], v: _Plane, s: _Plane
) -> tuple[_Points, Float[Tensor, "b 1 h w"]]:
    """The point (v along, s across) of an arm, and whether the arm's coordinates there are these again.

    The inverse of :func:`vtonlib.data.body.arm_coordinates`. They are not where an arm reaches across the body's centre
    line, on the other side of which the world draws none.
    """
    bones = arm_bones(figure)

    def own(value: Tensor) -> Tensor:
        return choose(right, each(value[:, 0]), each(value[:, 1]))

    def along(origin: Tensor, bone: Tensor, normal: Tensor, t: Tensor) -> _Points:
        axes = (own(origin[..., i]) + t * own(bone[..., i]) + s * own(normal[..., i]) for i in range(2))
        return torch.cat(tuple(axes), 1)

    seam, mitre = own(bones.seam), own(bones.mitre)
    upper_t = v * (own(bones.upper_length) + (seam - mitre) * s) - seam * s
    lower_t = torch.lerp(mitre * s, own(bones.lower_length), v - 1)
    upper = along(figure.shoulder, bones.upper, bones.upper_normal, upper_t)
    lower = along(figure.elbow, bones.lower, bones.lower_normal, lower_t)
    place = choose(above(v, 1.0), lower, upper)
    at = points(place.flatten(2))
    across = trunk_coordinates(figure, at).across
    found = arm_coordinates(figure, at, right.expand_as(v).flatten(2)[..., None])
    near = torch.maximum((found.v - v.flatten(2)[..., None]).abs(), (found.s - s.flatten(2)[..., None]).abs()).view_as(
        v
    )
    return place, ((near < CLOSE) & (above(across).view_as(v) == right)).to(v.dtype)


def head_place(scenes: Scene, figure: Figure, head: Head) -> _Points:
    """The point of a head that has the coordinates of ``head``, on the head of ``figure``."""
    x, y, a, b = (each(n) for n in figure.head.unbind(1))
    down = head.y * b
    across = head.x * a - each(scenes.pose.head_tilt) * down
    return torch.cat((x + across, (y + down).expand_as(across)), 1)


def _panel(figure: Figure, garment: Garment, at: Frame, turn: Tensor) -> Worn:
    return wear_panel(figure, garment, lay_flat(garment), at, trunk_coordinates(figure, at), turn)


def panel_place(
    scenes: Scene, figure: Figure, garment: Garment, cloth: _Points, guess: _Points
) -> tuple[_Points, Float[Tensor, "b 1 h w"]]:
    """The point of a worn panel that is this place of the ``cloth``, and whether it was found: Newton's method."""
    goal, place = cloth.flatten(2), guess.flatten(2)
    count = goal.shape[2]
    nudges = goal.new_tensor(((0.0, 0.0), (NUDGE, 0.0), (0.0, NUDGE))).T[None, :, :, None]

    def read(at: Float[Tensor, "b 2 n"]) -> Float[Tensor, "b 2 n"]:
        worn = _panel(figure, garment, points(at), scenes.pose.turn)
        return torch.cat((worn.x, worn.y), 1)[..., 0]

    for _ in range(STEPS):
        here, right, below = read((place[:, :, None] + nudges).flatten(2)).split(count, dim=2)
        (a, c), (b, d) = ((there - here).unbind(1) for there in (right, below))
        x, y = ((goal - here) * NUDGE).unbind(1)
        slope = a * d - b * c
        slope = torch.where(slope.abs() < 1e-9, 1e-9, slope)
        step = torch.stack(((d * x - b * y) / slope, (a * y - c * x) / slope), 1)
        place = place + step.clamp(-0.1, 0.1)
    missed = (read(place) - goal).norm(dim=1, keepdim=True)
    side = (place[:, :1] - guess.flatten(2)[:, :1]).abs() < 0.5
    return place.view_as(guess), ((missed < CLOSE) & side).view_as(guess[:, :1]).to(guess.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """A picture of persons, and which layer of them each pixel shows and nothing else."""

    scenes: Scene
    """Who, how, where."""
    stage: Stage
    """Bodies and pixels."""
    picture: Picture
    """What was painted."""
    shown: Float[Tensor, "b k h w"]
    """1 where a pixel shows this one of ``LAYERS`` alone."""


def portray(scenes: Scene, height: int, width: int) -> Portrait:
    """Paint scenes, and tell what each pixel shows: of what several layers share, nothing is told."""
    picture, stage = paint(scenes, height, width), set_stage(scenes, height, width)
    cloth, outfit = wear(scenes, stage).layer, wear_outfit(scenes, stage)
    head, worn_over = _cover(scenes, stage)
    covers = {
        "skin": stage.body_coverage,
        "panel": torch.maximum(cloth.panel_coverage, picture.batch.garment_region),
        "outfit": outfit.panel_coverage,
        "limb": stage.arm_coverage,
        "sleeve": cloth.sleeve_coverage,
        "outfit_sleeve": outfit.sleeve_coverage,
    }
    full, none = ({k: test(v) for k, v in covers.items()} for test in (_full, _none))
    over = _none(head)
    free = over & _none(worn_over)
    bare = none["limb"] & none["sleeve"] & none["outfit_sleeve"] & free
    label = picture.batch.parse.argmax(1, keepdim=True)
    known = picture.batch.flow_mask > 0
    hand = _full(stage.hand_coverage)
    shown = {
        "skin": full["skin"] & none["panel"] & none["outfit"] & bare,
        "panel": known & ~full["sleeve"],
        "outfit": full["outfit"] & _none(picture.batch.garment_region) & (label == outfit.label) & bare,
        "limb": (full["limb"] & none["sleeve"] & none["outfit_sleeve"] | hand) & over,
        "sleeve": known & full["sleeve"],
        "outfit_sleeve": full["outfit_sleeve"] & none["sleeve"] & _none(stage.hand_coverage) & over,
        "head": _full(head),
    }
    planes = torch.cat([shown[name] for name in LAYERS], 1).to(head.dtype)
    return Portrait(scenes=scenes, stage=stage, picture=picture, shown=planes)


def _full(coverage: _Plane) -> Tensor:
    return coverage > FULL


def _none(coverage: _Plane) -> Tensor:
    return coverage < 1 - FULL


def _cover(scenes: Scene, stage: Stage) -> tuple[_Plane, _Plane]:
    """How much of each pixel heads and their front hair cover, and how much necklaces and bags do."""
    sheets = [Canvas.start(torch.zeros_like(stage.body_coverage).repeat(1, 3, 1, 1)) for _ in range(2)]
    window = head_window(*stage.size)
    head = Head(stage.figure, scenes.body, scenes.pose, stage.at.crop(*window))
    paint_head(sheets[0].crop(*window), head, scenes.setting.light, scenes.pose.gaze)
    paint_necklace(sheets[1], stage.figure, scenes.setting, stage.at, stage.trunk)
    paint_bag(sheets[1], stage.figure, scenes.setting, stage.at, stage.trunk)
    return sheets[0].kept, sheets[1].kept


def places_in(target: Portrait, reference: Portrait) -> tuple[Float[Tensor, "b k h w 2"], Float[Tensor, "b k h w"]]:
    """For each layer, where each pixel's point of it lies in the reference's picture, and whether it has one there."""
    here, there = target.stage, reference.stage
    scenes, size = reference.scenes, here.size
    figure, right = there.figure, above(here.trunk.across)
    skin = skin_place(figure, here.trunk.u, here.at.y)
    limb, on_limb = limb_place(figure, right, here.arm.v, here.arm.s)
    own = Head(here.figure, target.scenes.body, target.scenes.pose, here.at)
    head = head_place(scenes, figure, own)
    found = {"skin": skin, "limb": limb, "sleeve": limb, "outfit_sleeve": limb, "head": head}
    there_too = {"limb": on_limb, "sleeve": on_limb, "outfit_sleeve": on_limb}
    for name, garment in (("panel", scenes.garment), ("outfit", scenes.outfit)):
        worn = _panel(here.figure, garment, here.at, target.scenes.pose.turn)
        cloth = torch.cat((worn.x, worn.y), 1)
        found[name], there_too[name] = panel_place(scenes, figure, garment, cloth, skin)
    ones = torch.ones_like(on_limb)
    places = torch.stack([to_picture(found[name], scenes, *size) for name in LAYERS], 1)
    return places, torch.cat([there_too.get(name, ones) for name in LAYERS], 1)
