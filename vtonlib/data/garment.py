"""Garments: how one lies flat, and where each point of a dressed person comes from in the flat garment.

A garment has two kinds of parts: the panel (the front of a top, dress or skirt, or both trouser legs), which follows
the trunk's rows, and sleeves, which follow the arms. Both have coordinates on the person and on the mannequin; equal
coordinates are the same point of cloth. That alone defines the flow.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data import textures
from vtonlib.data.body import Arms, Trunk, arm_bones, arm_coordinates, arm_radius
from vtonlib.data.figure import (
    CHEST,
    COLLAR,
    CROTCH,
    FORE_ARM,
    HIP,
    LEVELS,
    SHOULDER,
    UPPER_ARM,
    WAIST,
    Figure,
    mannequin,
)  # fmt: skip
from vtonlib.data.frame import Frame, above, canvas_scale, choose, each, interpolate, interpolate_anywhere, steepness
from vtonlib.data.laying import Camera, lay
from vtonlib.data.parameters import LOWER, Garment

WAISTBAND = 0.035
"""Height of a lower garment's upper edge on the mannequin."""
SEAM_ALLOWANCE = 0.034
"""How far the flat garment reaches beyond what shows when it is worn, in the canvas's units: about one pixel of 64.
So no silhouette of the person reads the white ground beside the flat garment."""
OUTLINE = 7
"""Heights at which the panel's width is looked at to keep the garment within its picture."""
_Plane = Float[Tensor, "b 1 h w"]


def panel_knots(figure: Figure, garment: Garment) -> Float[Tensor, "b 2 k"]:
    """Outer and inner half widths of the garment's panel on a figure."""
    ease, flare, trousers = garment.ease[:, None], garment.flare[:, None], garment.trousers[:, None]
    outer = figure.outer + ease
    outer[:, SHOULDER] = figure.outer[:, SHOULDER] + 0.35 * garment.ease + 0.008
    outer[:, COLLAR] = figure.outer[:, COLLAR] + 0.012
    straight = torch.maximum(outer[:, CHEST], outer[:, HIP]) - 0.012
    outer[:, WAIST] = outer[:, WAIST].lerp(torch.maximum(straight, outer[:, WAIST]), garment.boxy)
    below = (figure.levels - figure.levels[:, HIP : HIP + 1]).relu()
    skirt = outer[:, HIP : HIP + 1] + (flare + 0.1 * ease) * below
    outer = torch.where(below > 0, torch.where(trousers, outer + flare * below, skirt), outer)
    gap = figure.inner - (0.6 * ease + 0.3 * flare * below) * (figure.inner > 0)
    return torch.stack((outer, torch.where(trousers, gap, -1.0)), 1)


def sleeve_radius(figure: Figure, garment: Garment, upper: _Plane, lower: _Plane) -> _Plane:
    """Half width of a sleeve along the arm: wider than the arm, the more so the shorter it is."""
    ease = garment.ease * (1.5 - 0.5 * garment.sleeve.clamp(0, 2))
    widths = torch.stack((0.2 * ease, 0.8 * ease, 1.4 * ease), 1) + 0.004
    return arm_radius(figure.radii + widths, upper, lower)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    """How a garment lies: a mannequin, the panel's half widths on it, and the camera that sees it."""

    figure: Figure
    """The mannequin that wears it."""
    knots: Float[Tensor, "b 2 k"]
    """Outer and inner half widths of the panel, at the mannequin's knots."""
    camera: Camera
    """Takes the mannequin's plane to the picture."""

    def to_canvas(self, x: _Plane, y: _Plane, height: int, width: int) -> Float[Tensor, "b h w 2"]:
        """Places on the mannequin as coordinates in [-1, 1] of the flat garment's image: a flow."""
        return self.camera.project(x, y, canvas_scale(height, width, x))


