"""Heads: faces and hair."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.canvas import Canvas
from vtonlib.data.figure import Figure
from vtonlib.data.frame import Frame, each
from vtonlib.data.parameters import HAIR_STYLES, Body, Pose

HAIR, FACE = PARSE_LABELS.index("hair"), PARSE_LABELS.index("face")
ACCESSORY = PARSE_LABELS.index("accessory")
# By hair style: half width and length of the hair behind the head, length of the locks beside the face.
BEHIND = {"cropped": (1.0, -0.4), "bob": (1.26, 0.95), "long": (1.30, 2.2), "bun": (1.0, -0.4), "curly": (1.5, 0.5),
          "bald": (0.5, -0.5)}  # fmt: skip
LOCKS = {"cropped": 0.0, "bob": 0.85, "long": 2.0, "bun": 0.0, "curly": 0.42, "bald": 0.0}
_Plane = Float[Tensor, "b 1 h w"]


def head_window(height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns outside which no camera ever sees a head: the rest need not be painted."""
    return slice(0, int(height * 0.72) + 1), slice(int(width * 0.06), width - int(width * 0.06))


class Head:
    """A head's own coordinates and colours, and shapes in them."""

    def __init__(self, figure: Figure, body: Body, pose: Pose, at: Frame) -> None:
        centre_x, centre_y, self.a, self.b = (each(n) for n in figure.head.unbind(1))
        self.y = (at.y - centre_y) / self.b
        self.x = torch.addcmul(at.x - centre_x, each(pose.head_tilt), at.y - centre_y) / self.a
        self.mirrored = self.x.abs()
        self.at, self.body = at, body
        self.skin, self.hair = body.skin[:, :, None, None], body.hair[:, :, None, None]

    def colour(self, code: str) -> Tensor:
        """A hexadecimal colour."""
        return self.x.new_tensor([int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)]).view(1, 3, 1, 1)

    def inside(self, distance: Tensor) -> _Plane:
        """Coverage for distances in half widths of the head."""
        return self.at.coverage(distance * self.a)

    def style(self, *names: str) -> Tensor:
        """Whether the hair has one of these styles."""
        numbers = torch.tensor([HAIR_STYLES.index(n) for n in names], device=self.x.device)
        return each(torch.isin(self.body.hair_style, numbers))

    def by_style(self, values: list[float]) -> Tensor:
        """A number for each example's hair style."""
        return each(self.x.new_tensor(values)[self.body.hair_style])


def ellipse(x: Tensor, y: Tensor, a: Tensor | float = 1.0, b: Tensor | float = 1.0) -> Tensor:
    """Roughly the distance inside an ellipse, in the units of ``a``."""
    x, y = x / a, y / b
    return (1 - torch.addcmul(x * x, y, y).sqrt_()) * a


def paint_back_hair(canvas: Canvas, head: Head) -> None:
    """Hair behind the neck and shoulders."""
    wide, low = (head.by_style([BEHIND[s][i] for s in HAIR_STYLES]) for i in range(2))
    below = torch.where(head.y > 0, 1.05 + low, 1.12)
    distance = ellipse(head.x, head.y, wide, below)
    bun = torch.where(head.style("bun"), ellipse(head.x, head.y + 1.22, 0.42, 0.33), -1.0)
    distance = torch.where(head.style("bald"), -1.0, torch.maximum(distance, bun))
    canvas.over(head.hair * 0.84, head.inside(distance), HAIR)


def paint_head(canvas: Canvas, head: Head, light: Float[Tensor, " b"], gaze: Float[Tensor, " b"]) -> None:
    """Ears, face and hair."""
    jaw = 1 - (0.22 - 0.06 * each(head.body.jaw)) * head.y.clamp(0, 1).square()
    face = ellipse(head.x, head.y, jaw)
    ears = ellipse(head.mirrored - 0.97, head.y - 0.06, 0.15, 0.18)
    solid = head.inside(torch.maximum(face, ears))
    shade = 1.01 + 0.06 * each(light) * head.x - 0.06 * head.x.square()
    canvas.over(head.skin, solid, FACE, shade, kept=1.0)
    _paint_features(canvas, head, solid, head.inside(face), gaze)
    hair = _front_hair(head)
    strands = 1 + 0.05 * torch.cos(head.x * 7 / (1 + 0.4 * head.y.abs())) - 0.1 * head.y.clamp(0, 1)
    canvas.over(head.hair, head.inside(hair), HAIR, strands, kept=1.0)
    _paint_glasses(canvas, head)


