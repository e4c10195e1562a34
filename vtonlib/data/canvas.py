"""A canvas on which layers are painted back to front."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.frame import above

SHADE_TINT = (0.90, 1.04, 0.88)
"""How much of a shadow red, green and blue take: shadows are a little warmer and purpler than what they fall on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """What is seen so far. Each layer covers part of what was there."""

    rgb: Float[Tensor, "b 3 h w"]
    """Albedo in [0, 1]."""
    shade: Float[Tensor, "b 1 h w"]
    """Light; 1 is full."""
    target: Float[Tensor, "b 1 h w"]
    """How much of the pixel shows the garment to try on."""
    kept: Float[Tensor, "b 1 h w"]
    """How much shows things that lie before the garment, whatever it is."""
    label: Float[Tensor, "b 1 h w"]
    """What covers most: a number in PARSE_LABELS."""

    @classmethod
    def start(cls, background: Float[Tensor, "b 3 h w"]) -> Canvas:
        """A canvas with this background."""
        plane = torch.zeros_like(background[:, :1])
        return cls(rgb=background, shade=torch.ones_like(plane), target=plane, kept=plane.clone(), label=plane.clone())

    def crop(self, rows: slice, columns: slice) -> Canvas:
        """Some rows and columns, sharing memory."""
        return Canvas(**{f.name: getattr(self, f.name)[:, :, rows, columns] for f in fields(self)})

    def over(
        self, colour: Tensor, coverage: Tensor, label: Tensor | int, shade: Tensor | float = 1.0,
        *, target: Tensor | float = 0.0, kept: Tensor | float = 0.0,
    ) -> None:  # fmt: skip
        """Paint a layer: colour [b 3 h w] or [b 3 1 1] in [0, 1], coverage [b 1 h w]."""
        self.rgb.lerp_(colour.expand_as(self.rgb), coverage)
        for plane, value in ((self.shade, shade), (self.target, target), (self.kept, kept)):
            goal = value if isinstance(value, Tensor) else plane.new_tensor(value)
            plane.lerp_(goal.expand_as(plane), coverage)
        name = label if isinstance(label, Tensor) else self.label.new_tensor(label)
        self.label.lerp_(name.expand_as(self.label), above(coverage, 0.5))

    def tint(self, colour: Tensor, coverage: Tensor) -> None:
        """Colour what is there, without covering it: make-up, eyes, prints."""
        self.rgb.lerp_(colour.expand_as(self.rgb), coverage)

    def shading(self) -> Float[Tensor, "b 3 h w"]:
        """What the light makes of each colour channel: the picture is albedo times this."""
        tint = torch.tensor(SHADE_TINT, device=self.shade.device).view(1, 3, 1, 1)
        return (1 + (self.shade - 1) * tint).clamp_(0, 1)
