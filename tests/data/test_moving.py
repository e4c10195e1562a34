"""Moved and mirrored examples: everything that is true of them moves along."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.support.painted_source import PaintedSource
from vtonlib.config import DataConfig
from vtonlib.data.batch import KEYPOINTS, PARSE_LABELS, TryOnBatch
from vtonlib.data.moving import Move, mirror, mirror_surface, move, moved_flow, read_known, read_nearest
from vtonlib.data.render import paint
from vtonlib.data.truth import BODY_PARTS
from vtonlib.data.world import World
from vtonlib.grids import coordinate_grid, masked_mean, warp


@pytest.fixture(scope="module")
def batch() -> TryOnBatch:
    return World(DataConfig(height=64, width=48, laid="anyhow")).paired("train", torch.arange(16))


def draw(count: int, seed: int) -> Move:
    """Moves as far as the paper's."""
    g = torch.Generator().manual_seed(seed)
    scale = 0.8 + 0.4 * torch.rand(count, 1, generator=g)
    return Move(scale.expand(-1, 2), 0.4 * (torch.rand(count, 2, generator=g) * 2 - 1))


def painted(batch: TryOnBatch) -> TryOnBatch:
    """The batch with garments whose colour is a linear function of place, so that bilinear reading is exact."""
    grid = coordinate_grid(*batch.size).movedim(-1, 0)
    garment = torch.cat((grid, grid.sum(0, keepdim=True) / 2)).expand(len(batch), -1, -1, -1).contiguous()
    return replace(batch, garment=garment, person=warp(garment, batch.flow) * batch.flow_mask)


@pytest.mark.parametrize("border", ["continued", "black"])
def test_the_moved_garment_read_through_the_moved_flow_is_what_is_worn(batch: TryOnBatch, border: str) -> None:
    """Exact, since colours are linear in place; where the garment's picture ends they are not, so not there."""
    batch = painted(batch)
    person, garment = draw(16, 1), draw(16, 2)
    moved = move(batch, person, garment, border=border)
    assert 0.3 * batch.flow_mask.mean() < moved.flow_mask.mean()
    read = warp(moved.garment, moved.flow)
    torch.testing.assert_close(read * moved.flow_mask, moved.person * moved.flow_mask, atol=2e-5, rtol=0)
    wrong = masked_mean((warp(moved.garment, batch.flow) - moved.person).abs(), moved.flow_mask)
    assert wrong > 0.05, "the flow of before explains nothing"


def test_so_it_is_with_the_worlds_own_colours() -> None:
    """Pictures that are read twice are a little softer; the albedo stays what the garment shows."""
    world = World(DataConfig(height=128, width=96, laid="anyhow"))
    picture = paint(world.scenes("train", torch.arange(8)), 128, 96)
    batch = replace(picture.batch, person=picture.albedo * 2 - 1)
    moved = move(batch, draw(8, 3), draw(8, 4))
    right, wrong = (
        masked_mean((warp(moved.garment, flow) - moved.person).abs(), moved.flow_mask)
        for flow in (moved.flow, batch.flow)
    )
    assert right < 0.04 and wrong > 5 * right


def test_the_flow_of_a_move_in_closed_form() -> None:
    flow = coordinate_grid(9, 7).expand(1, -1, -1, -1) * 0.5
    person = Move(torch.tensor([[2.0, 2.0]]), torch.tensor([[0.25, 0.0]]))
    garment = Move(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.0, 0.1]]))
    moved, known = moved_flow(flow, torch.ones(1, 1, 9, 7), person, garment)
    grid = coordinate_grid(9, 7)
    expected = 0.5 * (0.5 * (grid - torch.tensor([0.25, 0.0])) / 2) + torch.tensor([0.0, 0.1])
    assert (known == 1).all()
    torch.testing.assert_close(moved[0], expected, atol=1e-6, rtol=0)


def test_forth_and_back() -> None:
    points, both = torch.rand(3, 5, 2), draw(3, 0)
    torch.testing.assert_close(both.back(both.forth(points)), points)


