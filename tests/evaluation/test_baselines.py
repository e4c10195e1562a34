from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.evaluation.baselines import (
    BASELINES,
    aligned_masks_flow,
    baseline_flows,
    baseline_images,
    cloth_centre_flow,
    nearest_colour_flow,
    random_pixel_flow,
)
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


def striped_batch() -> TryOnBatch:
    """A garment of two colours, worn as it is: half of its pixels are equally near to each person pixel."""
    h, w = 8, 6
    stripes = (torch.arange(h) % 2).float().view(1, 1, h, 1).expand(2, 3, h, w)
    grid, one = coordinate_grid(h, w).expand(2, h, w, 2), torch.ones(2, 1, h, w)
    return TryOnBatch(
        person=stripes, garment=stripes, garment_mask=one, agnostic=stripes * 0, agnostic_mask=one, dense_pose=stripes,
        keypoints=torch.zeros(2, 14, 2), parse=one, garment_region=one, flow=grid, flow_mask=one,
        warped_garment=stripes, misalign_mask=one, index=torch.arange(2),
    )  # fmt: skip


def test_ties_between_equal_colours_are_broken_at_random() -> None:
    """Not by reading order, which would always answer with the first row: as far off as chance within the stripes."""
    batch = striped_batch()
    flow = nearest_colour_flow(batch)
    torch.testing.assert_close(warp(batch.garment, flow), batch.person)  # the colour is right
    used = {tuple(place) for place in flow.flatten(0, 2).tolist()}
    assert len(used) > 0.6 * 48 and not torch.equal(flow[0], flow[1])
    assert torch.equal(flow, nearest_colour_flow(batch))  # and the lot is always the same
    same = [float(end_point_error(f, batch.flow, batch.flow_mask, lattice=batch.size).mean()) for f in (flow,)]
    first_row_wins = batch.flow.clone()
    first_row_wins[..., 0], first_row_wins[..., 1] = -1, torch.where(batch.person[:, 0] > 0.5, -5 / 7, -1.0)
    reading_order = float(end_point_error(first_row_wins, batch.flow, batch.flow_mask, lattice=batch.size).mean())
    assert same[0] < 0.9 * reading_order


def test_a_random_pixel_is_one_of_the_garment() -> None:
    batch = striped_batch()
    left = replace(batch, garment_mask=(batch.flow[..., 0] < 0).float()[:, None])
    flow = random_pixel_flow(left)
    assert bool((flow[..., 0] < 0).all()) and float(flow[..., 1].std()) > 0.4
    assert torch.equal(flow, random_pixel_flow(left, rows_per_chunk=1024)) and not torch.equal(flow[0], flow[1])


def masked_batch(person: Tensor, garment: Tensor) -> TryOnBatch:
    """One example of which only the masks [h w] of person and garment matter."""
    garment_mask, agnostic_mask = garment[None, None], person[None, None]
    picture = garment_mask.expand(-1, 3, -1, -1)
    return TryOnBatch(
        person=picture, garment=picture, garment_mask=garment_mask, agnostic=picture, agnostic_mask=agnostic_mask,
        dense_pose=picture, keypoints=torch.zeros(1, 14, 2), parse=agnostic_mask, garment_region=agnostic_mask,
        flow=torch.zeros(1, *person.shape, 2), flow_mask=agnostic_mask, warped_garment=picture,
        misalign_mask=agnostic_mask, index=torch.zeros(1, dtype=torch.long),
    )  # fmt: skip


def test_aligned_masks_are_exact_for_a_scaled_and_shifted_copy() -> None:
    """The garment's pixels are the person's, twice as far apart and 3 on in x, three times and 1 on in y."""
    person, garment = torch.zeros(20, 16), torch.zeros(20, 16)
    rows, columns = torch.tensor([[2, 1], [3, 1], [3, 2], [4, 1], [4, 2], [4, 3]]).T
    person[rows, columns] = 1
    garment[3 * rows + 1, 2 * columns + 3] = 1
    batch, steps = masked_batch(person, garment), torch.tensor([15.0, 19])
    pixels = (aligned_masks_flow(batch)[0, rows, columns] + 1) / 2 * steps
    places = torch.stack((2 * columns + 3, 3 * rows + 1), dim=1).float()
    torch.testing.assert_close(pixels, places, atol=1e-4, rtol=0)
    centre = (cloth_centre_flow(batch)[0, 0, 0] + 1) / 2 * steps
    torch.testing.assert_close(centre, places.mean(0), atol=1e-4, rtol=0)


def test_aligned_masks_shift_exactly_and_survive_empty_masks() -> None:
    person, garment = torch.zeros(12, 10), torch.zeros(12, 10)
    person[1:5, 2:6], garment[4:8, 5:9] = 1, 1
    batch = masked_batch(person, garment)
    by_hand = coordinate_grid(12, 10) + 2 * torch.tensor([3 / 9, 3 / 11])
    torch.testing.assert_close(aligned_masks_flow(batch)[0], by_hand)
    for empty in (masked_batch(person * 0, garment), masked_batch(person, garment * 0)):
        assert aligned_masks_flow(empty).isfinite().all()
