"""Chapter 01's formulas, written out as loops from the page, against vtonlib; and its disagreement."""

from __future__ import annotations

import math

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.render import paint
from vtonlib.data.world import World
from vtonlib.evaluation import coverage, end_point_error, mirror_swap_rate, pck
from vtonlib.grids import coordinate_grid, masked_mean, to_pixels, warp

B, H, W = 2, 5, 4
LATTICE = (7, 9)  # (height, width) of the garment, unlike the person's
EXACT = {"rtol": 0.0, "atol": 1e-12}


@pytest.fixture(params=range(3))
def case(request: pytest.FixtureRequest) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A flow, a truth and a mask; some of the flow's places lie outside [-1, 1]."""
    g = torch.Generator().manual_seed(request.param)
    truth = torch.rand(B, H, W, 2, generator=g, dtype=torch.float64) * 2 - 1
    flow = truth + 0.4 * torch.randn(B, H, W, 2, generator=g, dtype=torch.float64)
    mask = (torch.rand(B, 1, H, W, generator=g) < 0.6).double()
    mask[:, :, 0, 0] = 1
    return flow, truth, mask


def inside(mask: torch.Tensor, sample: int) -> list[tuple[int, int]]:
    return [(r, c) for r in range(H) for c in range(W) if mask[sample, 0, r, c] > 0.5]


def steps(dx: float, dy: float) -> float:
    """Eq. (eq-distance)."""
    height, width = LATTICE
    return math.sqrt(((width - 1) / 2 * dx) ** 2 + ((height - 1) / 2 * dy) ** 2)


def distances(flow: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor) -> list[list[float]]:
    return [[steps(*(flow[i, r, c] - truth[i, r, c]).tolist()) for r, c in inside(mask, i)] for i in range(B)]


@pytest.mark.equation("eq-masked-mean")
def test_masked_mean_is_a_mean_over_the_mask_of_the_whole_batch(case) -> None:
    x, mask = torch.randn(B, 3, H, W, dtype=torch.float64), case[2]
    values = [float(x[i, k, r, c]) for i in range(B) for k in range(3) for r, c in inside(mask, i)]
    torch.testing.assert_close(masked_mean(x, mask).item(), sum(values) / len(values), **EXACT)


@pytest.mark.equation("eq-warp")
def test_warp_weighs_the_pixels_by_tents(case) -> None:
    flow, (height, width) = case[0], (3, 6)
    image = torch.randn(B, 2, height, width, dtype=torch.float64)
    expected = torch.zeros(B, 2, H, W, dtype=torch.float64)
    for i, r, c in torch.cartesian_prod(*map(torch.arange, (B, H, W))).tolist():
        x, y = (min(max(float(v), -1.0), 1.0) for v in flow[i, r, c])
        column, row = (x + 1) / 2 * (width - 1), (y + 1) / 2 * (height - 1)
        for r2 in range(height):
            for c2 in range(width):
                weight = max(0.0, 1 - abs(column - c2)) * max(0.0, 1 - abs(row - r2))
                expected[i, :, r, c] += weight * image[i, :, r2, c2]
    torch.testing.assert_close(warp(image, flow), expected, **EXACT)


@pytest.mark.equation("eq-distance")
def test_distance_counts_steps_of_the_lattice(case) -> None:
    flow, truth, _ = case
    found = to_pixels(flow - truth, *LATTICE).norm(dim=-1)
    expected = [[[steps(*(flow - truth)[i, r, c].tolist()) for c in range(W)] for r in range(H)] for i in range(B)]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), **EXACT)


@pytest.mark.equation("eq-epe")
def test_end_point_error_is_the_mean_distance(case) -> None:
    expected = [sum(d) / len(d) for d in distances(*case)]
    assert end_point_error(*case, lattice=LATTICE).tolist() == pytest.approx(expected)