def test_a_place_that_leaves_either_picture_is_no_longer_known() -> None:
    grid, full = coordinate_grid(8, 8)[None], torch.ones(1, 1, 8, 8)
    still = Move(torch.ones(1, 2), torch.zeros(1, 2))
    right = Move(torch.ones(1, 2), torch.tensor([[2 / 7 * 3, 0.0]]))  # three pixels
    _, known = moved_flow(grid, full, still, right)
    assert known[0, 0].sum(-1).tolist() == [5.0] * 8 and known[0, 0, 0].tolist() == [1.0] * 5 + [0.0] * 3
    _, known = moved_flow(grid, full, right, still)
    assert known[0, 0, 0].tolist() == [0.0] * 3 + [1.0] * 5


def test_two_parts_of_a_garment_are_never_averaged() -> None:
    """Left of the seam the flow points to one end of the garment, right of it to the other."""
    flow = torch.zeros(1, 4, 8, 2)
    flow[:, :, :4, 0], flow[:, :, 4:, 0] = -0.8, 0.8
    half = torch.full((1, 2), 1 / 7)  # half a pixel to the right: every place lies between two pixels
    still = Move(torch.ones(1, 2), torch.zeros(1, 2))
    moved, known = moved_flow(flow, torch.ones(1, 1, 4, 8), Move(torch.ones(1, 2), half * torch.tensor([1, 0])), still)
    assert known[0, 0, 1].tolist() == [0, 1, 1, 1, 0, 1, 1, 1], "nor is what came in from outside"
    torch.testing.assert_close(moved[0, 1, :, 0].abs(), 0.8 * known[0, 0, 1])


def test_half_known_neighbours_give_no_flow() -> None:
    flow, mask = coordinate_grid(4, 6)[None], torch.ones(1, 1, 4, 6)
    mask[..., 3] = 0
    read, known = read_known(flow * mask.movedim(1, -1), mask, coordinate_grid(4, 11)[None])
    assert known[0, 0, 0].tolist() == [1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1]
    torch.testing.assert_close(read, coordinate_grid(4, 11)[None] * known.movedim(1, -1), atol=1e-6, rtol=0)


def test_labels_and_parts_stay_labels_and_parts(batch: TryOnBatch) -> None:
    moved = move(batch, draw(16, 5), draw(16, 6))
    assert set(moved.parse.unique().tolist()) == {0.0, 1.0} and (moved.parse.sum(1) == 1).all()
    parts = (moved.dense_pose[:, 0] + 1) * 4
    torch.testing.assert_close(parts, parts.round(), atol=1e-5, rtol=0)
    places = torch.tensor([[[[-1.0, -1.0], [0.3, 0.9]]]])
    assert read_nearest(torch.arange(6.0).view(1, 1, 2, 3), places).tolist() == [[[[0.0, 4.0]]]]


def test_joints_move_with_the_picture(batch: TryOnBatch) -> None:
    """A dot painted at a joint is found at the moved joint."""
    person, still = draw(16, 7), Move(torch.ones(16, 2), torch.zeros(16, 2))
    joint = KEYPOINTS.index("neck")
    grid = coordinate_grid(*batch.size)
    dots = (-(grid - batch.keypoints[:, joint, None, None]).square().sum(-1) * 60).exp()[:, None]
    moved = move(replace(batch, person=dots.expand(-1, 3, -1, -1)), person, still)
    weight = moved.person[:, 0].square()
    found = (weight[..., None] * grid).sum((1, 2)) / weight.sum((1, 2))[:, None]
    inside = moved.keypoints[:, joint].abs().amax(-1) < 0.6
    assert int(inside.sum()) >= 4
    torch.testing.assert_close(found[inside], moved.keypoints[:, joint][inside], atol=0.03, rtol=0)
    assert bool(torch.isnan(moved.keypoints).any()), "what left the picture is not known"


def test_nothing_hidden_comes_into_the_agnostic_image(batch: TryOnBatch) -> None:
    """Two persons who differ only in what is hidden look the same afterwards."""
    other = replace(batch, person=torch.lerp(batch.person, -batch.person, batch.agnostic_mask))
    one, two = (move(b, draw(16, 8), draw(16, 9)) for b in (batch, other))
    assert torch.equal(one.agnostic, two.agnostic) and not torch.equal(one.person, two.person)
    assert (one.agnostic[(one.agnostic_mask == 1).expand_as(one.agnostic)] == 0).all()


