"""A canvas on which layers are painted back to front, and the backgrounds it starts with."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.body import Frame
from vtonlib.data.scene import Scene

SHADE_TINT = (0.92, 1.04, 0.86)
"""How much of a shadow each colour channel takes: shadows are a little cooler than what they fall on."""


def each(value: Tensor) -> Tensor:
    """One number per example, shaped to meet [b 1 h w]."""
    return value.view(-1, 1, 1, 1)


class Canvas:
    """Colour, shade, label and visibility of the target garment, all painted over by each layer."""

    def __init__(self, rgb: Tensor, shade: Tensor, target: Tensor, head: Tensor, label: Tensor) -> None:
        self.rgb, self.shade, self.target, self.head, self.label = rgb, shade, target, head, label

    @classmethod
    def start(cls, background: Float[Tensor, "b 3 h w"], height: int, width: int) -> Canvas:
        """An empty canvas before this background."""
        plane = background.new_zeros(len(background), 1, height, width)
        return cls(background, plane + 1, plane, plane.clone(), plane.to(torch.uint8))

    def rows(self, count: int) -> Canvas:
        """The first rows, sharing memory."""
        return Canvas(*(t[:, :, :count] for t in (self.rgb, self.shade, self.target, self.head, self.label)))

    def over(
        self, colour: Tensor, coverage: Tensor, label: Tensor | int, shade: Tensor | None = None,
        target: Tensor | None = None,
    ) -> None:  # fmt: skip
        """Paint a layer: colour [b 3 h w] or [b 3 1 1] with this coverage [b 1 h w]."""
        self.rgb.lerp_(colour.expand_as(self.rgb), coverage)
        self.shade.lerp_(torch.ones_like(self.shade) if shade is None else shade.expand_as(self.shade), coverage)
        goal = torch.zeros((), device=coverage.device) if target is None else target.to(coverage.device)
        self.target.lerp_(goal.expand_as(self.target), coverage)
        solid = coverage > 0.5
        if isinstance(label, int):
            self.label.masked_fill_(solid, label)
        else:
            self.label.copy_(torch.where(solid, label.to(torch.uint8), self.label))

    def shading(self) -> Float[Tensor, "b 3 h w"]:
        """The factor of each colour channel."""
        tint = torch.tensor(SHADE_TINT, device=self.shade.device).view(1, 3, 1, 1)
        return (1 - (1 - self.shade) * tint).clamp(0, 1)


def backdrop(scenes: Scene, at: Frame) -> Float[Tensor, "b 3 h w"]:
    """The studio: a soft spot of light on a wall."""
    light, shade = scenes.setting.colours[:, :, :, None, None].unbind(1)
    x, y = at.x + 0.3 * each(scenes.setting.light), at.y + 0.35
    amount = (x.square() * 0.7 + y.square() * 0.35).clamp(0, 1)
    return torch.lerp(light.expand(-1, -1, *amount.shape[-2:]), shade, amount)
