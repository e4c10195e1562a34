"""Thin-plate splines."""

from __future__ import annotations

import math

import pytest
import torch

from vtonlib.grids import coordinate_grid
from vtonlib.thin_plate import ThinPlate, fit_thin_plate, lattice_flow, thin_plate_flow

POINTS = torch.rand(3, 9, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


def test_equal_points_give_the_identity() -> None:
    flow = thin_plate_flow(fit_thin_plate(POINTS, POINTS), 7, 5)
    torch.testing.assert_close(flow, coordinate_grid(7, 5, dtype=torch.float64).expand(3, -1, -1, -1))


def test_control_points_are_met_exactly() -> None:
    target = POINTS.flip(1) * 0.7
    torch.testing.assert_close(fit_thin_plate(POINTS, target)(POINTS), target)


def test_affine_maps_are_reproduced_everywhere_at_any_stiffness() -> None:
    matrix = torch.tensor([[0.8, -0.3], [0.2, 1.1]], dtype=torch.float64)
    elsewhere = torch.rand(3, 40, 2, dtype=torch.float64) * 4 - 2
    for stiffness in (0.0, 0.5):
        plate = fit_thin_plate(POINTS, POINTS @ matrix + 0.1, stiffness=stiffness)
        torch.testing.assert_close(plate(elsewhere), elsewhere @ matrix + 0.1)


def test_it_bends_least_of_all_interpolants() -> None:
    """The side conditions hold: no net force and no torque, which makes the bending energy finite and smallest."""
    plate = fit_thin_plate(POINTS, POINTS.square())
    torch.testing.assert_close(plate.weight.sum(1), torch.zeros(3, 2, dtype=torch.float64))
    torch.testing.assert_close(POINTS.mT @ plate.weight, torch.zeros(3, 2, 2, dtype=torch.float64))


def test_stiffness_trades_exactness_for_smoothness() -> None:
    target = POINTS + 0.2 * torch.sin(9 * POINTS)
    exact, soft = fit_thin_plate(POINTS, target), fit_thin_plate(POINTS, target, stiffness=0.3)
    assert (soft(POINTS) - target).abs().max() > 1e-2
    assert soft.weight.abs().mean() < exact.weight.abs().mean()


def test_a_coarse_lattice_is_close() -> None:
    plate = fit_thin_plate(POINTS, POINTS + 0.05 * torch.sin(3 * POINTS), stiffness=0.1)
    error = thin_plate_flow(plate, 64, 48, lattice=(17, 13)) - thin_plate_flow(plate, 64, 48)
    assert error.abs().max() < 0.02


@pytest.mark.parametrize("points", [1, 2])
def test_too_few_points_are_named(points: int) -> None:
    with pytest.raises(ValueError, match="n >= 3"):
        fit_thin_plate(torch.rand(1, points, 2), torch.rand(1, points, 2))


@pytest.mark.equation("eq-thin-plate")
def test_the_spline_by_the_formula() -> None:
    """f(p) = a_0 + A p + sum_i w_i U(|p - c_i|), point by point."""
    generator = torch.Generator().manual_seed(1)
    control, weight, affine, points = (
        torch.randn(2, n, 2, generator=generator, dtype=torch.float64) for n in (4, 4, 3, 5)
    )
    plate = ThinPlate(control=control, weight=weight, affine=affine)
    for b in range(2):
        for p, found in zip(points[b].tolist(), plate(points)[b], strict=True):
            expected = affine[b, 0] + p[0] * affine[b, 1] + p[1] * affine[b, 2]
            for c, w in zip(control[b].tolist(), weight[b], strict=True):
                r = math.dist(p, c)
                expected = expected + w * r**2 * math.log(r**2)
            torch.testing.assert_close(found, expected)


SIZES = [(7, 5), (16, 12), (1, 9), (6, 1), (1, 1), (33, 20)]
LATTICES = [(5, 5), (2, 2), (3, 4), (6, 2)]


def random_offsets(rows: int, columns: int, *, batch: int = 2, scale: float = 0.3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows * 10 + columns)
    return scale * torch.randn(batch, rows, columns, 2, generator=generator, dtype=torch.float64)


@pytest.mark.equation("eq-thin-plate")
@pytest.mark.parametrize("control", LATTICES)
@pytest.mark.parametrize("size", SIZES)
def test_a_lattice_bends_as_the_spline_fitted_to_its_points(size: tuple[int, int], control: tuple[int, int]) -> None:
    offsets = random_offsets(*control)
    points = coordinate_grid(*control, dtype=torch.float64).reshape(1, -1, 2).expand(2, -1, -1)
    expected = thin_plate_flow(fit_thin_plate(points, points + offsets.flatten(1, 2)), *size)
    torch.testing.assert_close(lattice_flow(offsets, *size), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_unmoved_lattice_is_the_identity_exactly(dtype: torch.dtype) -> None:
    for size in SIZES:
        flow = lattice_flow(torch.zeros(3, 5, 4, 2, dtype=dtype), *size)
        assert flow.dtype == dtype and torch.equal(flow, coordinate_grid(*size, dtype=dtype).expand(3, -1, -1, -1))


@pytest.mark.parametrize("control", LATTICES)
def test_affine_offsets_give_the_affine_map(control: tuple[int, int]) -> None:
    matrix = torch.tensor([[0.8, -0.3], [0.2, 1.1]], dtype=torch.float64)
    places, pixels = (coordinate_grid(*size, dtype=torch.float64)[None] for size in (control, (11, 8)))
    torch.testing.assert_close(lattice_flow(places @ matrix + 0.1 - places, 11, 8), pixels @ matrix + 0.1)


def test_control_points_move_by_their_offsets() -> None:
    """Pixels that lie on control points: every third of 13, every second of 9."""
    offsets = random_offsets(5, 5)
    moved = (lattice_flow(offsets, 13, 9) - coordinate_grid(13, 9, dtype=torch.float64))[:, ::3, ::2]
    torch.testing.assert_close(moved, offsets)


def test_float32_is_the_rounded_double() -> None:
    offsets = random_offsets(5, 5)
    error = lattice_flow(offsets.float(), 40, 30) - lattice_flow(offsets, 40, 30)
    assert error.abs().max() < 1e-6


def test_half_precision_and_autocast_are_computed_in_float32() -> None:
    offsets = random_offsets(5, 5).bfloat16()
    expected = lattice_flow(offsets.float(), 9, 7)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(lattice_flow(offsets.float(), 9, 7), expected)
    assert torch.equal(lattice_flow(offsets, 9, 7), expected)


def test_a_flow_made_while_sampling_does_not_spoil_training() -> None:
    with torch.inference_mode():
        lattice_flow(torch.zeros(1, 3, 3, 2), 17, 19)
    offsets = torch.zeros(1, 3, 3, 2, requires_grad=True)
    lattice_flow(offsets, 17, 19).sum().backward()
    torch.testing.assert_close(offsets.grad.sum(), torch.tensor(17.0 * 19 * 2))


def test_a_lattice_by_gradcheck() -> None:
    offsets = random_offsets(3, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda o: lattice_flow(o, 5, 3), offsets)


@pytest.mark.parametrize("control", [(1, 5), (5, 1), (1, 1)])
def test_a_lattice_that_cannot_bend_is_refused(control: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"{control[0]}x{control[1]} control points: expected at least 2x2"):
        lattice_flow(torch.zeros(1, *control, 2), 4, 4)


def test_unequal_numbers_of_points_are_named() -> None:
    with pytest.raises(ValueError, match=r"found torch.Size\(\[1, 4, 2\]\) and torch.Size\(\[2, 4, 2\]\)"):
        fit_thin_plate.__wrapped__(torch.rand(1, 4, 2), torch.rand(2, 4, 2))
