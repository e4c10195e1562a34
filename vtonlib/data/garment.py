"""Garments: how one lies flat, and where each point of a dressed person comes from in the flat garment.

A garment has two kinds of parts: the panel (front of a top, dress or skirt, or both trouser legs), which follows the
trunk's rows, and sleeves, which follow the arms. Both have coordinates on the person and on the mannequin; equal
coordinates are the same point of cloth. That alone defines the flow.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data import textures
from vtonlib.data.body import (
    CHEST, COLLAR, CROTCH, FORE_ARM, HIP, LEVELS, SHOULDER, UPPER_ARM, WAIST,
    Arms, Figure, Frame, arm_bones, arm_radius, arms, canvas_unit, frame, interpolate, mannequin,
)  # fmt: skip
from vtonlib.data.scene import DRESS, LOWER, Garment

WAISTBAND = 0.035
"""Height of a lower garment's upper edge on the mannequin."""
SEAM_ALLOWANCE = 0.034
"""How much wider than what shows the flat garment is, in canvas units: about one pixel of 64: no silhouette of the
person reads the white ground beside the flat garment."""


def _each(value: Tensor) -> Tensor:
    return value.view(-1, 1, 1, 1)


def panel_knots(figure: Figure, garment: Garment) -> tuple[Tensor, Tensor]:
    """Outer and inner half widths [b k] of the garment's panel on a figure."""
    ease, flare, boxy = (v[:, None] for v in (garment.ease, garment.flare, garment.boxy))
    trousers = garment.trousers[:, None]
    outer = figure.outer + ease
    outer[:, SHOULDER] = figure.outer[:, SHOULDER] + 0.35 * ease[:, 0] + 0.008
    outer[:, COLLAR] = figure.outer[:, COLLAR] + 0.012
    straight = torch.maximum(outer[:, CHEST], outer[:, HIP]) - 0.012
    outer[:, WAIST] = torch.lerp(outer[:, WAIST], torch.maximum(straight, outer[:, WAIST]), garment.boxy)
    below = (figure.levels - figure.levels[:, HIP : HIP + 1]).relu()
    skirt = outer[:, HIP : HIP + 1] + (flare + 0.1 * ease) * below
    legs = outer + flare * below
    hangs = below > 0
    outer = torch.where(hangs, torch.where(trousers, legs, skirt), outer)
    inner = torch.where(trousers, figure.inner - (0.6 * ease + 0.3 * flare * below) * (figure.inner > 0), -1.0)
    return outer, inner.clamp_min(-1.0) + 0 * boxy


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    """How a garment lies on its canvas: the mannequin's arms, and the camera."""

    figure: Figure
    outer: Float[Tensor, "b k"]
    inner: Float[Tensor, "b k"]
    fit: Float[Tensor, " b"]
    middle: Float[Tensor, " b"]


def lay_flat(garment: Garment) -> Flat:
    """Spread the garment so that it fills its canvas."""
    long = ((garment.sleeve - 0.4) / 1.2).clamp(0, 1)
    angle = 0.95 - 0.62 * long
    figure = mannequin(angle)
    outer, inner = panel_knots(figure, garment)
    length = UPPER_ARM * garment.sleeve.clamp(0, 1) + FORE_ARM * (garment.sleeve - 1).clamp(0, 1)
    has_sleeve = garment.sleeve > 0
    tip = figure.shoulder[:, 0] + length[:, None] * torch.stack((angle.sin(), angle.cos()), 1)
    radius = sleeve_radius(figure.radii, garment, garment.sleeve.clamp_min(0)[:, None, None, None]).flatten()
    level = torch.tensor(LEVELS, device=outer.device)
    visible = (level < garment.hem[:, None] + 0.1) & (level > -0.4)
    wide = torch.where(visible, outer, torch.zeros_like(outer)).amax(1)
    wide = torch.where(has_sleeve, torch.maximum(wide, tip[:, 0] + radius * angle.cos()), wide)
    top = torch.where(garment.category == LOWER, WAISTBAND, LEVELS[COLLAR] - 0.01)
    low = torch.where(has_sleeve, torch.maximum(garment.hem, tip[:, 1] + radius * angle.sin()), garment.hem)
    margin = SEAM_ALLOWANCE + 0.035
    fit = torch.minimum((0.75 - margin) / wide, (2 - 2 * margin) / (low - top)).clamp_max(2.6)
    return Flat(figure=figure, outer=outer, inner=inner, fit=fit, middle=(top + low) / 2)


