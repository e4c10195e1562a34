from __future__ import annotations

import math

import pytest
import torch

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.evaluation.correspondence import (
    attention_mass,
    coverage,
    end_point_error,
    mirror_swap_rate,
    pck,
    truth_on_lattice,
)
from vtonlib.grids import coordinate_grid, resize_flow

H, W = 9, 7


def identity(b: int = 2) -> torch.Tensor:
    return coordinate_grid(H, W, dtype=torch.float64).expand(b, H, W, 2)


def ones(b: int = 2) -> torch.Tensor:
    return torch.ones(b, 1, H, W, dtype=torch.float64)


def test_the_truth_is_perfect_in_every_metric() -> None:
    flow, mask = identity(), ones()
    assert end_point_error(flow, flow, mask, lattice=(H, W)).eq(0).all()
    assert pck(flow, flow, mask, [0.0, 1.0], lattice=(H, W)).eq(1).all()
    assert mirror_swap_rate(flow, flow, mask).eq(0).all()
    assert coverage(flow, flow, mask, lattice=(H, W)).eq(1).all()


def test_uniform_attention_errs_by_the_mean_distance_from_the_centre() -> None:
    found = end_point_error(torch.zeros_like(identity()), identity(), ones(), lattice=(H, W))
    by_hand = sum(math.hypot(r - (H - 1) / 2, c - (W - 1) / 2) for r in range(H) for c in range(W)) / (H * W)
    torch.testing.assert_close(found, torch.full((2,), by_hand, dtype=torch.float64))


def test_one_pixel_to_the_right_is_an_error_of_one_pixel_and_of_fewer_tokens() -> None:
    flow = identity() + torch.tensor([2 / (W - 1), 0.0])
    assert end_point_error(flow, identity(), ones(), lattice=(H, W)).allclose(torch.ones(2, dtype=torch.float64))
    assert end_point_error(flow, identity(), ones(), lattice=(5, 4)).allclose(
        torch.full((2,), 0.5, dtype=torch.float64)
    )
    one_down = identity() + torch.tensor([0.0, 2 / (H - 1)])
    assert end_point_error(one_down, identity(), ones(), lattice=(H, W)).allclose(torch.ones(2, dtype=torch.float64))


def test_pck_counts_the_pixels_within_each_threshold() -> None:
    flow = identity().clone()
    flow[0, 0, 0, 0] += 2 * 2 / (W - 1)  # one pixel of sample 0 is two steps off
    found = pck(flow, identity(), ones(), [1.0, 2.5], lattice=(H, W))
    assert found.allclose(torch.tensor([[1 - 1 / (H * W), 1.0], [1.0, 1.0]], dtype=torch.float64))


def test_mirror_swaps() -> None:
    truth, mirror = identity(), identity() * torch.tensor([-1, 1])
    assert mirror_swap_rate(mirror, truth, ones()).eq(1).all()
    assert mirror_swap_rate(torch.zeros_like(truth), truth, ones()).eq(0.5).all()
    half = torch.where(truth[..., 1:] < -1e-9, mirror, truth)  # the upper 4 of 9 rows exchanged
    assert mirror_swap_rate(half, truth, ones()).allclose(torch.tensor(4 / 9, dtype=torch.float64))
    by_distance = (half - mirror).norm(dim=-1) < (half - truth).norm(dim=-1)
    outside = truth[..., 0].abs() >= 0.1
    assert mirror_swap_rate(half, truth, ones())[0] == by_distance[outside].double().mean()


def test_mirror_swaps_leave_out_the_central_band() -> None:
    truth = torch.full((1, H, W, 2), 0.05, dtype=torch.float64)
    assert mirror_swap_rate(-truth, truth, ones(1)).isnan().all()
    assert mirror_swap_rate(-truth, truth, ones(1), band=0.01).eq(1).all()


def test_coverage_of_a_collapsed_flow_is_one_cell() -> None:
    found = coverage(torch.zeros_like(identity()), identity(), ones(), lattice=(5, 3))
    assert found.allclose(torch.tensor(1 / 15, dtype=torch.float64))


