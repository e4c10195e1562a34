"""Heads: faces, hair, and what they cover."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.body import COLLAR, Figure, Frame
from vtonlib.data.canvas import Canvas, each
from vtonlib.data.scene import HAIR_STYLES, Body, Scene

LABEL = {name: i for i, name in enumerate(PARSE_LABELS)}
STYLE = {name: i for i, name in enumerate(HAIR_STYLES)}


def _ellipse(x: Tensor, y: Tensor, a: Tensor | float, b: Tensor | float) -> Tensor:
    """Roughly the distance inside an ellipse."""
    q = torch.hypot(x / a, y / b)
    return (1 - q) * (torch.minimum(a, b) if isinstance(a, Tensor) else min(a, b))


def _by_style(body: Body, values: dict[str, float]) -> Tensor:
    return each(torch.tensor([values[s] for s in HAIR_STYLES], device=body.hair.device)[body.hair_style])


def _head_rows(at: Frame) -> int:
    """Rows that can hold heads and hair: those above y = 0.1, over all cameras."""
    height = at.y.shape[2]
    return min(height, int(height * 0.62) + 1)


def paint_back_hair(canvas: Canvas, figure: Figure, body: Body, at: Frame) -> None:
    """Hair behind the neck and shoulders."""
    count = _head_rows(at)
    canvas, at = canvas.rows(count), at.rows(count)
    cx, cy, a, b = (each(figure.head[:, i]) for i in range(4))
    wide = _by_style(body, {"cropped": 1.0, "bob": 1.28, "long": 1.32, "bun": 1.0, "curly": 1.55, "bald": 0.5})
    low = _by_style(body, {"cropped": 0.0, "bob": 1.0, "long": 2.2, "bun": 0.0, "curly": 0.55, "bald": 0.0})
    x, y = at.x - cx, at.y - cy
    stretch = torch.where(y > 0, (1.05 + low) * b, 1.12 * b)
    distance = _ellipse(x, y, a * wide, stretch)
    bun = _ellipse(x, y + 1.25 * b, a * 0.45, b * 0.36)
    distance = torch.where(each(body.hair_style == STYLE["bun"]), torch.maximum(distance, bun), distance)
    distance = torch.where(each(body.hair_style == STYLE["bald"]), -1.0, distance)
    canvas.over(body.hair[:, :, None, None] * 0.86, at.coverage(distance), LABEL["hair"])


def paint_head(canvas: Canvas, figure: Figure, scenes: Scene, at: Frame) -> None:
    """Ears, face and hair."""
    body, pose = scenes.body, scenes.pose
    count = _head_rows(at)
    canvas, at = canvas.rows(count), at.rows(count)
    cx, cy, a, b = (each(figure.head[:, i]) for i in range(4))
    y = at.y - cy
    x = at.x - cx + each(pose.head_tilt) * y
    skin, hair = body.skin[:, :, None, None], body.hair[:, :, None, None]
    jaw = a * (1 - (0.20 - 0.06 * each(body.jaw)) * (y / b).clamp(0, 1).square())
    face = _ellipse(x, y, jaw, b)
    mirrored = x.abs()
    ears = _ellipse(mirrored - a * 0.98, y - 0.05 * b, a * 0.16, b * 0.2)
    solid = at.coverage(torch.maximum(face, ears))
    shade = 1.0 + 0.07 * each(scenes.setting.light) * x / a - 0.05 * (x / a).square()
    canvas.over(skin, solid, LABEL["face"], shade)
    gx = x - 0.05 * a * each(pose.gaze)
    m = gx.abs()
    blush = torch.exp(-((m - 0.52 * a).square() + (y - 0.36 * b).square()) / (0.03 * a * 0.2 + 0.0004)) * 0.22
    canvas.over(torch.tensor([0.86, 0.42, 0.38], device=x.device).view(1, 3, 1, 1), blush * solid, LABEL["face"], shade)
    dark = torch.tensor([0.16, 0.11, 0.12], device=x.device).view(1, 3, 1, 1)
    eye = at.coverage(_ellipse(m - 0.42 * a, y - 0.08 * b, a * 0.105, b * 0.10))
    brow_curve = y + (0.17 + 0.02 * each(body.brows)) * b + 1.2 * (m - 0.42 * a).square() / a
    brow = at.coverage(torch.minimum(0.011 - brow_curve.abs(), 0.2 * a - (m - 0.43 * a).abs()) * 0.8)
    canvas.over(dark, eye, LABEL["face"], shade)
    canvas.over(hair * 0.75, brow * 0.9 * each(body.hair_style >= 0), LABEL["face"], shade)
    nose = at.coverage(0.006 - _line(gx, y, a, b))
    canvas.over(skin * 0.82, nose * 0.8, LABEL["face"], shade)
    smile = y - 0.56 * b + 0.9 * (gx / a).square() * b * 0.6
    mouth = at.coverage(torch.minimum(0.011 - smile.abs(), 0.3 * a - m))
    canvas.over(torch.tensor([0.72, 0.28, 0.28], device=x.device).view(1, 3, 1, 1), mouth * 0.85, LABEL["face"], shade)
    top = _fringe(body, x, y, a, b)
    cap = torch.minimum(_ellipse(x, y + 0.03 * b, a * 1.1, b * 1.12), top)
    side = _by_style(body, {"cropped": 0.15, "bob": 0.9, "long": 2.0, "bun": 0.1, "curly": 0.5, "bald": -9.0})
    inner = a * (0.86 + 0.16 * (y / b).clamp(0, 2))
    locks = torch.minimum(
        torch.minimum(_ellipse(x, y, a * 1.28, torch.where(y > 0, (1.0 + side) * b, 1.12 * b)), mirrored - inner), y + 0.5 * b
    )
    locks = torch.where(each(body.hair_style == STYLE["cropped"]) | (each(body.hair_style == STYLE["bun"])), -1.0, locks)
    hair_distance = torch.where(each(body.hair_style == STYLE["bald"]), -1.0, torch.maximum(cap, locks))
    strands = 1 + 0.05 * torch.cos(x * 60 / (1 + 0.5 * y.abs())) - 0.1 * (y / b).clamp(0, 1)
    hair_cov = at.coverage(hair_distance)
    canvas.over(hair, hair_cov, LABEL["hair"], strands.clamp(0, 1))
    canvas.head.copy_(torch.maximum(solid, hair_cov))


def _line(x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Distance from the short stroke of the nose."""
    return torch.hypot((x - 0.02 * a - 0.05 * (y - 0.2 * b)), (y - 0.28 * b).abs().sub(0.05 * b).clamp_min(0))


def _fringe(body: Body, x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Distance above the hairline."""
    part = 0.5 * each(body.parting)
    arch = ((x / a - part).square() * (0.35 + 0.25 * each(body.fringe))) * b
    return -(y + (0.62 - 0.22 * each(body.fringe)) * b) + arch * 1.0
