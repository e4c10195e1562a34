"""Fabrics: patterns on the flat garment, as functions of the place in the cloth.

Each takes coordinates in the mannequin's units (a torso is about 0.4 wide) and returns how much figure colour and how
much accent colour lies at each point. Examples are grouped by texture, so each pixel pays for one pattern only.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.grids import warp

_Plane = Float[Tensor, "n 1 h w"]
Layers = tuple[_Plane, _Plane]
"""Amounts of figure and accent colour."""


class Cloth:
    """What a texture sees: places x, y, the size of a pixel, and the numbers of its garment ([n 1 1 1] each)."""

    def __init__(self, x: Tensor, y: Tensor, pixel: Tensor, scale: Tensor, angle: Tensor, variant: Tensor) -> None:
        self.x, self.y, self.pixel = x, y, pixel
        self.scale, self.angle = (v.view(-1, 1, 1, 1) for v in (scale, angle))
        self.variant = variant.view(len(x), 4, 1, 1, 1)

    def inside(self, distance: Tensor) -> Tensor:
        """Coverage for a distance, positive inside."""
        return (distance / self.pixel + 0.5).clamp(0, 1)

    def stripes(self, place: Tensor, period: Tensor, share: Tensor | float) -> Tensor:
        """Stripes across ``place``: this share of each period."""
        distance = ((place / period + 0.5) % 1 - 0.5).abs()
        return self.inside((0.5 * share - distance) * period)


def _none(cloth: Cloth) -> Tensor:
    return torch.zeros_like(cloth.x)


def plain(cloth: Cloth) -> Layers:
    """One colour."""
    return _none(cloth), _none(cloth)


def stripes(cloth: Cloth) -> Layers:
    """Level, upright or slanting stripes, some with a thin accent line between."""
    turn = (cloth.angle * 4).floor().clamp_max(3)
    angle = torch.where(turn < 2, 0.0, torch.where(turn < 3, math.pi / 2, math.pi / 4))
    place = cloth.y * angle.cos() + cloth.x * angle.sin()
    period = 0.075 + 0.075 * cloth.scale
    accent = cloth.stripes(place + period / 2, period, 0.14) * (cloth.variant[:, 0] < 0.35)
    return cloth.stripes(place, period, 0.3 + 0.25 * cloth.variant[:, 1]), accent


def checks(cloth: Cloth) -> Layers:
    """Gingham, with a thin windowpane over some."""
    period = 0.09 + 0.08 * cloth.scale
    weft, warp_ = cloth.stripes(cloth.y, period, 0.5), cloth.stripes(cloth.x, period, 0.5)
    pane = torch.maximum(
        cloth.stripes(cloth.y + period / 4, period * 2, 0.07), cloth.stripes(cloth.x + period / 4, period * 2, 0.07)
    )
    return (weft + warp_) * 0.5, pane * (cloth.variant[:, 0] < 0.4)


def dots(cloth: Cloth) -> Layers:
    """Dots in staggered rows."""
    period = 0.08 + 0.06 * cloth.scale
    row = (cloth.y / period).floor()
    x = (cloth.x / period + 0.5 * (row % 2)) % 1 - 0.5
    y = (cloth.y / period) % 1 - 0.5
    dot = cloth.inside((0.24 + 0.08 * cloth.variant[:, 0] - (x * x + y * y).sqrt()) * period)
    accent = ((row * 7) % 3 == 0) & (cloth.variant[:, 1] < 0.35)
    return dot * ~accent, dot * accent


def gradient(cloth: Cloth) -> Layers:
    """Dyed from one colour to another, in any direction: the only fabric whose pattern neither repeats nor ends."""
    direction = 2 * math.pi * cloth.variant[:, 0]
    place = cloth.x * direction.sin() + (cloth.y + 0.05) * direction.cos()
    return torch.sigmoid((place + 0.1 * (cloth.variant[:, 1] - 0.5)) * 9), _none(cloth)


def logo(cloth: Cloth) -> Layers:
    """A flower, star, sun or plain disc, in a ring on some: in the middle of the chest, or on one side of it."""
    side = (3 * cloth.variant[:, 3]).floor() - 1
    x, y = cloth.x - 0.09 * side, cloth.y + 0.12
    radius = (x * x + y * y).sqrt()
    points = 3 + (cloth.variant[:, 0] * 5).floor()
    wave = torch.cos(torch.atan2(x, -y) * points)
    size = 0.052 + 0.02 * cloth.scale
    shape = size * (1 + (0.1 + 0.25 * cloth.variant[:, 1]) * wave)
    ring = cloth.inside(0.008 - (radius - size * 1.55).abs()) * (cloth.variant[:, 2] < 0.5)
    return torch.maximum(cloth.inside(shape - radius), ring), cloth.inside(size * 0.42 - radius)


_GLYPHS = {
    "A": "01110 10001 10001 11111 10001 10001 10001", "C": "01111 10000 10000 10000 10000 10000 01111",
    "E": "11111 10000 10000 11110 10000 10000 11111", "H": "10001 10001 10001 11111 10001 10001 10001",
    "I": "01110 00100 00100 00100 00100 00100 01110", "L": "10000 10000 10000 10000 10000 10000 11111",
    "M": "10001 11011 10101 10101 10001 10001 10001", "N": "10001 11001 10101 10101 10011 10001 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110", "R": "11110 10001 10001 11110 10100 10010 10001",
    "S": "01111 10000 10000 01110 00001 00001 11110", "T": "11111 00100 00100 00100 00100 00100 00100",
    "U": "10001 10001 10001 10001 10001 10001 01110", "Y": "10001 10001 01010 00100 00100 00100 00100",
}  # fmt: skip
WORDS = ("HELLO", "SUN", "TRY", "MOON", "CLOUD", "SEA", "RIO", "NEON", "COAST", "LUNA", "OCEAN", "EARTH", "ROMA")
_LONGEST = 5


def _bitmap(word: str) -> Tensor:
    """A word as an image [11 32], centred, with an empty border."""
    image = torch.zeros(11, 6 * _LONGEST + 2)
    left = (image.shape[1] - 6 * len(word) + 1) // 2
    for i, letter in enumerate(word):
        rows = [[float(c) for c in row] for row in _GLYPHS.get(letter, _GLYPHS["O"]).split()]
        image[2:9, left + 6 * i : left + 6 * i + 5] = torch.tensor(rows)
    return image


_BITMAPS = torch.stack([_bitmap(word) for word in WORDS])[:, None]


def lettering(cloth: Cloth) -> Layers:
    """A word across the chest, underlined on some."""
    which = (cloth.variant[:, 0, 0, 0, 0] * len(WORDS)).long().clamp_max(len(WORDS) - 1)
    rows, columns = _BITMAPS.shape[-2:]
    letters = cloth.x.new_tensor([len(word) for word in WORDS])[which].view(-1, 1, 1, 1)
    height = ((0.27 + 0.04 * cloth.scale) * rows / (6 * letters)).clamp_max(0.16)
    y = (cloth.y + 0.12) / (height / 2)
    x = cloth.x / (height / 2 * columns / rows)
    ink = warp(_BITMAPS.to(cloth.x.device)[which], torch.cat((x, y), 1).movedim(1, -1))
    sharp = (height / rows / cloth.pixel).clamp(1, 4)
    line = cloth.inside(torch.minimum(0.008 - (y - 0.85).abs() * height / 2, 0.12 - cloth.x.abs()))
    return ((ink - 0.5) * sharp + 0.5).clamp(0, 1), line * (cloth.variant[:, 1] < 0.4)


TEXTURES: dict[str, Callable[[Cloth], Layers]] = {
    f.__name__: f for f in (plain, stripes, checks, dots, gradient, logo, lettering)
}
PLAIN = list(TEXTURES).index("plain")
WEIGHTS = {
    "plain": 0.06, "stripes": 0.2, "checks": 0.14, "dots": 0.14, "gradient": 0.2, "logo": 0.14, "lettering": 0.12,
}  # fmt: skip
"""How often each is drawn."""


def paint(
    kind: Tensor, x: Tensor, y: Tensor, pixel: Tensor, *, colours: Tensor, scale: Tensor, angle: Tensor, variant: Tensor
) -> Float[Tensor, "b 3 h w"]:
    """The fabric of each garment at the places x, y [b 1 h w], in [0, 1]."""
    figure, accent = torch.empty_like(x), torch.empty_like(x)
    for number, texture in enumerate(TEXTURES.values()):
        rows = (kind == number).nonzero()[:, 0]
        if len(rows):
            cloth = Cloth(x[rows], y[rows], pixel[rows], scale[rows], angle[rows], variant[rows])
            figure[rows], accent[rows] = texture(cloth)
    ground, second, third = colours[:, :, :, None, None].unbind(1)
    image = torch.lerp(ground.expand(-1, -1, *x.shape[-2:]), second, figure)
    return image.lerp_(third, accent)