def test_coverage_counts_only_cells_that_the_truth_uses() -> None:
    truth = identity() * torch.tensor([0.0, 1.0])  # the middle column
    assert coverage(identity(), truth, ones(), lattice=(H, W)).eq(1).all()
    left = truth - torch.tensor([1.0, 0.0])
    assert coverage(left, truth, ones(), lattice=(H, W)).eq(0).all()


def test_a_cell_is_used_by_the_places_nearest_to_it() -> None:
    for share, expected in ((0.4, 1.0), (-0.4, 1.0), (0.6, 6 / 7), (-0.6, 6 / 7)):
        shifted = identity() + torch.tensor([share * 2 / (W - 1), 0.0])
        found = coverage(shifted, identity(), ones(), lattice=(H, W))
        assert found.allclose(torch.tensor(expected, dtype=torch.float64)), share


def test_an_empty_mask_gives_nan_for_its_sample_alone() -> None:
    mask = ones()
    mask[0] = 0
    flow = identity() * 0.5
    record = AttentionRecord(torch.zeros(2, 1, 63, 1), torch.zeros(2, 1, 63, 1), 1.0, Grid(H, W), (Grid(H, W),))
    for values in (
        end_point_error(flow, identity(), mask, lattice=(H, W)),
        pck(flow, identity(), mask, [1.0], lattice=(H, W))[:, 0],
        mirror_swap_rate(flow, identity(), mask),
        coverage(flow, identity(), mask, lattice=(H, W)),
        attention_mass(record, identity(), mask),
    ):
        assert values.shape == (2,)
        assert values.isnan().tolist() == [True, False]


