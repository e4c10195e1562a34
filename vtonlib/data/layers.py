"""What a person consists of, ready to be painted: geometry, light, and both garments as layers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.body import Arms, Trunk, arm_coordinates, hand_distance, trunk_coordinates
from vtonlib.data.figure import Figure, make_figure
from vtonlib.data.frame import Frame, above, each, make_frame
from vtonlib.data.garment import (
    Flat,
    cuff_distance,
    cut_edges,
    draw_flat,
    lay_flat,
    wear_panel,
    wear_sleeve,
)
from vtonlib.data.parameters import DRESS, Garment
from vtonlib.data.scene import Scene
from vtonlib.data.truth import Reach, garment_reach
from vtonlib.grids import warp

LABEL = {name: i for i, name in enumerate(PARSE_LABELS)}
_Plane = Float[Tensor, "b 1 h w"]
_Flow = Float[Tensor, "b h w 2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A posed body before the camera, and what of each pixel its parts cover."""

    figure: Figure
    """The body's knots and joints."""
    at: Frame
    """The pixels, in the body's plane."""
    trunk: Trunk
    """Trunk coordinates of each pixel."""
    arm: Arms
    """Arm coordinates of each pixel."""
    reach: Reach
    """Where a garment of the category could show."""
    arm_distance: _Plane
    """Inside arm or hand."""
    body_coverage: _Plane
    """How much of each pixel the trunk covers, 0 to 1."""
    arm_coverage: _Plane
    """The same of arms and hands."""
    hand_coverage: _Plane
    """Of the part of the hand that no cuff ever covers."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture."""
        return self.at.y.shape[2], self.at.x.shape[3]


