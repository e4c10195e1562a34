from __future__ import annotations

from dataclasses import replace

import torch

from vtonlib.data.batch import TryOnBatch
from vtonlib.evaluation.baselines import BASELINES, baseline_flows, baseline_images, nearest_colour_flow
from vtonlib.evaluation.correspondence import end_point_error, mirror_swap_rate
from vtonlib.evaluation.image import l1
from vtonlib.grids import coordinate_grid, warp


def test_every_baseline_is_there(hand_batch: TryOnBatch) -> None:
    flows = baseline_flows(hand_batch)
    images = baseline_images(hand_batch, flows)
    assert tuple(images) == BASELINES
    assert set(flows) == set(BASELINES) - {"agnostic"}
    for image in images.values():
        assert image.shape == hand_batch.person.shape
        outside = hand_batch.agnostic_mask == 0
        assert (image * outside)[:, :, :4].equal((images["agnostic"] * outside)[:, :, :4])


def test_flows(hand_batch: TryOnBatch) -> None:
    flows, truth = baseline_flows(hand_batch), (hand_batch.flow, hand_batch.flow_mask)
    assert end_point_error(flows["oracle"], *truth, lattice=hand_batch.size).eq(0).all()
    assert mirror_swap_rate(flows["flip"], *truth).eq(1).all()
    assert flows["uniform"].eq(0).all()
    assert flows["copy"][1].equal(coordinate_grid(*hand_batch.size))


def test_nearest_colour_finds_the_pixel_of_equal_colour() -> None:
    """A garment in which every pixel has its own colour, worn upside down: colour alone tells the place."""
    h, w = 6, 5
    grid = coordinate_grid(h, w)[None]
    garment = torch.cat((grid.movedim(-1, 1), torch.zeros(1, 1, h, w)), dim=1)
    flow, one = grid * torch.tensor([1.0, -1.0]), torch.ones(1, 1, h, w)
    batch = TryOnBatch(
        person=warp(garment, flow), garment=garment, garment_mask=one, agnostic=garment * 0, agnostic_mask=one,
        dense_pose=garment, keypoints=torch.zeros(1, 14, 2), parse=one, garment_region=one, flow=flow, flow_mask=one,
        warped_garment=garment, misalign_mask=one, index=torch.zeros(1, dtype=torch.long),
    )  # fmt: skip
    for rows in (4, 1000):
        assert nearest_colour_flow(batch, rows_per_chunk=rows).allclose(flow)
    empty = replace(batch, garment_mask=one * 0)
    assert nearest_colour_flow(empty).eq(0).all()
    half = replace(batch, agnostic_mask=one * (grid[..., 0] > 0).float()[:, None])
    assert nearest_colour_flow(half)[..., :2, :].eq(0).all()


def test_images_rank_as_they_should(hand_batch: TryOnBatch) -> None:
    images = baseline_images(hand_batch, baseline_flows(hand_batch))
    error = {name: l1(image, hand_batch.person, hand_batch.flow_mask) for name, image in images.items()}
    assert error["oracle"].eq(0).all()
    assert (error["nearest colour"] < error["copy"]).all()
    assert (error["nearest colour"] < error["agnostic"]).all()
    alpha = hand_batch.agnostic_mask * hand_batch.garment_mask
    pasted = torch.lerp(hand_batch.agnostic, hand_batch.garment, alpha)
    torch.testing.assert_close(images["copy"], pasted, atol=1e-5, rtol=0)


def test_a_sample_of_a_batch_equals_the_sample_alone(hand_batch: TryOnBatch) -> None:
    flows, alone = baseline_flows(hand_batch), baseline_flows(hand_batch[1:2])
    for name, flow in flows.items():
        torch.testing.assert_close(flow[1:2], alone[name])
