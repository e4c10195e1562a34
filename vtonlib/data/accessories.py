"""Things worn over the clothes that hide part of them: a necklace, a bag on a strap."""

from __future__ import annotations

import torch

from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.body import Trunk
from vtonlib.data.canvas import Canvas
from vtonlib.data.figure import COLLAR, HIP, SHOULDER, Figure
from vtonlib.data.frame import Frame, each
from vtonlib.data.parameters import Setting

ACCESSORY = PARSE_LABELS.index("accessory")


def paint_necklace(canvas: Canvas, figure: Figure, setting: Setting, at: Frame, trunk: Trunk) -> None:
    """A chain with a pendant, from the neck's sides to the chest."""
    y = at.y - each(figure.levels[:, COLLAR]) - 0.005
    x = trunk.across
    drop = 0.13 + 0.05 * each(setting.variant[:, 1])
    chain = 0.0036 - ((x / 0.072).square() + (y / drop).square()).sqrt_().sub_(1).abs_().mul_(0.07)
    pendant = 0.012 - (x.square() + (y - drop).square()).sqrt_()
    gold = torch.tensor([0.86, 0.68, 0.32], device=at.x.device).view(1, 3, 1, 1)
    chain = torch.where(y > 0, torch.maximum(chain, pendant), -1.0)
    canvas.over(gold, at.coverage(chain) * each(setting.necklace), ACCESSORY, kept=1.0)


def paint_bag(canvas: Canvas, figure: Figure, setting: Setting, at: Frame, trunk: Trunk) -> None:
    """A strap across the chest and a bag at the other hip."""
    side = each(setting.strap)
    worn = side != 0
    leather = setting.accent[:, :, None, None]
    top, hip = each(figure.levels[:, SHOULDER]) - 0.05, each(figure.levels[:, HIP])
    bag_x = -side * (each(figure.outer[:, HIP]) - 0.01)
    start = side * 0.13
    dx, dy = bag_x - start, hip - top
    x, y = trunk.across - start, at.y - top
    strap = 0.012 - (x * (dy / dx.hypot(dy)) - y * (dx / dx.hypot(dy))).abs()
    strap = torch.minimum(strap, torch.minimum(trunk.distance + 0.01, hip - at.y))
    canvas.over(leather * 0.85, at.coverage(strap) * worn, ACCESSORY, kept=1.0)
    w, h = (trunk.across - bag_x).abs() - 0.075, (at.y - hip - 0.03).abs() - 0.06
    bag = 0.02 - (w.clamp_min(0).square() + h.clamp_min(0).square()).sqrt_()
    shade = 1.0 - 0.1 * ((at.y - hip) / 0.09).clamp(-1, 1)
    canvas.over(leather, at.coverage(bag) * worn, ACCESSORY, shade, kept=1.0)
    flap = torch.minimum(0.004 - (at.y - hip - 0.025).abs(), 0.08 - (trunk.across - bag_x).abs())
    canvas.tint(leather * 0.6, at.coverage(flap) * worn)