def set_stage(scenes: Scene, height: int, width: int) -> Stage:
    """The bodies of these scenes."""
    at = make_frame(height, width, scenes.pose.zoom, scenes.pose.shift)
    figure = make_figure(scenes.body, scenes.pose)
    trunk = trunk_coordinates(figure, at)
    arm = arm_coordinates(figure, at, above(trunk.across))
    hand = hand_distance(figure, arm)
    limb = torch.minimum(arm.radius - arm.distance, torch.minimum(arm.start, 0.03 - arm.beyond))
    distance = torch.maximum(limb, hand)
    return Stage(
        figure=figure,
        at=at,
        trunk=trunk,
        arm=arm,
        reach=garment_reach(scenes.garment.category, figure, trunk, arm, at),
        arm_distance=distance,
        body_coverage=at.coverage(trunk.distance),
        arm_coverage=at.coverage(distance),
        hand_coverage=at.coverage(torch.minimum(hand, arm.beyond - 0.012)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A garment on a person, ready to paint: panel and sleeves, each with colours and coverage."""

    panel: Float[Tensor, "b 3 #h #w"]
    """Colours of the panel, in [0, 1]."""
    panel_coverage: _Plane
    """How much of each pixel it covers, 0 to 1."""
    sleeve: Float[Tensor, "b 3 #h #w"]
    """Colours of the sleeves, in [0, 1]."""
    sleeve_coverage: _Plane
    """How much of each pixel they cover, 0 to 1."""
    label: Float[Tensor, "b 1 1 1"]
    """Number of the garment's label in ``PARSE_LABELS``."""
    level: _Plane
    """Height on the mannequin of each pixel of the panel."""
    hem: Float[Tensor, "b 1 1 1"]
    """That of its lower edge."""


def _label_of(garment: Garment) -> Float[Tensor, "b 1 1 1"]:
    names = ("upper_garment", "lower_garment", "dress")
    table = torch.tensor([float(LABEL[n]) for n in names], device=garment.category.device)
    return each(table[garment.category])


def _read(cloth: Float[Tensor, "b 4 h w"], flow: Float[Tensor, "b h w 2"]) -> tuple[Tensor, Tensor]:
    """Colour and coverage of the cloth at the flow's places. ``cloth`` holds colour - 1 and mask.

    Where a pixel mixes cloth and white ground, colour - 1 is mask times what it would be of cloth alone.
    """
    colour, mask = warp(cloth, flow).split((3, 1), dim=1)
    return (colour * (1 / mask.clamp_min(1e-3))).add_(1), mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloth:
    """The garment to try on: its flat image, the two flows that its parts give, and the layer painted through them."""

    flat: Flat
    """How it lies."""
    image: Float[Tensor, "b 3 h w"]
    """Flat garment in [0, 1] on white."""
    mask: _Plane
    """How much of each pixel of the flat image is garment, 0 to 1."""
    panel_flow: _Flow
    """Where each pixel of the person would lie on the flat panel, in [-1, 1]."""
    sleeve_flow: _Flow
    """The same on the flat sleeves."""
    layer: Layer
    """What is painted onto the person."""


def wear(scenes: Scene, stage: Stage) -> Cloth:
    """The garment to try on: every colour and every cut edge is read from the flat garment through the flow."""
    garment, at, reach = scenes.garment, stage.at, stage.reach
    flat = lay_flat(garment)
    image, mask = draw_flat(flat, garment, *stage.size)
    panel = wear_panel(stage.figure, garment, flat, at, stage.trunk, scenes.pose.turn)
    sleeve = wear_sleeve(stage.figure, garment, flat, stage.arm)
    panel_flow, sleeve_flow = (flat.to_canvas(part.x, part.y, *stage.size) for part in (panel, sleeve))
    cloth = torch.cat((image - 1, mask), 1)
    panel_colour, panel_mask = _read(cloth, panel_flow)
    sleeve_colour, sleeve_mask = _read(cloth, sleeve_flow)
    layer = Layer(
        panel=panel_colour,
        panel_coverage=at.coverage(panel.distance) * panel_mask * reach.panel,
        sleeve=sleeve_colour,
        sleeve_coverage=at.coverage(sleeve.distance) * sleeve_mask * (reach.sleeve & each(garment.sleeve > 0)),
        label=_label_of(garment),
        level=panel.y,
        hem=each(garment.hem),
    )
    return Cloth(flat=flat, image=image, mask=mask, panel_flow=panel_flow, sleeve_flow=sleeve_flow, layer=layer)


def wear_outfit(scenes: Scene, stage: Stage) -> Layer:
    """The plain garment worn with it, drawn without a flat image; nothing with a dress."""
    garment, at = scenes.outfit, stage.at
    flat = lay_flat(garment)
    panel = wear_panel(stage.figure, garment, flat, at, stage.trunk, scenes.pose.turn)
    sleeve = wear_sleeve(stage.figure, garment, flat, stage.arm)
    worn = each(scenes.garment.category != DRESS)
    cuff = cuff_distance(garment, stage.arm.v)
    colour = garment.colours[:, 0, :, None, None]
    return Layer(
        panel=colour,
        panel_coverage=at.coverage(torch.minimum(panel.distance, cut_edges(garment, panel.x, panel.y))) * worn,
        sleeve=colour,
        sleeve_coverage=at.coverage(torch.minimum(sleeve.distance, cuff)) * worn,
        label=_label_of(garment),
        level=panel.y,
        hem=each(garment.hem),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """How bright each surface is."""

    skin: _Plane
    """Of trunk, legs and head; 1 leaves the colour as it is."""
    cloth: _Plane
    """Of the panel."""
    arm: _Plane
    """Of bare arms."""
    sleeve: _Plane
    """Of sleeves."""


def light_up(scenes: Scene, stage: Stage) -> Light:
    """Round limbs, a lamp from one side, shadows of arms and chin, folds. The garment worn has no part in it."""
    setting, at, trunk, arm, head = scenes.setting, stage.at, stage.trunk, stage.arm, stage.figure.head
    light = each(setting.light)
    u = trunk.u.clamp(-1.4, 1.4)
    shadow = (1 + stage.arm_distance / 0.05).clamp_(0, 1) * ((arm.v - 0.1) * 2.5).clamp_(0, 1)
    body = 1.02 + 0.06 * light * u - 0.12 * u * u - 0.2 * shadow * shadow
    phase = 6.28 * setting.variant
    bend = torch.sin(at.x * 9 + each(phase[:, 2])) * torch.sin(at.y * 7 + each(phase[:, 3]))
    slant = at.y * (22 * each(setting.variant[:, 4]) - 11)
    fold = torch.cos(at.x * (16 + 8 * each(setting.variant[:, 5])) + slant + each(phase[:, 6]) + 1.3 * bend)
    deep = ((trunk.level + 0.35) / 0.6).clamp(0.15, 1.2)
    w = arm.s / arm.radius
    round_arm = 1.01 - 0.12 * w * w + 0.05 * light * w * arm.side
    chin = (1 - (at.y - each(head[:, 1] + head[:, 3])).abs() / 0.07).clamp(0, 1)
    return Light(
        skin=body - 0.17 * chin, cloth=body + 0.035 * fold * deep, arm=round_arm, sleeve=round_arm + 0.03 * fold
    )
