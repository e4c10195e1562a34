"""From scenes to pictures: the correspondence first, then the person painted by reading the garment through it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.accessories import paint_bag, paint_necklace
from vtonlib.data.backdrop import paint_backdrop
from vtonlib.data.batch import PARSE_LABELS, TryOnBatch
from vtonlib.data.canvas import Canvas
from vtonlib.data.figure import COLLAR, CROTCH, LEVELS
from vtonlib.data.frame import above, choose, each
from vtonlib.data.garment import WAISTBAND
from vtonlib.data.head import Head, head_window, paint_back_hair, paint_head
from vtonlib.data.layers import LABEL, Cloth, Layer, Light, Stage, light_up, set_stage, wear, wear_outfit
from vtonlib.data.misfit import misfit
from vtonlib.data.parameters import LOWER
from vtonlib.data.scene import Scene
from vtonlib.data.truth import dense_pose, joints

CHUNK = 1 << 18
"""Pixels rendered at once: about what a processor's caches hold."""
FULL = 0.9995
"""A pixel counts as covered from here on."""
_Plane = Float[Tensor, "b 1 h w"]
_Flow = Float[Tensor, "b h w 2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A rendered batch, and the two factors of the person's image: person = albedo * shading, in [0, 1]."""

    batch: TryOnBatch
    """All that a model may be given, and the truth."""
    albedo: Float[Tensor, "b 3 h w"]
    """The surfaces' own colours."""
    shading: Float[Tensor, "b 3 h w"]
    """Light and shadow on them."""


def render(scenes: Scene, height: int, width: int) -> TryOnBatch:
    """Pictures of the scenes, with everything that is true about them.

    Book: sec-world.
    """
    count = max(1, CHUNK // (height * width))
    parts = [paint(scenes[i : i + count], height, width).batch for i in range(0, max(1, len(scenes)), count)]
    return parts[0] if len(parts) == 1 else TryOnBatch.concatenate(parts)


def _shadow_below(canvas: Canvas, below: _Plane, onto: _Plane) -> None:
    """What hangs over something darkens it just below its edge."""
    near = (1 - below / 0.045).clamp_(0, 1) * (below > 0)
    canvas.shade.addcmul_(near * near, onto, value=-0.16)


def _paint_trunk(canvas: Canvas, scenes: Scene, stage: Stage, light: Light) -> None:
    """Skin of neck, torso and legs."""
    trunk = stage.trunk
    top = torch.where(trunk.level < LEVELS[COLLAR], float(LABEL["neck"]), float(LABEL["torso_skin"]))
    leg = torch.add(LABEL["right_leg"], above(trunk.across), alpha=LABEL["left_leg"] - LABEL["right_leg"])
    label = choose(above(trunk.level, LEVELS[CROTCH]), leg, top)
    canvas.over(scenes.body.skin[:, :, None, None], stage.body_coverage, label, light.skin)


def _paint_panels(canvas: Canvas, scenes: Scene, stage: Stage, target: Layer, outfit: Layer, light: Light) -> None:
    """Both garments' panels, the one behind first. An outfit in front of the garment is kept in the agnostic image."""
    tucked, body = each(scenes.setting.tucked), stage.body_coverage
    outfit_in_front = tucked ^ each(scenes.garment.category == LOWER)
    for first in (True, False):
        now = (outfit_in_front == first).to(body.dtype)  # whether the garment to try on is painted now
        coverage = choose(now, target.panel_coverage, outfit.panel_coverage)
        level = choose(now, target.level, outfit.level)
        _shadow_below(canvas, level - choose(now, target.hem, outfit.hem), body * stage.reach.panel)
        if first:  # what is tucked in ends at the waistband
            hidden = tucked * (1 - stage.at.coverage(WAISTBAND + 0.04 - level))
            coverage = coverage * (1 - hidden)
        canvas.over(
            choose(now, target.panel, outfit.panel), coverage, choose(now, target.label, outfit.label),
            light.cloth, target=now, kept=(1 - now) * outfit_in_front,
        )  # fmt: skip
        body = torch.maximum(body, coverage)


def _paint_arms(canvas: Canvas, scenes: Scene, stage: Stage, target: Layer, outfit: Layer, light: Light) -> None:
    """Arms, sleeves, hands. Before a lower garment all of them are kept; else the hands alone."""
    label = torch.add(LABEL["right_arm"], above(stage.arm.side), alpha=LABEL["left_arm"] - LABEL["right_arm"])
    colour = scenes.body.skin[:, :, None, None]
    kept = each(scenes.garment.category == LOWER).float()
    canvas.over(colour, stage.arm_coverage, label, light.arm, kept=kept)
    canvas.kept.masked_fill_(stage.reach.sleeve, 0.0)  # some sleeve could cover it
    canvas.over(outfit.sleeve, outfit.sleeve_coverage, outfit.label, light.sleeve, kept=kept)
    canvas.over(target.sleeve, target.sleeve_coverage, target.label, light.sleeve, target=1.0)
    canvas.over(colour, stage.hand_coverage, label, light.arm, kept=1.0)


def compose(scenes: Scene, stage: Stage, target: Layer, outfit: Layer) -> Canvas:
    """Paint everything, back to front."""
    light = light_up(scenes, stage)
    window = head_window(*stage.size)
    head = Head(stage.figure, scenes.body, scenes.pose, stage.at.crop(*window))
    canvas = Canvas.start(paint_backdrop(scenes.setting, *stage.size))
    paint_back_hair(canvas.crop(*window), head)
    _paint_trunk(canvas, scenes, stage, light)
    _paint_panels(canvas, scenes, stage, target, outfit, light)
    paint_necklace(canvas, stage.figure, scenes.setting, stage.at, stage.trunk)
    paint_bag(canvas, stage.figure, scenes.setting, stage.at, stage.trunk)
    _paint_arms(canvas, scenes, stage, target, outfit, light)
    paint_head(canvas.crop(*window), head, scenes.setting.light, scenes.pose.gaze)
    return canvas


def true_flow(stage: Stage, cloth: Cloth, outfit: Layer, target: _Plane) -> tuple[_Flow, _Plane]:
    """The flow, and where one part of the garment alone fills the pixel, so that no two correspondences mix."""
    sleeve = cloth.layer.sleeve_coverage
    arm = torch.maximum(torch.maximum(stage.arm_coverage, outfit.sleeve_coverage), sleeve)
    known = ((target > FULL) & ((sleeve > FULL) | (arm < 1 - FULL))).to(target.dtype)
    flow = choose(above(sleeve, 0.5).movedim(1, -1), cloth.sleeve_flow, cloth.panel_flow)
    return flow * known.movedim(1, -1), known


def one_hot(label: Float[Tensor, "b 1 h w"], count: int) -> Float[Tensor, "b k h w"]:
    """Labels as channels of 0 and 1."""
    numbers = torch.arange(count, dtype=label.dtype, device=label.device).view(1, -1, 1, 1)
    channels = torch.empty(len(label), count, *label.shape[2:], device=label.device)
    return torch.eq(label, numbers, out=channels)


def paint(scenes: Scene, height: int, width: int) -> Picture:
    """Render scenes all at once; :func:`render` does it in portions that fit the cache."""
    stage = set_stage(scenes, height, width)
    cloth, outfit = wear(scenes, stage), wear_outfit(scenes, stage)
    canvas = compose(scenes, stage, cloth.layer, outfit)
    shading = canvas.shading()
    person = canvas.rgb * shading * 2 - 1
    hidden = ((stage.reach.panel | stage.reach.sleeve) & (canvas.kept < 1)).to(person.dtype)
    flow, flow_mask = true_flow(stage, cloth, outfit, canvas.target)
    warped, covered = misfit(scenes, stage.figure, cloth.flat, cloth.image, cloth.mask)
    batch = TryOnBatch(
        person=person,
        garment=cloth.image * 2 - 1,
        garment_mask=cloth.mask,
        agnostic=person * (1 - hidden),
        agnostic_mask=hidden,
        dense_pose=dense_pose(stage.figure, stage.trunk, stage.arm, stage.at, stage.body_coverage, stage.arm_coverage),
        keypoints=joints(stage.figure, scenes, height, width),
        parse=one_hot(canvas.label, len(PARSE_LABELS)),
        garment_region=canvas.target,
        flow=flow,
        flow_mask=flow_mask,
        warped_garment=warped * 2 - 1,
        misalign_mask=canvas.target * (1 - covered),
        index=scenes.index,
    )
    return Picture(batch=batch, albedo=canvas.rgb, shading=shading)
