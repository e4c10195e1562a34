"""Thin-plate splines: the smoothest map of the plane that takes given points to given points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.grids import coordinate_grid, resize_flow


def _kernel(squared: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
    """U(r) = r^2 log r^2, with U(0) = 0."""
    # The gradient at a control point is 0; that of xlogy would be 0 * log 0 there.
    return torch.xlogy(
        squared, squared.clamp_min(torch.finfo(squared.dtype).tiny) if squared.requires_grad else squared
    )


def _squared_distances(a: Float[Tensor, "b m 2"], b: Float[Tensor, "b n 2"]) -> Float[Tensor, "b m n"]:
    x, y = (a[:, :, None] - b[:, None]).unbind(-1)
    return torch.addcmul(x * x, y, y)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinPlate:
    """A fitted spline: call it with points.

    It is an affine map plus a bend, the sum of the control points' weights times U(distance), U(r) = r^2 log r^2.
    Equation: eq-thin-plate. Book: sec-warping.
    """

    control: Float[Tensor, "b n 2"]
    """Control points (x, y)."""
    weight: Float[Tensor, "b n k"]
    """Of each control point's bend, for each of the k values."""
    affine: Float[Tensor, "b 3 k"]
    """The affine map: offset, then the factors of x and y."""

    def __call__(self, points: Float[Tensor, "b m 2"]) -> Float[Tensor, "b m k"]:
        """Where the spline takes each point."""
        bend = _kernel(_squared_distances(points, self.control)) @ self.weight
        return bend + points @ self.affine[:, 1:] + self.affine[:, :1]


def fit_thin_plate(
    source: Float[Tensor, "b n 2"], target: Float[Tensor, "b n k"], *, stiffness: float = 0.0
) -> ThinPlate:
    """The thin-plate spline that takes ``source`` to ``target``: exactly, if ``stiffness`` is 0; else smoother.

    At least three source points must not lie on one line, and no two may coincide. Targets are points of the plane,
    or values of any other number: each component is fitted on its own. Solved in float32 at least.

    Raises:
        ValueError: where there are fewer than three points, or not as many targets as sources.

    Source: Bookstein 1989, principal warps; the smoothing term is Wahba's. Book: sec-warping.
    """
    batch, n, _ = source.shape
    if n < 3 or target.shape[:2] != source.shape[:2]:
        raise ValueError(f"expected shapes [b n 2] and [b n k] with n >= 3, found {source.shape} and {target.shape}")
    basis = torch.cat((torch.ones_like(source[..., :1]), source), dim=-1)
    kernel = _kernel(_squared_distances(source, source)) + stiffness * torch.eye(n).to(source)
    system = torch.cat(
        (
            torch.cat((kernel, basis), dim=2),
            torch.cat((basis.mT, source.new_zeros(batch, 3, 3)), dim=2),
        ),
        dim=1,
    )
    values = torch.cat((target, target.new_zeros(batch, 3, target.shape[-1])), dim=1)
    precise = torch.promote_types(system.dtype, torch.float32)  # no solver takes half precision
    solution = torch.linalg.solve(system.to(precise), values.to(precise)).to(system.dtype)
    return ThinPlate(control=source, weight=solution[:, :n], affine=solution[:, n:])


def thin_plate_flow(
    plate: ThinPlate, height: int, width: int, *, lattice: tuple[int, int] | None = None
) -> Float[Tensor, "b h w 2"]:
    """The spline as a flow: where each pixel goes. With ``lattice`` it is evaluated there and enlarged (cheaper)."""
    rows, columns = lattice or (height, width)
    grid = coordinate_grid(rows, columns, device=plate.control.device, dtype=plate.control.dtype)
    points = grid.reshape(1, -1, 2).expand(len(plate.control), -1, -1)
    return resize_flow(plate(points).unflatten(1, (rows, columns)), height, width)


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # a basis built while sampling must serve training as well
def _lattice_basis(
    rows: int, columns: int, height: int, width: int, dtype: torch.dtype, device: torch.device
) -> Float[Tensor, "n p"]:
    """How much each control point of a lattice counts at each pixel: splines fitted to one 1 among zeros.

    Solved and evaluated in float64 and rounded once; in parts, so that little is held at a time.
    """
    control = coordinate_grid(rows, columns, dtype=torch.float64).reshape(1, -1, 2)
    plate = fit_thin_plate(control, torch.eye(rows * columns, dtype=torch.float64)[None])
    points = coordinate_grid(height, width, dtype=torch.float64).reshape(1, -1, 2)
    basis = torch.empty(rows * columns, height * width, dtype=dtype, device=device)
    for part, values in zip(points.split(1 << 14, dim=1), basis.split(1 << 14, dim=1), strict=True):
        values.copy_(plate(part)[0].mT)
    return basis


def lattice_flow(offsets: Float[Tensor, "b rows columns 2"], height: int, width: int) -> Float[Tensor, "b h w 2"]:
    """The flow whose control points, a lattice over the whole image, are moved by ``offsets``; in between it bends.

    A spline is linear in what it is fitted to. So all that depends on the lattice and the image size is computed once
    (and kept for the four shapes used last), and a flow costs one product of matrices. Offsets of zero give the
    identity, exactly; offsets of any affine map give that map.

    Args:
        offsets: (x, y) of every control point's displacement, in units of [-1, 1]; the corners of the lattice are the
            centres of the image's corner pixels.
        height: of the flow.
        width: of the flow.

    Raises:
        ValueError: where the lattice has fewer than 2x2 points.

    Source: VITON-HD's geometric matching, whose lattice spans only [-0.9, 0.9] (see ``vtonlib.official``), inverted
    in float32 and evaluated anew at every call. Equation: eq-thin-plate. Book: sec-warping.
    """
    rows, columns = offsets.shape[1:3]
    if rows < 2 or columns < 2:
        raise ValueError(f"the lattice has {rows}x{columns} control points: expected at least 2x2")
    with torch.autocast(offsets.device.type, enabled=False):  # half precision is too coarse for coordinates
        moved = offsets.to(torch.promote_types(offsets.dtype, torch.float32))
        basis = _lattice_basis(rows, columns, height, width, moved.dtype, moved.device)
        grid = coordinate_grid(height, width, device=moved.device, dtype=moved.dtype)
        displacement = moved.flatten(1, 2).mT @ basis  # [b 2 p]: twice as fast as [b p 2]
        return grid + displacement.unflatten(2, (height, width)).movedim(1, -1)