@pytest.mark.equation("eq-pck")
def test_pck_is_the_share_within_the_radius(case) -> None:
    radii = [0.5, 1.5, 4.0]
    expected = [[sum(x <= radius for x in d) / len(d) for radius in radii] for d in distances(*case)]
    assert pck(*case, radii, lattice=LATTICE).tolist() == pytest.approx(torch.tensor(expected).double().numpy())


@pytest.mark.equation("eq-mirror-swaps")
def test_mirror_swaps_compare_two_distances(case) -> None:
    flow, truth, mask = case
    for i in range(B):
        votes = []
        for r, c in inside(mask, i):
            (x, y), (u, v) = flow[i, r, c].tolist(), truth[i, r, c].tolist()
            right, mirrored = math.hypot(x - u, y - v), math.hypot(x + u, y - v)
            if abs(u) >= 0.1:
                votes.append(0.5 if right == mirrored else float(mirrored < right))
        assert mirror_swap_rate(*case)[i].item() == pytest.approx(sum(votes) / len(votes))


@pytest.mark.equation("eq-coverage")
def test_coverage_is_a_share_of_the_cells_that_the_truth_uses(case) -> None:
    flow, truth, mask = case
    height, width = LATTICE

    def cells(field: torch.Tensor, i: int) -> set[tuple[int, int]]:
        places = [field[i, r, c].clamp(-1, 1).tolist() for r, c in inside(mask, i)]
        return {(round((y + 1) / 2 * (height - 1)), round((x + 1) / 2 * (width - 1))) for x, y in places}

    expected = [len(cells(flow, i) & cells(truth, i)) / len(cells(truth, i)) for i in range(B)]
    assert coverage(*case, lattice=LATTICE).tolist() == pytest.approx(expected)


def test_the_world_paints_the_person_through_the_flow() -> None:
    """What the chapter says of the world: inside the mask the unshaded person is the garment, read through the flow."""
    scenes = World(DataConfig()).scenes("test", torch.arange(8))
    picture = paint(scenes, 64, 48)
    batch = picture.batch
    read = (warp(batch.garment, batch.flow) + 1) / 2
    assert ((read - picture.albedo).abs() * batch.flow_mask).max() < 2e-3
    lit = (picture.albedo * picture.shading * 2 - 1 - batch.person).abs() * batch.flow_mask
    assert lit.max() < 1e-5


def test_the_unpaired_truth_is_the_same_person() -> None:
    """What the chapter says of the unpaired setting: another garment, and every pixel that may not change is equal."""
    world, indices = World(DataConfig()), torch.arange(8)
    paired, unpaired = world.paired("test", indices), world.unpaired("test", indices)
    kept = 1 - torch.maximum(paired.agnostic_mask, unpaired.agnostic_mask)
    torch.testing.assert_close(paired.person * kept, unpaired.person * kept)
    assert (paired.garment - unpaired.garment).abs().flatten(1).amax(1).min() > 0.1
    assert torch.equal(paired.dense_pose, unpaired.dense_pose)


@pytest.mark.disagreement("D12")
def test_masks_of_the_two_polarities_hide_opposite_parts() -> None:
    batch = World(DataConfig()).paired("test", torch.arange(4))
    person, mask = batch.person, batch.agnostic_mask
    paint_where_one, keep_where_one = person * (1 - mask), person * mask  # Leffa's formula; the loader of StableVITON
    assert torch.equal(batch.agnostic, paint_where_one)
    assert not torch.equal(batch.agnostic, keep_where_one)
    # With the wrong one, a model is shown what it should paint: the hidden garment, pixel by pixel.
    hidden = batch.garment_region * mask
    assert (keep_where_one - person).abs().mul(hidden).max() == 0
    assert (paint_where_one * hidden).abs().max() == 0


def test_minus_one_is_the_centre_of_the_first_pixel() -> None:
    image = torch.arange(15.0).reshape(1, 1, 3, 5)
    assert torch.equal(warp(image, coordinate_grid(3, 5)[None]), image)