def lay_flat(garment: Garment) -> Flat:
    """Spread a garment so that it fills its canvas: the longer its sleeves, the closer they lie."""
    angle = 0.95 - 0.62 * ((garment.sleeve - 0.4) / 1.2).clamp(0, 1)
    figure = mannequin(angle)
    knots = panel_knots(figure, garment)
    length = UPPER_ARM * garment.sleeve.clamp(0, 1) + FORE_ARM * (garment.sleeve - 1).clamp(0, 1)
    tip_x, tip_y = (figure.shoulder[:, 0] + length[:, None] * torch.stack((angle.sin(), angle.cos()), 1)).unbind(1)
    end = each(garment.sleeve)
    cuff = sleeve_radius(figure, garment, end.clamp(0, 1), (end - 1).clamp(0, 1)).flatten()
    seen = (figure.levels < garment.hem[:, None] + 0.1) & (figure.levels > -0.4)
    wide = torch.where(seen, knots[:, 0], 0.0).amax(1)
    top = torch.where(garment.category == LOWER, WAISTBAND, LEVELS[COLLAR] - 0.01)
    low = garment.hem
    has_sleeve = garment.sleeve > 0
    wide = torch.where(has_sleeve, torch.maximum(wide, tip_x + cuff * angle.cos()), wide)
    low = torch.where(has_sleeve, torch.maximum(low, tip_y + cuff * angle.sin()), low)
    margin = 2 * SEAM_ALLOWANCE
    fit = torch.minimum((0.75 - margin) / wide, (2 - 2 * margin) / (low - top)).clamp_max(2.6)
    rows = torch.lerp(top[:, None], garment.hem[:, None], torch.linspace(0, 1, OUTLINE, device=top.device))
    panel = torch.stack((interpolate(figure.levels, knots[:, :1], rows[:, None, :, None])[:, 0, :, 0], rows), -1)
    across, up = cuff * angle.cos(), cuff * angle.sin()
    ends = torch.stack((torch.stack((tip_x + across, tip_y - up), 1), torch.stack((tip_x - across, tip_y + up), 1)), 1)
    outline = torch.cat((panel, torch.where(has_sleeve[:, None, None], ends, panel[:, :2])), 1)
    return Flat(figure=figure, knots=knots, camera=lay(garment.laid, outline, fit, (top + low) / 2))


def neckline(garment: Garment, x: Tensor, y: Tensor) -> Tensor:
    """Distance below the neckline on the mannequin: V, round or square."""
    wide, depth = each(garment.neck_width), each(garment.neck_depth)
    a, d = x.abs() / wide, (y - LEVELS[COLLAR]).clamp_min(0) / depth
    a2, d2 = a * a, d * d
    style = each(garment.neck_style)
    round_or_square = torch.where(style == 1, (a2 + d2).sqrt(), (a2 * a2 + d2 * d2).sqrt().sqrt())
    return (torch.where(style == 0, a + d, round_or_square) - 1) * torch.minimum(wide, depth)


def cut_edges(garment: Garment, x: Tensor, y: Tensor) -> Tensor:
    """Distance inside the panel's cut edges on the mannequin: neckline or waist, and hem."""
    is_lower = each(garment.category == LOWER)
    collar = torch.minimum(neckline(garment, x, y), y - LEVELS[COLLAR])
    return torch.minimum(torch.where(is_lower, y - WAISTBAND, collar), each(garment.hem) - y)


def cuff_distance(garment: Garment, v: _Plane) -> _Plane:
    """Distance before the end of the sleeve; everywhere negative for a garment without sleeves."""
    return (each(garment.sleeve) - v) * UPPER_ARM - each(garment.sleeve < 0).float()


def _armhole(flat: Flat, garment: Garment) -> Float[Tensor, "b 1 k"]:
    """Outer limit of the panel: the straps of a sleeveless garment are narrower than the shoulders."""
    outer = flat.knots[:, 0]
    limit = torch.full_like(outer, 2.0)
    limit[:, COLLAR], limit[:, SHOULDER] = 0.136, 0.146
    limit[:, CHEST] = outer[:, CHEST] + 0.04
    bare = (garment.sleeve < 0) & (garment.category != LOWER)
    return torch.where(bare[:, None], limit, 9.0)[:, None]


