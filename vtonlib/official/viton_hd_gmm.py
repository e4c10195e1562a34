"""VITON-HD's geometric matching (``gmm_final``), with the released code's own convention of coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from vtonlib.grids import coordinate_grid
from vtonlib.models.geometric_matching import GeometricMatcher
from vtonlib.official.release import Release
from vtonlib.thin_plate import lattice_flow

REACH = 0.9
"""Where the released lattices end: pixels and control points lie on linspace(-0.9, 0.9), so a lattice that is not moved
enlarges the middle of the garment a little."""


def released_offsets(
    offsets: Float[Tensor, "b rows columns 2"], height: int, width: int
) -> Float[Tensor, "b rows columns 2"]:
    """The released offsets in this library's convention, for warping a garment of ``height`` x ``width``.

    Both changes are affine, and splines keep affine maps: the control points lie on [-0.9, 0.9] instead of [-1, 1],
    and -1 and 1 are the outer edges of the outer pixels (``align_corners=False``) instead of their centres, which
    makes coordinates n / (n - 1) times as large.
    """
    rows, columns = offsets.shape[1:3]
    control = coordinate_grid(rows, columns, device=offsets.device, dtype=offsets.dtype)
    edges = control.new_tensor([side / max(side - 1, 1) for side in (width, height)])
    return (REACH * control + offsets) * edges - control


class VITONHDMatcher(GeometricMatcher):
    """The matcher as VITON-HD's weights expect it: offsets mean what they mean there.

    The garment that the flow warps has to have the flow's size, as in the released code.
    """

    def flow(self, offsets: Float[Tensor, "b rows columns 2"], height: int, width: int) -> Float[Tensor, "b h w 2"]:
        """The flow of a moved lattice."""
        return lattice_flow(released_offsets(offsets, height, width), height, width)


def _sides(area: int) -> tuple[int, int]:
    """The most nearly square (height, width) of this area, upright."""
    width = max(side for side in range(1, math.isqrt(area) + 1) if area % side == 0)
    return area // width, width


def build(state: Mapping[str, Tensor]) -> VITONHDMatcher:
    """The matcher with the sizes of the tensors. Of the image size they tell only the area: the released weights' 192
    places are taken for 16 x 12, of images of 256 x 192.

    Raises:
        ValueError: where the correlation's places cannot be a map whose sides are multiples of 4.
    """
    places, control = state["regression.conv.0.weight"].shape[1], math.isqrt(len(state["regression.linear.bias"]) // 2)
    if places % 16:
        raise ValueError(f"regression.conv.0.weight reads {places} places: expected a multiple of 16")
    height, width = _sides(places // 16)
    return VITONHDMatcher(
        *(state[f"extraction{which}.model.0.weight"].shape[1] for which in "AB"),
        size=(64 * height, 64 * width),
        channels=[len(state[f"extractionA.model.{3 * level}.weight"]) for level in range(4)],
        regressor=[len(state[f"regression.conv.{3 * layer}.weight"]) for layer in range(4)],
        control=(control, control),
    )


def rename(key: str) -> str:
    """extractionA looks at the person, extractionB at the garment."""
    return key.replace("extractionA.model.", "person_features.").replace("extractionB.model.", "garment_features.")


RELEASE = Release(build=build, rename=rename)