def test_a_sample_of_a_batch_equals_the_sample_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    flow = torch.rand(3, H, W, 2, generator=generator) * 2 - 1
    target = torch.rand(3, H, W, 2, generator=generator) * 2 - 1
    mask = (torch.rand(3, 1, H, W, generator=generator) > 0.4).float()
    for metric in (
        lambda *a: end_point_error(*a, lattice=(H, W)),
        lambda *a: pck(*a, [1.0, 3.0], lattice=(H, W)),
        mirror_swap_rate,
        lambda *a: coverage(*a, lattice=(5, 4)),
    ):
        alone = torch.cat([metric(flow[i : i + 1], target[i : i + 1], mask[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(metric(flow, target, mask), alone)


def test_pixels_outside_the_mask_do_not_matter() -> None:
    mask, flow = ones(), identity().clone()
    mask[:, :, :3] = 0
    flow[:, :3] = 17.0
    assert end_point_error(flow, identity(), mask, lattice=(H, W)).eq(0).all()
    flow[:, :3] = torch.nan
    assert end_point_error(flow, identity(), mask, lattice=(H, W)).eq(0).all()


@pytest.mark.usefixtures("as_installed")
def test_errors_name_what_was_expected() -> None:
    with pytest.raises(ValueError, match="resize_flow"):
        end_point_error(identity()[:, ::2], identity(), ones(), lattice=(H, W))
    with pytest.raises(ValueError, match=r"mask is \(2, 9, 7\), expected \(2, 1, 9, 7\)"):
        pck(identity(), identity(), ones()[:, 0], [1.0], lattice=(H, W))
    half = torch.zeros(1, 1, 4, 1)
    record = AttentionRecord(half, half, 1.0, Grid(2, 2), (Grid(2, 1), Grid(1, 2)))
    with pytest.raises(ValueError, match="2 lattices of keys"):
        attention_mass(record, identity(1), ones(1))


def test_truth_on_a_coarser_lattice_knows_only_tokens_whose_neighbours_are_all_known() -> None:
    mask = ones(1)
    mask[..., :3] = 0
    target = identity(1) * mask.movedim(1, -1)
    coarse, known = truth_on_lattice(target, mask, 5, 4)
    exact = resize_flow(identity(1), 5, 4)
    assert known[0, 0].sum(0).tolist() == [0, 0, 5, 5]  # columns 0, 2, 4, 6 of the pixels
    assert coarse[known[:, 0] > 0].allclose(exact[known[:, 0] > 0])
    assert truth_on_lattice(target, mask, H, W)[0] is target
    # 5 columns lie at the pixels 0, 1.5, 3, 4.5, 6: with pixel 2 unknown, the one between 1 and 2 is unknown too.
    hole = ones(1)
    hole[..., 2] = 0
    _, known = truth_on_lattice(identity(1), hole, H, 5)
    assert known[0, 0, 4].tolist() == [1, 0, 1, 1, 1]


def sharp_record(flow: torch.Tensor, grid: Grid, sharpness: float = 2000.0) -> AttentionRecord:
    """Attention that decays with the squared distance of the key from ``flow``, as a product of queries and keys."""
    places = coordinate_grid(*grid, dtype=flow.dtype).flatten(0, 1).expand(len(flow), -1, 2)
    key = torch.cat((places, places.square().sum(-1, keepdim=True)), dim=-1)
    query = torch.cat((2 * flow.flatten(1, 2), -torch.ones_like(flow.flatten(1, 2)[..., :1])), dim=-1)
    return AttentionRecord(query[:, None], key[:, None], sharpness, Grid(H, W), (grid,))


def test_attention_mass_of_a_sharp_attention_is_all_near_and_none_far() -> None:
    record = sharp_record(identity(), Grid(H, W))
    assert expected_coordinates(record).allclose(identity(), atol=1e-6)
    assert attention_mass(record, identity(), ones()).allclose(torch.ones(2, dtype=torch.float64))
    far = identity() * torch.tensor([-1, -1])
    away = (to_far := (far - identity()).abs().amax(-1) > 1.2)[:, None].double()
    assert to_far.any()
    assert attention_mass(record, far, away).lt(1e-6).all()


def test_attention_mass_of_uniform_attention_is_the_share_of_keys_nearby() -> None:
    grid = Grid(5, 4)
    zeros = torch.zeros(1, 2, H * W, 3, dtype=torch.float64), torch.zeros(1, 2, 20, 3, dtype=torch.float64)
    record = AttentionRecord(*zeros, 1.0, Grid(H, W), (grid,))
    corner = torch.full((1, H, W, 2), -1.0, dtype=torch.float64)
    assert attention_mass(record, corner, ones(1), radius=1.0).allclose(torch.tensor(3 / 20, dtype=torch.float64))
    assert attention_mass(record, corner, ones(1), radius=1.5).allclose(torch.tensor(4 / 20, dtype=torch.float64))
    assert attention_mass(record, corner, ones(1), radius=99.0).allclose(torch.tensor(1.0, dtype=torch.float64))


def test_attention_mass_equals_the_loop_over_queries_and_keys() -> None:
    generator = torch.Generator().manual_seed(1)
    query, key = (torch.randn(2, 3, n, 4, generator=generator, dtype=torch.float64) for n in (H * W, 20))
    record = AttentionRecord(query, key, 0.7, Grid(H, W), (Grid(5, 4),))
    target = torch.rand(2, H, W, 2, generator=generator, dtype=torch.float64) * 2 - 1
    mask = (torch.rand(2, 1, H, W, generator=generator) > 0.5).double()
    weights = record.weights().mean(1)
    expected = []
    for i in range(2):
        masses = []
        for n in range(H * W):
            if mask[i, 0].flatten()[n] == 0:
                continue
            x, y = target[i].flatten(0, 1)[n].tolist()
            masses.append(
                sum(
                    weights[i, n, r * 4 + c].item()
                    for r in range(5)
                    for c in range(4)
                    if math.hypot((x + 1) * 1.5 - c, (y + 1) * 2 - r) <= 1.5
                )
            )
        expected.append(sum(masses) / len(masses))
    for rows in (7, 256):
        found = attention_mass(record, target, mask, rows_per_chunk=rows)
        torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_attention_mass_takes_the_truth_at_the_resolution_of_the_images() -> None:
    coarse = Grid(5, 4)
    flow = coordinate_grid(5, 4, dtype=torch.float64)[None]
    record = sharp_record(identity(1), Grid(H, W))
    small = AttentionRecord(record.query[:, :, :20], record.key, 1.0, coarse, record.key_grids)
    assert attention_mass(small, identity(1), ones(1)).shape == (1,)
    at_tokens = attention_mass(small, flow, torch.ones(1, 1, 5, 4, dtype=torch.float64))
    torch.testing.assert_close(attention_mass(small, identity(1), ones(1)), at_tokens)
