"""Chapter 05's formulas written out, against vtonlib; and its examples worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vtonlib.grids import coordinate_grid
from vtonlib.losses.adversarial import hinge_discriminator, hinge_generator, log_discriminator
from vtonlib.losses.warping import lattice_bending, warping_l1
from vtonlib.models.alias import split_parse
from vtonlib.models.geometric_matching import correlation
from vtonlib.models.normalization import power_iteration
from vtonlib.thin_plate import lattice_flow

G = torch.Generator().manual_seed(5)


def rand(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=G, dtype=torch.float64)


@pytest.mark.equation("eq-warping-loss")
def test_warping_loss_value_by_value() -> None:
    warped, worn = rand(2, 3, 4, 5), rand(2, 3, 4, 5)
    pairs = zip(warped.flatten().tolist(), worn.flatten().tolist(), strict=True)
    assert warping_l1(warped, worn).item() == pytest.approx(sum(abs(a - b) for a, b in pairs) / 120)
    assert warping_l1(warped, warped) == 0
    assert torch.autograd.gradcheck(warping_l1, (rand(1, 3, 2, 3).requires_grad_(), rand(1, 3, 2, 3)))


@pytest.mark.equation("eq-lattice-bending")
def test_lattice_bending_point_by_point() -> None:
    b, rows, columns = 2, 4, 6
    o = rand(b, rows, columns, 2)
    down = [
        abs(o[n, i - 1, j, k] - 2 * o[n, i, j, k] + o[n, i + 1, j, k]).item()
        for n in range(b) for i in range(1, rows - 1) for j in range(columns) for k in range(2)
    ]  # fmt: skip
    across = [
        abs(o[n, i, j - 1, k] - 2 * o[n, i, j, k] + o[n, i, j + 1, k]).item()
        for n in range(b) for i in range(rows) for j in range(1, columns - 1) for k in range(2)
    ]  # fmt: skip
    expected = sum(down) / len(down) + sum(across) / len(across)
    assert lattice_bending(o).item() == pytest.approx(expected)


@pytest.mark.equation("eq-lattice-bending")
def test_even_movements_do_not_bend() -> None:
    grid = coordinate_grid(5, 4, dtype=torch.float64)
    affine = (grid @ rand(2, 2) + rand(2))[None]
    assert lattice_bending(affine) < 1e-12
    assert lattice_bending(affine + 0.1 * grid[None].square()) > 0.01
    assert lattice_bending(3 * rand(1, 2, 2, 2)) == 0  # no point lies between two others
    narrow = rand(1, 2, 5, 2)  # two rows: only along the rows is there a second difference
    assert lattice_bending(narrow).item() == pytest.approx(narrow.diff(n=2, dim=2).abs().mean().item())


@pytest.mark.equation("eq-spectral-norm")
def test_power_iteration_by_hand() -> None:
    matrix = torch.tensor([[3.0, 0], [4, 5]], dtype=torch.float64)
    start = torch.tensor([1.0, 0], dtype=torch.float64)
    one, two = (power_iteration(matrix, start, steps).value.item() for steps in (1, 2))
    assert one == pytest.approx(5) and two == pytest.approx(math.sqrt(1825 / 41)) and round(two, 3) == 6.672
    assert power_iteration(matrix, start, 60).value.item() == pytest.approx(math.sqrt(45))


@pytest.mark.equation("eq-hinge")
def test_what_an_undecided_and_a_sure_discriminator_pay() -> None:
    zeros, real, fake = ([[torch.full((1, 1, 2, 3), value)]] for value in (0.0, 1.5, -2.0))
    assert hinge_discriminator(zeros, zeros) == 2 and hinge_discriminator(real, fake) == 0
    assert hinge_discriminator(fake, real) == 3 + 2.5
    assert hinge_generator(fake) == 2


@pytest.mark.equation("eq-log-gan")
def test_log_loss_of_an_undecided_discriminator() -> None:
    zeros = [[torch.zeros(1, 1, 2, 3)]]
    assert log_discriminator(zeros, zeros).item() == pytest.approx(2 * math.log(2))


@pytest.mark.equation("eq-thin-plate")
def test_a_lattice_is_linear_in_its_offsets() -> None:
    grid = coordinate_grid(7, 6, dtype=torch.float64)
    first, second = rand(1, 3, 4, 2), rand(1, 3, 4, 2)
    bends = [lattice_flow(o, 7, 6) - grid for o in (first, second, 2 * first - second)]
    torch.testing.assert_close(bends[2], 2 * bends[0] - bends[1])
    assert torch.equal(lattice_flow(0 * first, 7, 6)[0], grid)


@pytest.mark.equation("eq-correlation")
def test_unit_features_correlate_by_the_cosine() -> None:
    a, b = (torch.nn.functional.normalize(rand(1, 5, 3, 2), dim=1) for _ in range(2))
    table = correlation(a, b)
    assert table.abs().max() <= 1
    torch.testing.assert_close(correlation(a, a)[0].flatten(1).view(2, 3, 3, 2)[1, 2, 2, 1], torch.tensor(1.0).double())


def test_the_row_of_eight_pixels() -> None:
    wanted = torch.tensor([0.0, 1, 1, 1, 1, 1, 0, 0]).view(1, 1, 1, 8)
    covered = torch.tensor([0.0, 0, 1, 1, 1, 1, 1, 0]).view(1, 1, 1, 8)
    divided = split_parse(wanted, (wanted - covered).clamp_min(0), 0)
    assert divided[0, :, 0].tolist() == [[0, 0, 1, 1, 1, 1, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0]]
