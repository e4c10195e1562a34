"""Geometry of bodies: where each point of the picture lies on the body's surface.

A figure stands in its own plane, x to the image's right and y down, where the canvas spans y from -1 to 1 and x at
least from -0.75 to 0.75. The trunk (neck, torso, legs) is described row by row, by a centre line and half widths; an
arm is a chain of two bones with smooth coordinates, v along it (0 shoulder, 1 elbow, 2 wrist) and s across it. The
mannequin on which flat garments are laid out is just another figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.scene import Body, Pose

CHIN, COLLAR, SHOULDER, CHEST, WAIST, HIP, CROTCH, THIGH, KNEE, CALF, ANKLE = range(11)
LEVELS = (-0.60, -0.44, -0.365, -0.19, 0.0, 0.2, 0.32, 0.55, 0.87, 1.12, 1.5)
"""Heights of the knots on the mannequin."""
OUTER = (0.062, 0.068, 0.196, 0.188, 0.152, 0.196, 0.204, 0.196, 0.17, 0.168, 0.14)
"""Outer half widths: of the neck, the torso, and both legs together."""
INNER = (-1.0, -1.0, -1.0, -1.0, -0.6, -0.2, 0.0, 0.012, 0.03, 0.036, 0.05)
"""Half width of the gap between the legs; negative where there is none."""
UPPER_ARM, FORE_ARM = 0.33, 0.30
ARM_RADII = (0.062, 0.047, 0.034)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The pixels of a canvas in a figure's plane: a column x and a row y for each image, and the size of a pixel."""

    x: Float[Tensor, "b 1 1 w"]
    y: Float[Tensor, "b 1 h 1"]
    pixel: Float[Tensor, "b 1 1 1"]

    def coverage(self, distance: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """How much of each pixel lies inside, for distances in the figure's units, positive inside."""
        return (distance / self.pixel).add_(0.5).clamp_(0, 1)

    def rows(self, count: int) -> Frame:
        """The first rows only."""
        return Frame(x=self.x, y=self.y[:, :, :count], pixel=self.pixel)


def canvas_unit(height: int, width: int) -> float:
    """Pixels per unit of a figure's plane: the canvas holds y in [-1, 1] and x in [-0.75, 0.75]."""
    return min((height - 1) / 2, (width - 1) / 1.5)


def frame(
    height: int, width: int, zoom: Float[Tensor, " b"], shift: Float[Tensor, "b 2"]
) -> Frame:
    """The canvas as a camera with this zoom and shift sees the plane."""
    unit = canvas_unit(height, width)
    columns = (torch.arange(width, device=zoom.device) - (width - 1) / 2) / unit
    lines = (torch.arange(height, device=zoom.device) - (height - 1) / 2) / unit
    scale = zoom.view(-1, 1, 1, 1)
    return Frame(
        x=(columns.view(1, 1, 1, -1) - shift[:, 0].view(-1, 1, 1, 1)) / scale,
        y=(lines.view(1, 1, -1, 1) - shift[:, 1].view(-1, 1, 1, 1)) / scale,
        pixel=1 / (unit * scale),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A posed body: knots of its trunk and joints of its arms (side 0: image right, the wearer's left)."""

    levels: Float[Tensor, "b k"]
    centre: Float[Tensor, "b k"]
    outer: Float[Tensor, "b k"]
    inner: Float[Tensor, "b k"]
    shoulder: Float[Tensor, "b 2 2"]
    elbow: Float[Tensor, "b 2 2"]
    wrist: Float[Tensor, "b 2 2"]
    radii: Float[Tensor, "b 3"]
    head: Float[Tensor, "b 4"]
    """Centre (x, y), half width, half height."""


def _column(values: tuple[float, ...], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device).expand(len(like), -1).clone()


def _arm(shoulder: Tensor, angle: Tensor, elbow: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Elbow and wrist [b 2 2]; angles are outward from hanging, so the two sides mirror each other."""
    side = torch.tensor([1.0, -1.0], device=angle.device)

    def bone(turn: Tensor) -> Tensor:
        return torch.stack((side * turn.sin(), turn.cos()), -1) * length.view(-1, 1, 1)

    middle = shoulder + UPPER_ARM * bone(angle)
    return middle, middle + FORE_ARM * bone(angle - elbow)


def _along(levels: Tensor, knot: int) -> Tensor:
    return levels[:, knot : knot + 1]


def make_figure(body: Body, pose: Pose) -> Figure:
    """The figure of a body in a pose."""
    b = body.build
    levels = _column(LEVELS, b)
    levels[:, WAIST:] += 0.022 * body.torso[:, None]
    levels[:, THIGH:] += 0.02 * body.legs[:, None]
    levels[:, CHIN] -= 0.01 * body.neck
    outer = _column(OUTER, b)
    wide = 1 + 0.13 * b[:, None]
    fatness = torch.tensor([0.5, 0.5, 0.45, 0.8, 1.35, 1.0, 1.0, 1.1, 0.8, 0.8, 0.6], device=b.device)
    outer = outer * (1 + (wide - 1) * fatness)
    shape = torch.tensor([-0.05, -0.06, -0.07, -0.04, -0.01, 0.07, 0.08, 0.06, 0.02, 0.02, 0.0], device=b.device)
    outer = outer * (1 + shape * body.figure[:, None])
    outer[:, WAIST] += 0.028 * (0.55 - body.waist)
    inner = _column(INNER, b)
    spread = 0.035 * pose.stance[:, None] * torch.tensor([0.0] * 7 + [0.35, 1.0, 1.3, 1.8], device=b.device)
    inner = inner + spread - 0.010 * (b[:, None].relu()) * (inner > 0)
    outer = outer + spread
    hip = _along(levels, HIP)
    up = (hip - levels).relu()
    down = (levels - hip).relu()
    centre = pose.lean[:, None] * up + pose.sway[:, None] * (1 - (up / 0.25).square()).clamp_min(-1.0)
    centre = centre - (pose.sway[:, None] * 0.8 + pose.lean[:, None] * 0.25) * down
    tip = outer[:, SHOULDER] - 0.034
    shoulder = torch.stack(
        (
            torch.stack((centre[:, SHOULDER] + tip, levels[:, SHOULDER] + 0.036 - 0.12 * pose.lean), -1),
            torch.stack((centre[:, SHOULDER] - tip, levels[:, SHOULDER] + 0.036 + 0.12 * pose.lean), -1),
        ),
        1,
    )
    elbow, wrist = _arm(shoulder, pose.arm_angle, pose.elbow, 1 + 0.03 * body.legs)
    radii = _column(ARM_RADII, b) * (1 + 0.16 * b[:, None] - 0.06 * body.figure[:, None])
    half_height = 0.158 * (1 + 0.05 * body.head)
    half_width = half_height * (0.80 + 0.035 * body.jaw + 0.03 * b)
    chin = levels[:, COLLAR] - 0.075 - 0.018 * body.neck
    head_y = chin - half_height
    head_x = centre[:, CHIN] + pose.head_tilt * (levels[:, COLLAR] - head_y) * 0.5
    return Figure(
        levels=levels, centre=centre, outer=outer, inner=inner, shoulder=shoulder, elbow=elbow, wrist=wrist,
        radii=radii, head=torch.stack((head_x, head_y, half_width, half_height), 1),
    )  # fmt: skip


def mannequin(arm_angle: Float[Tensor, " b"]) -> Figure:
    """The average figure, upright, its arms straight at this outward angle."""
    zero = torch.zeros_like(arm_angle)
    levels, outer = _column(LEVELS, zero), _column(OUTER, zero)
    tip = outer[:, SHOULDER] - 0.034
    height = levels[:, SHOULDER] + 0.036
    shoulder = torch.stack((torch.stack((tip, height), -1), torch.stack((-tip, height), -1)), 1)
    angle = arm_angle[:, None].expand(-1, 2)
    elbow, wrist = _arm(shoulder, angle, torch.zeros_like(angle), torch.ones_like(zero))
    return Figure(
        levels=levels, centre=torch.zeros_like(levels), outer=outer, inner=_column(INNER, zero), shoulder=shoulder,
        elbow=elbow, wrist=wrist, radii=_column(ARM_RADII, zero), head=zero[:, None].expand(-1, 4),
    )  # fmt: skip


def interpolate(
    levels: Float[Tensor, "b k"], values: Float[Tensor, "b m k"], y: Float[Tensor, "b 1 h 1"]
) -> Float[Tensor, "b m h 1"]:
    """Smooth curves through the knots (levels, values), read at the heights y; constant beyond the ends.

    Source: monotone cubic interpolation (Fritsch and Butland 1984): no curve overshoots its knots.
    """
    step = levels.diff(dim=1)[:, None]
    slope = values.diff(dim=2) / step
    before, after = slope[..., :-1], slope[..., 1:]
    harmonic = 2 * before * after / (before + after)
    inside = torch.where(before * after > 0, harmonic, torch.zeros_like(before))
    tangent = torch.cat((slope[..., :1], inside, slope[..., -1:]), dim=2)
    at = torch.maximum(torch.minimum(y[:, 0, :, 0], levels[:, -1:]), levels[:, :1]).contiguous()
    k = torch.searchsorted(levels, at).clamp(1, levels.shape[1] - 1) - 1
    rows = k[:, None].expand(-1, values.shape[1], -1)
    width = step[:, 0].gather(1, k)[:, None]
    t = ((at - levels.gather(1, k)) / step[:, 0].gather(1, k))[:, None]
    first, rise = values.gather(2, rows), slope.gather(2, rows) * width
    m0, m1 = tangent.gather(2, rows) * width, tangent.gather(2, rows + 1) * width
    result = first + t * (m0 + t * ((3 * rise - 2 * m0 - m1) + t * (m0 + m1 - 2 * rise)))
    return result[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """Arm coordinates of each pixel, of the arm on its side of the body."""

    side: Float[Tensor, "b 1 h w"]
    """1 on the image's right (the wearer's left), -1 on its left."""
    v: Float[Tensor, "b 1 h w"]
    s: Float[Tensor, "b 1 h w"]
    """Across, positive away from the body when the arm hangs; in the figure's units."""
    distance: Float[Tensor, "b 1 h w"]
    """From the bones, without regard to the ends."""
    start: Float[Tensor, "b 1 h w"]
    """Distance from the seam at the shoulder, positive on the arm's side."""
    beyond: Float[Tensor, "b 1 h w"]
    """Distance past the wrist along the forearm."""


def arm_bones(figure: Figure) -> dict[str, Tensor]:
    """Directions, lengths and mitres of both arms, each [b 2] or [b 2 2].

    At a mitre, the bisecting line between two bones, the coordinates of both agree: t = -k s before it, t = k s after.
    """
    upper, lower = figure.elbow - figure.shoulder, figure.wrist - figure.elbow
    upper_length, lower_length = upper.norm(dim=-1), lower.norm(dim=-1)
    upper, lower = upper / upper_length[..., None], lower / lower_length[..., None]
    side = torch.tensor([1.0, -1.0], device=upper.device)
    upper_normal = torch.stack((upper[..., 1], -upper[..., 0]), -1) * side[:, None]
    lower_normal = torch.stack((lower[..., 1], -lower[..., 0]), -1) * side[:, None]
    outward = upper[..., 0] * side
    return {
        "upper": upper, "lower": lower, "upper_normal": upper_normal, "lower_normal": lower_normal,
        "upper_length": upper_length, "lower_length": lower_length,
        "seam": (upper_normal[..., 0] * side / (1.15 + outward)).clamp(-0.4, 1.0),
        "mitre": (lower * upper_normal).sum(-1) / (1 + (lower * upper).sum(-1)),
    }  # fmt: skip


def arms(figure: Figure, at: Frame, side: Tensor) -> Arms:
    """The arm coordinates of every pixel; ``side`` [b 1 h w] is True on the image's right of the body."""
    bones = arm_bones(figure)

    def linear(origin: Tensor, direction: Tensor) -> Tensor:
        """(p - origin) . direction, for the arm of each pixel's own side."""
        dx, dy = direction[..., 0], direction[..., 1]
        offset = (origin * direction).sum(-1)
        left, right = (
            (at.x * dx[:, i].view(-1, 1, 1, 1)) + (at.y * dy[:, i] .view(-1, 1, 1, 1) - offset[:, i].view(-1, 1, 1, 1))
            for i in range(2)
        )
        return torch.where(side, left, right)

    def own(value: Tensor) -> Tensor:
        """A number per arm as one per pixel."""
        a, b = (value[:, i].view(-1, 1, 1, 1) for i in range(2))
        return torch.where(side, a, b)

    upper_t, upper_s = linear(figure.shoulder, bones["upper"]), linear(figure.shoulder, bones["upper_normal"])
    lower_t, lower_s = linear(figure.elbow, bones["lower"]), linear(figure.elbow, bones["lower_normal"])
    is_lower = linear(figure.elbow, bones["upper"] + bones["lower"]) > 0
    seam, mitre = own(bones["seam"]), own(bones["mitre"])
    upper_length = bones["upper_length"][:, :1, None, None]
    lower_length = bones["lower_length"][:, :1, None, None]
    start = torch.addcmul(upper_t, seam, upper_s)
    upper_v = start / (upper_length + (seam - mitre) * upper_s).clamp_min_(0.05)
    shortened = mitre * lower_s
    lower_v = (lower_t - shortened) / (lower_length - shortened).clamp_min_(0.05) + 1
    past = torch.where(is_lower, -lower_t, upper_t - upper_length).clamp_min_(0)
    s = torch.where(is_lower, lower_s, upper_s)
    return Arms(
        side=torch.where(side, 1.0, -1.0),
        v=torch.where(is_lower, lower_v, upper_v),
        s=s,
        distance=torch.hypot(s, past),
        start=torch.where(is_lower, torch.ones_like(start), start),
        beyond=torch.where(is_lower, lower_t - lower_length, torch.full_like(lower_t, -1.0)),
    )


def arm_radius(radii: Float[Tensor, "b 3"], v: Float[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 h w"]:
    """Half width of an arm along it."""
    r0, r1, r2 = (radii[:, i].view(-1, 1, 1, 1) for i in range(3))
    upper, lower = v.clamp(0, 1), (v - 1).clamp_(0, 1)
    return r0 + (r1 - r0) * upper + (r2 - r1) * lower * lower * 0.6 + (r2 - r1) * lower * 0.4
