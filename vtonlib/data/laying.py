"""How the picture of a flat garment looks at the mannequin on which it lies: straight, or anyhow.

A turn, a size and a shift: a similarity, so the flow of a garment laid anyhow is that of the straight one, moved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.frame import Frame, each, make_frame
from vtonlib.data.parameters import Laying

MOST_SHIFTED = (0.375, 0.5)
"""How far a garment lies from the middle of its picture at most (x, y): a quarter of the picture."""
BORDER = 0.068
"""Room left around the outline of a garment that is turned, in the canvas's units: about two pixels of 64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """Point p of the mannequin appears at zoom * R(turn) (p - (0, middle)) + shift."""

    zoom: Float[Tensor, " b"]
    """Size in the picture of one unit of the mannequin."""
    middle: Float[Tensor, " b"]
    """Height on the mannequin about which the garment is turned: the canvas's centre, if it is not shifted."""
    turn: Float[Tensor, " b"]
    """Angle in radians."""
    shift: Float[Tensor, "b 2"]
    """Where the mannequin's middle comes to lie (x, y), in the canvas's units."""

    def project(
        self, x: Float[Tensor, "b 1 h w"], y: Float[Tensor, "b 1 h w"], scale: Float[Tensor, " 2"]
    ) -> Float[Tensor, "b h w 2"]:
        """Places on the mannequin as places in the picture, times ``scale``: in the canvas's units if that is 1, as
        coordinates in [-1, 1] if it is ``canvas_scale``."""
        across, down = scale.unbind()
        cos, sin, y = each(self.turn.cos() * self.zoom), each(self.turn.sin() * self.zoom), y - each(self.middle)
        shift_x, shift_y = (each(s) for s in self.shift.unbind(1))
        seen_x = torch.addcmul(x * (across * cos), y, -across * sin).add_(across * shift_x)
        seen_y = torch.addcmul(y * (down * cos), x, down * sin).add_(down * shift_y)
        return torch.cat((seen_x, seen_y), 1).movedim(1, -1)

    def frame(self, height: int, width: int) -> Frame:
        """The pixels of the picture as places on the mannequin."""
        if not self.turn.any():
            return make_frame(height, width, self.zoom, self.shift - self._drop())
        at = make_frame(height, width, self.zoom, self.shift)
        cos, sin = each(self.turn.cos()), each(self.turn.sin())
        return replace(at, x=cos * at.x + sin * at.y, y=cos * at.y - sin * at.x + each(self.middle))

    def _drop(self) -> Float[Tensor, "b 2"]:
        """How far the canvas's centre lies below the mannequin's origin."""
        return torch.stack((torch.zeros_like(self.middle), self.middle * self.zoom), 1)


def lay(
    laid: Laying, outline: Float[Tensor, "b n 2"], zoom: Float[Tensor, " b"], middle: Float[Tensor, " b"]
) -> Camera:
    """The camera for a garment that would fill its picture at ``zoom``; it stays within the picture wholly.

    Args:
        laid: turn, size and place.
        outline: points (x, y) of the mannequin's right half that the garment reaches; the other half mirrors them.
        zoom: what makes the garment, laid straight, fill its picture.
        middle: height of the garment's middle on the mannequin.
    """
    x, y = outline[..., 0], outline[..., 1] - middle[:, None]
    cos, sin = laid.turn.cos()[:, None], laid.turn.sin()[:, None]
    wide, tall = (x * cos).abs(), (x * sin).abs()
    ends = torch.stack(((wide + y * sin), (y * cos - tall), (wide - y * sin), (y * cos + tall)), 0)
    left, up, right, down = (ends * torch.tensor([1, -1, 1, 1], device=x.device).view(-1, 1, 1)).amax(2)
    half = torch.tensor([0.75, 1.0], device=x.device) - BORDER
    reach = torch.stack((torch.stack((left, up), 1), torch.stack((right, down), 1)))  # [2 b 2], from the middle
    fitting = torch.minimum(zoom * laid.zoom, (half / reach).amin((0, 2)))
    zoom = torch.where(laid.turn == 0, zoom * laid.zoom, fitting)  # upright it is in the picture anyway
    room = (half - reach * zoom[:, None]).clamp_min(0).minimum(half.new_tensor(MOST_SHIFTED))
    shift = laid.place * torch.where(laid.place < 0, room[0], room[1])
    return Camera(zoom=zoom, middle=middle, turn=laid.turn, shift=shift)