def sleeve_radius(radii: Tensor, garment: Garment, v: Tensor) -> Tensor:
    """Half width of a sleeve along the arm: wider than the arm, the more the shorter it is."""
    ease, length = _each(garment.ease), _each(garment.sleeve)
    return arm_radius(radii, v) + 0.005 + ease * (0.5 + 0.4 * v.clamp(0, 2)) * (1.5 - 0.5 * length.clamp(0, 2))


def flat_frame(flat: Flat, height: int, width: int) -> Frame:
    """The flat canvas in the mannequin's plane."""
    shift = torch.stack((torch.zeros_like(flat.fit), -flat.middle * flat.fit), 1)
    return frame(height, width, flat.fit, shift)


def neckline(garment: Garment, x: Tensor, y: Tensor) -> Tensor:
    """Distance below the neckline on the mannequin: V, round or square."""
    depth, wide = _each(garment.neck_depth), _each(garment.neck_width)
    a = x.abs() / wide
    d = (y - LEVELS[COLLAR]).clamp_min(0) / depth
    style = _each(garment.neck_style)
    q = torch.where(style == 0, a + d, torch.where(style == 1, torch.hypot(a, d), (a**4 + d**4).sqrt().sqrt()))
    return (q - 1) * torch.minimum(wide, depth)


