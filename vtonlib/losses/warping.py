"""The losses of a warp that is learned from pictures alone."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def warping_l1(warped: Float[Tensor, "b c h w"], worn: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """The mean absolute difference of the warped garment and the one on the person.

    Source: VITON-HD Eq. 3, first term. Equation: eq-warping-loss. Book: sec-alias-generator.
    """
    return (warped - worn).abs().mean()


def lattice_bending(offsets: Float[Tensor, "b rows columns 2"]) -> Float[Tensor, ""]:
    """How unevenly the control points move: the mean absolute second difference along rows and along columns.

    0 for every affine movement. ACGPN and VITON-HD penalise differences of lengths and slopes of neighbouring lattice
    edges; the second difference is the linear part of both. A lattice of fewer than 3 points has none.

    Source: ACGPN Eq. 4, VITON-HD section 3.3. Equation: eq-lattice-bending. Book: sec-alias-generator.
    """
    second = [offsets.diff(n=2, dim=dim).abs() for dim in (1, 2)]
    known = [difference.mean() for difference in second if difference.numel()]
    return sum(known, offsets.new_zeros(()))