def _paint_features(canvas: Canvas, head: Head, solid: _Plane, face: _Plane, gaze: Float[Tensor, " b"]) -> None:
    """Cheeks, beard, eyes, brows, nose and mouth. Positions are in half widths and half heights of the head."""
    x, y = head.x - 0.06 * each(gaze), head.y
    m, r2 = x.abs(), x * x
    cheek = (1 - ((m - 0.56).square() + ((y - 0.34) * 1.2).square()) / 0.06).clamp_(0, 1)
    canvas.tint(head.skin * head.colour("f08a80"), 0.3 * cheek * solid)
    beard = head.inside(torch.minimum(y - 0.52 + 0.42 * r2, 2.0 - m)) * face * each(head.body.beard)
    canvas.tint(head.hair * 0.9 + 0.1 * head.skin, beard * 0.92)
    dark = head.colour("2a1c1e")
    canvas.tint(dark, head.inside(ellipse(m - 0.42, y - 0.07, 0.115, 0.12)))
    canvas.tint(head.colour("ffffff"), head.inside(ellipse(x.sub(0.035).abs() - 0.42, y - 0.03, 0.036, 0.036)) * 0.85)
    brow = y + 0.20 + 0.03 * each(head.body.brows) - 0.9 * (m - 0.45).square()
    canvas.tint(head.hair * 0.6, head.inside(torch.minimum(0.042 - brow.abs(), 0.21 - (m - 0.43).abs())) * 0.8)
    nose = torch.minimum(0.028 - (y - 0.33 - 0.9 * r2.neg()).abs(), 0.13 - m)
    canvas.tint(head.skin * head.colour("c98878"), head.inside(nose) * 0.75)
    smile = y - 0.60 + 0.55 * r2
    lips = head.skin.lerp(head.colour("b0353f"), 0.55 + 0.2 * each(head.body.lips))
    canvas.tint(lips, head.inside(torch.minimum(0.05 - 0.35 * r2 - smile.abs(), 0.32 - m)) * 0.95)


def _front_hair(head: Head) -> _Plane:
    """Distance inside the cap of hair over the forehead and the locks beside the face."""
    parting, fringe = each(head.body.parting), each(head.body.fringe)
    arch = (head.x - 0.35 * parting).square() * (0.32 + 0.16 * fringe)
    hairline = arch - head.y - 0.64 + 0.2 * fringe
    puff = torch.where(head.style("curly"), 1.28, 1.08)
    cap = torch.minimum(ellipse(head.x, head.y + 0.03, puff, 1.12), hairline)
    reach = head.by_style([LOCKS[s] for s in HAIR_STYLES])
    outline = ellipse(head.x, head.y, 1.26, torch.where(head.y > 0, 1.0 + reach, 1.12))
    locks = torch.minimum(torch.minimum(outline, head.mirrored - 0.84 - 0.16 * head.y.clamp(0, 2)), head.y + 0.5)
    locks = torch.where(head.style("cropped", "bun"), -1.0, locks)
    return torch.where(head.style("bald"), -1.0, torch.maximum(cap, locks))


def _paint_glasses(canvas: Canvas, head: Head) -> None:
    rim = 0.032 - ellipse(head.mirrored - 0.43, head.y - 0.07, 0.27, 0.25).abs()
    bridge = torch.minimum(0.025 - (head.y - 0.0).abs(), 0.17 - head.mirrored)
    frame = head.inside(torch.maximum(rim, bridge)) * each(head.body.glasses)
    canvas.over(head.colour("2d2a32"), frame * 0.9, ACCESSORY, kept=1.0)