def draw_flat(flat: Flat, garment: Garment, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The flat garment's colours [b 3 h w] in [0, 1], on white, and its mask [b 1 h w]."""
    at = flat_frame(flat, height, width)
    margin = _each(SEAM_ALLOWANCE / flat.fit)
    rows = interpolate(flat.figure.levels, torch.stack((flat.outer, flat.inner, _armhole(flat, garment)), 1), at.y)
    outer, inner, armhole = (rows[:, i : i + 1] for i in range(3))
    a = at.x.abs()
    is_lower = _each(garment.category == LOWER)
    sides = torch.minimum(torch.minimum(outer + margin, armhole) - a, a - inner + margin)
    hem = _each(garment.hem) - at.y
    top = torch.where(is_lower, at.y - WAISTBAND, at.y - LEVELS[COLLAR])
    neck = torch.where(is_lower, top.expand(-1, -1, -1, width), neckline(garment, at.x, at.y))
    panel = torch.minimum(torch.minimum(sides, hem), torch.minimum(neck, top))
    arm = arms(flat.figure, at, (at.x > 0).expand(-1, -1, height, -1))
    radius = sleeve_radius(flat.figure.radii, garment, arm.v) + margin
    cuff = (_each(garment.sleeve) - arm.v) * UPPER_ARM
    sleeve = torch.minimum(torch.minimum(radius - arm.distance, cuff), arm.start)
    mask = at.coverage(torch.maximum(panel, sleeve))
    on_sleeve = sleeve > torch.where(panel < 0.02, panel, 0.02)
    x = torch.where(on_sleeve, arm.s * arm.side, at.x)
    y = torch.where(on_sleeve, arm.v * UPPER_ARM + LEVELS[SHOULDER], at.y)
    colour = textures.paint(
        garment.texture, x, y, at.pixel, colours=garment.colours, scale=garment.scale, angle=garment.angle,
        variant=garment.variant,
    )  # fmt: skip
    edge = torch.where(on_sleeve, cuff, torch.minimum(neck, hem))
    rib = at.coverage(0.016 - edge) * 0.16 + at.coverage(0.0035 - (edge - 0.028).abs()) * 0.12
    seam = at.coverage(0.003 - arm.start.abs()) * (sleeve > -0.01) * 0.18
    colour = colour * (1 - rib - seam)
    return torch.lerp(torch.ones_like(colour), colour, mask), mask


def _armhole(flat: Flat, garment: Garment) -> Tensor:
    """Outer limit [b k] of the panel where there is no sleeve."""
    limit = torch.full_like(flat.outer, 9.0)
    bare = garment.sleeve < 0
    strap = 0.135 + 0 * garment.sleeve
    limit[:, COLLAR] = torch.where(bare, strap, limit[:, COLLAR])
    limit[:, SHOULDER] = torch.where(bare, strap + 0.012, limit[:, SHOULDER])
    limit[:, CHEST] = torch.where(bare, flat.outer[:, CHEST] + 0.05, limit[:, CHEST])
    return limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A garment's panel on a person: analytic outline and, for each pixel, the place on the mannequin."""

    distance: Float[Tensor, "b 1 h w"]
    u: Float[Tensor, "b 1 h w"]
    x: Float[Tensor, "b 1 h w"]
    y: Float[Tensor, "b 1 h w"]


def wear_panel(
    figure: Figure, garment: Garment, flat: Flat, at: Frame, across: Tensor, turn: Tensor
) -> Panel:
    """Read the panel's place on the mannequin row by row; ``across`` is x from the centre line [b 1 h w]."""
    outer, inner = panel_knots(figure, garment)
    rows = interpolate(figure.levels, torch.stack((outer, inner, flat.figure.levels), 1), at.y)
    outer, inner, level = (rows[:, i : i + 1] for i in range(3))
    level = level + (at.y - figure.levels[:, -1].view(-1, 1, 1, 1)).clamp_min(0)
    there = interpolate(flat.figure.levels, torch.stack((flat.outer, flat.inner), 1), level)
    gap, flat_gap = inner.relu(), there[:, 1:].relu()
    stretch = (there[:, :1] - flat_gap) / (outer - gap)
    a = across.abs()
    u = across / outer
    legs = _each(garment.trousers) & (level > LEVELS[CROTCH] - 0.1)
    turning = torch.where(legs, 0.0, _each(turn) * there[:, :1])
    x = torch.copysign(flat_gap + stretch * (a - gap), across) + turning * (1 - u * u).clamp_min(0)
    bow = 0.035 * ((level + 0.3) / 0.6).clamp(0, 1.5)
    steep = (1 + ((outer[:, :, 1:] - outer[:, :, :-1]) / (at.y[:, :, 1:] - at.y[:, :, :-1])).square()).rsqrt()
    steep = torch.cat((steep[:, :, :1], steep), 2)
    distance = torch.minimum(outer - a, a - inner) * steep
    distance = torch.where(at.y < _each(figure.levels[:, COLLAR]) - 0.02, -1.0, distance)
    return Panel(distance=distance, u=u, x=x, y=level + bow * (u * u).clamp_max(1.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeve:
    """A garment's sleeves on a person, as :class:`Panel`."""

    distance: Float[Tensor, "b 1 h w"]
    x: Float[Tensor, "b 1 h w"]
    y: Float[Tensor, "b 1 h w"]


def wear_sleeve(figure: Figure, garment: Garment, flat: Flat, arm: Arms) -> Sleeve:
    """Where each pixel of the arms' sleeves lies on the mannequin."""
    worn = sleeve_radius(figure.radii, garment, arm.v)
    bones = arm_bones(flat.figure)
    seam = _each(bones["seam"][:, 0])
    dx, dy = (_each(bones["upper"][:, 0, i]) for i in range(2))
    origin = flat.figure.shoulder[:, 0]
    s = arm.s / worn * sleeve_radius(flat.figure.radii, garment, arm.v)
    upper, lower = arm.v.clamp(0, 1), (arm.v - 1).clamp_(0, 1.3)
    t = upper * (UPPER_ARM + seam * s) - seam * s + lower * FORE_ARM
    distance = torch.minimum(worn - arm.distance, arm.start)
    return Sleeve(
        distance=distance,
        x=arm.side * (_each(origin[:, 0]) + dx * t + dy * s),
        y=_each(origin[:, 1]) + dy * t - dx * s,
    )


def to_canvas(flat: Flat, x: Tensor, y: Tensor, height: int, width: int) -> Float[Tensor, "b h w 2"]:
    """Places on the mannequin as coordinates in [-1, 1] of the flat garment's image."""
    unit = canvas_unit(height, width) * _each(flat.fit)
    x = x * (unit * 2 / (width - 1))
    y = (y - _each(flat.middle)) * (unit * 2 / (height - 1))
    return torch.cat((x, y), 1).movedim(1, -1)


def cut_distance(garment: Garment, panel: Panel) -> Tensor:
    """Distance inside the cut edges (neck, waist, hem) of a plain garment's panel, in the mannequin's units."""
    is_lower = _each(garment.category == LOWER)
    top = torch.where(is_lower, panel.y - WAISTBAND, neckline(garment, panel.x, panel.y))
    return torch.minimum(top, _each(garment.hem) - panel.y)


DRESS_CATEGORY = DRESS