def draw_flat(flat: Flat, garment: Garment, height: int, width: int) -> tuple[Float[Tensor, "b 3 h w"], _Plane]:
    """The flat garment's colours in [0, 1], on white, and its mask."""
    at = flat.camera.frame(height, width)
    margin = each(SEAM_ALLOWANCE / flat.camera.zoom)
    read = interpolate if at.y.shape[3] == 1 else interpolate_anywhere
    rows = read(flat.figure.levels, torch.cat((flat.knots, _armhole(flat, garment)), 1), at.y)
    outer, inner, armhole = rows.split(1, dim=1)
    a = at.x.abs()
    edge = cut_edges(garment, at.x, at.y)
    panel = torch.minimum(torch.minimum(torch.minimum(outer + margin, armhole) - a, a - inner + margin), edge)
    arm = arm_coordinates(flat.figure, at, above(at.x).expand(-1, -1, height, -1))
    cuff = cuff_distance(garment, arm.v)
    sides = sleeve_radius(flat.figure, garment, arm.upper, arm.lower) + margin - arm.distance
    sleeve = torch.minimum(torch.minimum(sides, cuff), arm.start)
    mask = at.coverage(torch.maximum(panel, sleeve))
    on_sleeve = above(sleeve - panel.clamp_max(0.02))
    colour = textures.paint(
        garment.texture,
        choose(on_sleeve, arm.s * arm.side + 0.6, at.x),  # beside the chest: no print lands on a sleeve
        choose(on_sleeve, arm.v * UPPER_ARM + LEVELS[SHOULDER], at.y),
        at.pixel, colours=garment.colours, scale=garment.scale, angle=garment.angle, variant=garment.variant,
    )  # fmt: skip
    edge = choose(on_sleeve, cuff, edge)
    seam = at.coverage(0.003 - arm.start.abs()) * (sleeve > -0.01)
    finish = 1 - 0.14 * at.coverage(0.016 - edge) - 0.1 * at.coverage(0.003 - (edge - 0.026).abs()) - 0.16 * seam
    return (colour * finish).sub_(1).mul_(mask).add_(1), mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Worn:
    """One kind of part as worn: its analytic outline and, for each pixel, its place on the mannequin."""

    distance: _Plane
    """Inside the sides of the part; the cut edges (neck, hem, cuff) are not in it."""
    x: _Plane
    """Of each pixel's place on the mannequin."""
    y: _Plane
    """Of each pixel's place on the mannequin."""


def wear_panel(figure: Figure, garment: Garment, flat: Flat, at: Frame, trunk: Trunk, turn: Tensor) -> Worn:
    """The panel on a person; ``turn`` [b] says how far the body is turned about its axis."""
    knots = panel_knots(figure, garment)
    rows = interpolate(figure.levels, torch.cat((knots, flat.figure.levels[:, None]), 1), at.y)
    outer, inner, level = rows.split(1, dim=1)
    flat_outer, flat_inner = interpolate(flat.figure.levels, flat.knots, level).split(1, dim=1)
    gap, flat_gap = inner.relu(), flat_inner.relu()
    a = trunk.across.abs()
    u2 = (trunk.across / outer).square()
    # A turned body shows more of one side: the cloth shifts inwards, not at the outline. Legs do not turn.
    whole = ~(each(garment.trousers) & (level > LEVELS[CROTCH] - 0.1))
    shift = (1 - u2).clamp_min_(0) * (each(turn) * flat_outer * whole)
    stretched = torch.addcmul(flat_gap, (flat_outer - flat_gap) / (outer - gap), a - gap)
    # Seen from the chest's height, what is level on a round body sags in the middle, the lower the more.
    bow = 0.035 * ((level + 0.3) / 0.6).clamp(0, 1.5)
    distance = torch.minimum(outer - a, a - inner).mul_(steepness(outer, at.y))
    return Worn(
        distance=torch.where(at.y < each(figure.levels[:, COLLAR] - 0.02), -1.0, distance),
        x=torch.copysign(stretched, trunk.across).add_(shift),
        y=torch.addcmul(level, bow, u2.clamp_max_(1.5)),
    )


def wear_sleeve(figure: Figure, garment: Garment, flat: Flat, arm: Arms) -> Worn:
    """The sleeves on a person."""
    bones = arm_bones(flat.figure)
    seam, dx, dy = each(bones.seam[:, 0]), each(bones.upper[:, 0, 0]), each(bones.upper[:, 0, 1])
    x, y = (each(c) for c in flat.figure.shoulder[:, 0].unbind(1))
    worn = sleeve_radius(figure, garment, arm.upper, arm.lower)
    s = arm.s / worn * sleeve_radius(flat.figure, garment, arm.upper, arm.lower)
    # Along the mannequin's arm: mitred at the shoulder as there, straight at the elbow.
    t = torch.addcmul(arm.lower * FORE_ARM + arm.upper * UPPER_ARM, seam * s, arm.upper - 1)
    return Worn(
        distance=torch.minimum(worn - arm.distance, arm.start),
        x=arm.side * (x + dx * t + dy * s),
        y=y + dy * t - dx * s,
    )
