"""Thin-plate splines."""

from __future__ import annotations

import pytest
import torch

from vtonlib.thin_plate import fit_thin_plate, thin_plate_flow
from vtonlib.grids import coordinate_grid

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