def test_borders() -> None:
    batch = PaintedSource(count=1).paired("train", torch.tensor([0]))
    still = Move(torch.ones(1, 2), torch.zeros(1, 2))
    down = Move(torch.ones(1, 2), torch.tensor([[0.0, 0.4]]))
    black = move(batch, still, down, border="black")
    assert (black.garment[:, :, :7] == -1).all() and (black.garment_mask[:, :, :7] == 0).all()
    ground = move(batch, still, down)
    assert (ground.garment[:, :, :7] == batch.garment[:, :, :1]).all()
    for name in ("person", "agnostic", "parse", "dense_pose", "garment_region"):
        assert torch.equal(getattr(black, name), getattr(ground, name)), "the person stays"
    empty = move(batch, down, still, border="black")
    assert (empty.person[:, :, :7] == -1).all() and (empty.parse[:, :, :7] == 0).all()


def test_a_mirror_twice_is_no_mirror(batch: TryOnBatch) -> None:
    for name, value in mirror(mirror(batch)).tensors().items():
        torch.testing.assert_close(value, getattr(batch, name), equal_nan=True)


def test_a_mirror_exchanges_the_sides_of_the_wearer(batch: TryOnBatch) -> None:
    """As in every picture of the world, the wearer's left arm is right of her right arm: labels, joints and parts."""
    mirrored = mirror(batch)

    def column(mask: Tensor) -> Tensor:
        x = coordinate_grid(*batch.size)[..., 0]
        return (mask * x).sum((1, 2)) / mask.sum((1, 2)).clamp_min(1e-6)

    for b in (batch, mirrored):
        label = {name: column(b.parse[:, PARSE_LABELS.index(name)]) for name in ("left_arm", "right_arm")}
        both = (b.parse[:, [PARSE_LABELS.index(n) for n in label]].sum((2, 3)) > 3).all(1)
        assert both.any() and (label["left_arm"] > label["right_arm"])[both].all()
        joints = b.keypoints[:, [KEYPOINTS.index("left_shoulder"), KEYPOINTS.index("right_shoulder"), 0], 0]
        seen = ~joints.isnan().any(1)
        assert seen.any() and (joints[:, 0] > joints[:, 1])[seen].all()
        parts = ((b.dense_pose[:, 0] + 1) * 4).round()
        left, right = (parts == BODY_PARTS.index(n) for n in ("left_upper_arm", "right_upper_arm"))
        seen = (left.sum((1, 2)) > 3) & (right.sum((1, 2)) > 3)
        assert seen.any() and (column(left.float()) > column(right.float()))[seen].all()
    torch.testing.assert_close(warp(mirrored.garment, mirrored.flow).flip(-1), warp(batch.garment, batch.flow))


def test_surface_coordinates_run_as_the_world_lets_them_run(batch: TryOnBatch) -> None:
    """In every part u runs across the picture in the same direction before and after."""

    def direction(dense_pose: Tensor, part: int) -> float:
        inside = ((dense_pose[:, 0] + 1) * 4).round() == part
        x = coordinate_grid(*batch.size)[..., 0].expand_as(inside)
        run = 0.0
        for row in range(0, batch.size[0], 4):  # along single rows, so that the part's own slant does not count
            for i in range(len(inside)):
                at = inside[i, row]
                if at.sum() >= 4:
                    dx, du = x[i, row][at], dense_pose[i, 1, row][at]
                    run += float(((dx - dx.mean()) * (du - du.mean())).sum())
        return run

    mirrored = mirror_surface(batch.dense_pose)
    for part in range(1, len(BODY_PARTS)):
        before, after = direction(batch.dense_pose, part), direction(mirrored, part)
        assert before * after > 0, BODY_PARTS[part]


def test_pictures_of_dense_pose_are_mirrored_as_pictures(batch: TryOnBatch) -> None:
    assert torch.equal(mirror(batch, dense_pose="picture").dense_pose, batch.dense_pose.flip(-1))
