"""Thin-plate splines: the smoothest map of the plane that takes given points to given points."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.grids import coordinate_grid, resize_flow


def _kernel(squared: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
    """U(r) = r^2 log r^2, with U(0) = 0."""
    return torch.xlogy(squared, squared)


def _squared_distances(a: Float[Tensor, "b m 2"], b: Float[Tensor, "b n 2"]) -> Float[Tensor, "b m n"]:
    x, y = (a[:, :, None] - b[:, None]).unbind(-1)
    return torch.addcmul(x * x, y, y)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinPlate:
    """A fitted spline: call it with points."""

    control: Float[Tensor, "b n 2"]
    weight: Float[Tensor, "b n 2"]
    affine: Float[Tensor, "b 3 2"]

    def __call__(self, points: Float[Tensor, "b m 2"]) -> Float[Tensor, "b m 2"]:
        """Where the spline takes each point."""
        bend = _kernel(_squared_distances(points, self.control)) @ self.weight
        return bend + points @ self.affine[:, 1:] + self.affine[:, :1]


def fit_thin_plate(
    source: Float[Tensor, "b n 2"], target: Float[Tensor, "b n 2"], *, stiffness: float = 0.0
) -> ThinPlate:
    """The thin-plate spline that takes ``source`` to ``target``: exactly, if ``stiffness`` is 0; else smoother.

    At least three source points must not lie on one line, and no two may coincide.

    Source: Bookstein 1989, principal warps; the smoothing term is Wahba's. Book: sec-warping.
    """
    batch, n, _ = source.shape
    if n < 3 or target.shape != source.shape:
        raise ValueError(f"expected equal shapes [b n 2] with n >= 3, found {source.shape} and {target.shape}")
    basis = torch.cat((torch.ones_like(source[..., :1]), source), dim=-1)
    kernel = _kernel(_squared_distances(source, source)) + stiffness * torch.eye(n).to(source)
    system = torch.cat(
        (
            torch.cat((kernel, basis), dim=2),
            torch.cat((basis.mT, source.new_zeros(batch, 3, 3)), dim=2),
        ),
        dim=1,
    )
    solution = torch.linalg.solve(system, torch.cat((target, target.new_zeros(batch, 3, 2)), dim=1))
    return ThinPlate(control=source, weight=solution[:, :n], affine=solution[:, n:])


def thin_plate_flow(
    plate: ThinPlate, height: int, width: int, *, lattice: tuple[int, int] | None = None
) -> Float[Tensor, "b h w 2"]:
    """The spline as a flow: where each pixel goes. With ``lattice`` it is evaluated there and enlarged (cheaper)."""
    rows, columns = lattice or (height, width)
    grid = coordinate_grid(rows, columns, device=plate.control.device, dtype=plate.control.dtype)
    points = grid.reshape(1, -1, 2).expand(len(plate.control), -1, -1)
    return resize_flow(plate(points).unflatten(1, (rows, columns)), height, width)
