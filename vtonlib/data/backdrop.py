"""Backgrounds: a quiet studio, and streets with facades, windows, lamp posts, pavement and passers-by."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.frame import Frame, each, make_frame
from vtonlib.data.palette import FACADES, pick
from vtonlib.data.parameters import Setting


def paint_backdrop(setting: Setting, height: int, width: int) -> Float[Tensor, "b 3 h w"]:
    """The background of each picture, in [0, 1]. It belongs to the picture, not to the person: no camera moves it."""
    still = torch.zeros_like(setting.light)
    at = make_frame(height, width, still + 1, torch.stack((still, still), 1))
    image = studio(setting, at)
    rows = setting.street.nonzero()[:, 0]
    if len(rows):
        image[rows] = street(setting[rows], Frame(x=at.x[rows], y=at.y[rows], pixel=at.pixel[rows]))
    return image


def studio(setting: Setting, at: Frame) -> Float[Tensor, "b 3 h w"]:
    """A wall in a soft spot of light, which falls off towards the edges and the floor."""
    light, shade = setting.colours[:, :, :, None, None].unbind(1)
    x, y = at.x - 0.35 * each(setting.light), at.y + 0.3
    amount = (x.square() * 0.75 + y.square() * 0.4).clamp(0, 1)
    image = torch.lerp(light.expand(-1, -1, *amount.shape[-2:]), shade, amount)
    floor = ((at.y - 0.55 - 0.25 * each(setting.variant[:, 0])) / 0.3).clamp(0, 1) * 0.05
    return image.mul_(1 - floor)


def _band(x: Tensor, low: Tensor, high: Tensor, soft: float) -> Tensor:
    """1 between low and high, with soft edges."""
    return ((x - low) / soft + 0.5).clamp(0, 1) * ((high - x) / soft + 0.5).clamp(0, 1)


def _repeat(x: Tensor, period: Tensor, share: float, soft: float) -> Tensor:
    """A train of soft bands."""
    distance = ((x / period) % 1 - 0.5).abs()
    return ((0.5 * share - distance) * period / soft + 0.5).clamp(0, 1)


def street(setting: Setting, at: Frame) -> Float[Tensor, "b 3 h w"]:
    """Three facades under a sky, pavement, a lamp post and two passers-by, all a little out of focus."""
    v = [each(n) for n in setting.variant.unbind(1)]
    soft = 0.035
    sky = torch.tensor([[0.80, 0.88, 0.94], [0.97, 0.90, 0.82]], device=at.x.device).view(2, 1, 3, 1, 1)
    height, width = at.y.shape[2], at.x.shape[3]
    image = torch.lerp(sky[0], sky[1], ((at.y + 1.0) * 0.7).clamp(0, 1)).expand(-1, -1, -1, width)
    image = image.expand(len(at.x), 3, height, width).clone()
    edges = [at.x.new_tensor(-2.0), -0.42 + 0.24 * v[0], 0.16 + 0.3 * v[1], at.x.new_tensor(2.0)]
    ground = 0.62 + 0.12 * v[2]
    for i in range(3):
        roof = -1.1 + 0.55 * v[3 + i] * (1 if i != 1 else 1.25)
        across = _band(at.x, edges[i], edges[i + 1], soft)
        colour = pick(FACADES, setting.variant[:, 6 + i])[..., None, None]
        image.lerp_(colour, across * _band(at.y, roof, ground, soft))
        glass = torch.lerp(colour * 0.45, at.x.new_tensor([0.98, 0.88, 0.62]).view(1, 3, 1, 1), v[9 + i] * 0.7)
        columns = _repeat(at.x - edges[i] if i else at.x, 0.13 + 0.09 * v[12 + i], 0.5, soft) * across
        rows = _repeat(at.y, 0.24 + 0.12 * v[15 + i], 0.58, soft) * _band(at.y, roof + 0.1, ground - 0.42, soft)
        image.lerp_(glass, columns * rows * 0.85)
    awning = at.x.new_tensor([0.72, 0.28, 0.24]).view(1, 3, 1, 1).lerp(colour, v[18] * 0.9)
    shop = _band(at.y, ground - 0.33, ground - 0.22, soft) * _band(at.x, edges[1] + 0.05, edges[2] - 0.05, soft)
    image.lerp_(awning, shop)
    pavement = (0.60 + 0.16 * v[19]) * at.x.new_tensor([1.0, 0.97, 0.93]).view(1, 3, 1, 1)
    joints = 1 - 0.12 * _repeat(at.x / (0.55 + (at.y - ground).clamp_min(0)), 0.5 + 0 * v[0], 0.06, 0.02)
    image.lerp_(pavement * joints, ((at.y - ground) / soft + 0.5).clamp(0, 1))
    image.mul_(1 - 0.25 * _band(at.y, ground - 0.01, ground + 0.03, soft))
    return _street_furniture(image, at, ground, v, soft)


def _street_furniture(image: Tensor, at: Frame, ground: Tensor, v: list[Tensor], soft: float) -> Tensor:
    """A lamp post and two passers-by."""
    iron = at.x.new_tensor([0.22, 0.24, 0.27]).view(1, 3, 1, 1)
    side = torch.where(v[20] < 0.5, -1.0, 1.0)
    post = side * (0.42 + 0.25 * v[21])
    image.lerp_(iron, _band(at.x, post - 0.012, post + 0.012, 0.02) * _band(at.y, -0.55 + 0.2 * v[22], ground, soft))
    glow = (1.3 - ((at.x - post).square() + (at.y + 0.58 - 0.2 * v[22]).square()).sqrt() / 0.06).clamp(0, 1)
    image.lerp_(at.x.new_tensor([1.0, 0.93, 0.72]).view(1, 3, 1, 1), glow)
    for i, sign in enumerate((-1.0, 1.0)):
        place = sign * (0.30 + 0.38 * v[22 + i])
        tall = 0.25 + 0.1 * v[18 + i]
        coat = torch.lerp(iron, at.x.new_tensor([0.70, 0.45, 0.38]).view(1, 3, 1, 1), v[4 + i])
        x, y = (at.x - place) / 0.075, (at.y - ground + tall) / (tall * 1.15)
        body = ((1 - (x.square() + y.square()).sqrt()) * 4).clamp(0, 1)
        head = ((1 - ((at.x - place).square() + (at.y - ground + 2.2 * tall).square()).sqrt() / 0.05) * 3).clamp(0, 1)
        image.lerp_(coat, body * 0.75)
        image.lerp_(coat * 0.8 + 0.2, head * 0.75)
    return image
