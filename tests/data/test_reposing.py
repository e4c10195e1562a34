"""Pose transfer in the world: the same person twice, and a correspondence that is true."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch

from vtonlib.config import DataConfig, override
from vtonlib.data.batch import PARSE_LABELS, TryOnBatch
from vtonlib.data.moving import read_known
from vtonlib.data.random import keys
from vtonlib.data.reposing import OTHER, PoseTransfer, correspondence, reposed
from vtonlib.data.sampling import ARM_POSES
from vtonlib.data.scene import Scene
from vtonlib.data.source import SPLITS, TryOnSource
from vtonlib.data.surface import LAYERS, Portrait, places_in, portray
from vtonlib.data.world import World
from vtonlib.grids import coordinate_grid, to_pixels, warp
from vtonlib.presets import open_source
from vtonlib.scoring import all_examples

SIZE = 64, 48
SIZES = [SIZE, (96, 80)]
COUNT = 24
PLAIN = ("skin", "outfit", "limb", "outfit_sleeve")
"""Layers of one colour."""


def world(height: int = 64, width: int = 48, seed: int = 0) -> PoseTransfer:
    return PoseTransfer(DataConfig(height=height, width=width, seed=seed), train_size=1000, test_size=100)


def scenes(count: int = COUNT) -> Scene:
    return world().scenes("test", range(count))


@cache
def portraits(height: int, width: int) -> tuple[Portrait, Portrait]:
    return portray(scenes(), height, width), portray(reposed(scenes(), 0), height, width)


@cache
def batch() -> TryOnBatch:
    return world().paired("test", range(COUNT))


def shows(portrait: Portrait, *names: str) -> torch.Tensor:
    return portrait.shown[:, [LAYERS.index(name) for name in names]].sum(1, keepdim=True)


def away(flow: torch.Tensor, other: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """How far two flows differ, in pixels."""
    return to_pixels(flow - other, height, width).norm(dim=-1)[:, None]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_reference_read_through_the_flow_is_the_target(height: int, width: int) -> None:
    """Without light: skin and plain clothes are the same colour exactly, and prints as nearly as bilinear reading
    keeps them, where a copy of the reference and the mirrored flow are far away."""
    target, reference = portraits(height, width)
    flow, mask = correspondence(target, reference)
    read = warp(reference.picture.albedo, flow)
    error = (read - target.picture.albedo).abs().mean(1, keepdim=True)
    plain = error * mask * shows(target, *PLAIN)
    assert float(plain.max()) < 1e-3 and float((mask * shows(target, *PLAIN)).sum()) > 1000
    whole = float((error * mask).sum() / mask.sum())
    copied = (reference.picture.albedo - target.picture.albedo).abs().mean(1, keepdim=True)
    flipped = (warp(reference.picture.albedo, flow * flow.new_tensor((-1, 1))) - target.picture.albedo).abs()
    assert whole < 0.02
    assert whole < 0.2 * float((copied * mask).sum() / mask.sum())
    assert whole < 0.2 * float((flipped.mean(1, keepdim=True) * mask).sum() / mask.sum())


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_both_pictures_show_the_same_place_of_the_flat_garment(height: int, width: int) -> None:
    """The garment's own flows agree: an independent truth, which knows nothing of the other pose."""
    target, reference = portraits(height, width)
    flow, mask = correspondence(target, reference)
    theirs = reference.picture.batch
    read, known = read_known(theirs.flow, theirs.flow_mask, flow)
    both = mask * known * shows(target, "panel", "sleeve")
    error = away(read, target.picture.batch.flow, height, width) * both
    assert float(both.sum()) > 3000 and float(error.max()) < 0.5
    assert float(error.sum() / both.sum()) < 0.01


def test_there_and_back_again() -> None:
    target, reference = portraits(*SIZE)
    forth, mask = correspondence(target, reference)
    read, known = read_known(*correspondence(reference, target), forth)
    both = mask * known
    error = away(read, coordinate_grid(*SIZE), *SIZE) * both
    assert float(both.sum() / mask.sum()) > 0.6
    assert float(error.sum() / both.sum()) < 0.01 and float((error > 0.5).sum() / both.sum()) < 1e-3


def test_the_same_pose_is_the_identity() -> None:
    target, _ = portraits(*SIZE)
    flow, mask = correspondence(target, target)
    assert float((away(flow, coordinate_grid(*SIZE), *SIZE) * mask).max()) < 1e-3
    assert torch.equal(target.shown.sum(1, keepdim=True).clamp(0, 1), target.shown.sum(1, keepdim=True))
    assert float(mask.sum() / target.shown.sum()) > 0.998


def test_a_moved_camera_moves_everything_alike() -> None:
    """Only the camera differs: places are an affine map of pixels, known in closed form."""
    own = scenes()
    pose = replace(own.pose, zoom=own.pose.zoom * 0.9, shift=own.pose.shift + 0.05)
    target, reference = portraits(*SIZE)[0], portray(replace(own, pose=pose), *SIZE)
    flow, mask = correspondence(target, reference)
    unit = min(63 / 2, 47 / 1.5)
    scale = torch.tensor((2 * unit / 47, 2 * unit / 63))
    plane = coordinate_grid(*SIZE) / scale
    zoom = (pose.zoom / own.pose.zoom).view(-1, 1, 1, 1)
    moved = (plane - own.pose.shift[:, None, None]) * zoom + pose.shift[:, None, None]
    assert float((away(flow, moved * scale, *SIZE) * mask).max()) < 5e-3
    assert float(mask.sum() / target.shown.sum()) > 0.7


def test_a_raised_arm_takes_its_sleeve_along_and_nothing_else() -> None:
    own = scenes()
    raised = replace(own, pose=replace(own.pose, arm_angle=own.pose.arm_angle + 0.3))
    target, reference = portraits(*SIZE)[0], portray(raised, *SIZE)
    flow, mask = correspondence(target, reference)
    moved = away(flow, coordinate_grid(*SIZE), *SIZE)
    still = mask * shows(target, "skin", "panel", "outfit", "head")
    swung = mask * shows(target, "limb", "sleeve", "outfit_sleeve")
    assert float((moved * still).max()) < 1e-2 and float(still.sum()) > 1000
    assert float((moved * swung).sum() / swung.sum()) > 1.0


def test_what_is_hidden_in_one_picture_is_not_told() -> None:
    """An arm held across the body hides part of the panel in the reference: there the flow is unknown."""
    own = scenes()
    low, _, bend, _, _ = (torch.tensor(n) for n in ARM_POSES["front"])
    angle = torch.full_like(own.pose.arm_angle, float(low)).deg2rad()
    front = replace(own, pose=replace(own.pose, arm_angle=angle, elbow=torch.full_like(angle, float(bend)).deg2rad()))
    away_pose = replace(own, pose=replace(own.pose, arm_angle=torch.full_like(angle, 1.0), elbow=angle * 0))
    target, reference = portray(away_pose, *SIZE), portray(front, *SIZE)
    flow, mask = correspondence(target, reference)
    arms = shows(reference, "limb", "sleeve", "outfit_sleeve")
    before = warp(arms, places_in(target, reference)[0][:, LAYERS.index("panel")]) > 0.5
    hidden = before * shows(target, "panel")
    assert float(hidden.sum()) > 100 and float((hidden * mask).sum()) == 0
    assert float(flow[(mask == 0).movedim(1, -1)[..., 0]].abs().max()) == 0


def test_a_batch_is_the_same_person_in_two_poses() -> None:
    one, other = batch(), World(DataConfig()).paired("test", range(COUNT))
    for name in ("person", "dense_pose", "keypoints", "parse", "index"):
        torch.testing.assert_close(getattr(one, name), getattr(other, name), equal_nan=True)
    assert not torch.equal(one.garment, one.person)
    assert float(one.agnostic.abs().max()) == 0 and float(one.agnostic_mask.min()) == 1
    background = PARSE_LABELS.index("background")
    assert torch.equal(one.garment_region, 1 - one.parse[:, background : background + 1])
    assert float((one.flow_mask * (1 - one.garment_region)).max()) == 0, "the background is told nothing"
    there = warp(one.garment_mask, one.flow)
    assert float(there[one.flow_mask > 0].min()) > 0.99, "and no place of the person lies on it"
    assert 0.4 < float(one.flow_mask.sum() / one.garment_region.sum()) < 0.9
    moved = away(one.flow, coordinate_grid(*SIZE), *SIZE)
    assert float((moved * one.flow_mask).sum() / one.flow_mask.sum()) > 2, "poses differ"


@pytest.mark.parametrize("split", SPLITS)
def test_an_example_is_a_function_of_its_number(split: str) -> None:
    alone = world().paired(split, [5])  # type: ignore[arg-type]
    among = world().paired(split, [3, 5, 9])[1:2]  # type: ignore[arg-type]
    for name, value in alone.tensors().items():
        torch.testing.assert_close(value, among.tensors()[name], atol=1e-4, rtol=0, equal_nan=True)
    assert not torch.equal(alone.garment, world(seed=1).paired(split, [5]).garment)  # type: ignore[arg-type]


def test_no_split_reaches_the_other_poses() -> None:
    largest = World(DataConfig(), train_size=2**40).size("train") + (len(SPLITS) << 40)
    assert largest < OTHER
    assert int(keys(torch.tensor([0]), 0, "pose")) != int(keys(torch.tensor([OTHER]), 0, "pose"))


def test_unpaired_persons_wear_others_garments_in_both_poses() -> None:
    unpaired = world().unpaired("test", range(COUNT))
    assert isinstance(world(), TryOnSource)
    assert not torch.allclose(unpaired.person, batch().person)
    plain = World(DataConfig(), train_size=1000, test_size=100).unpaired("test", range(COUNT))
    assert torch.equal(unpaired.person, plain.person)
    error = (warp(unpaired.garment, unpaired.flow) - unpaired.person).abs().mean(1, keepdim=True)
    assert float((error * unpaired.flow_mask).sum() / unpaired.flow_mask.sum()) < 0.1


def test_how_garments_lie_makes_no_second_test_of_it() -> None:
    examples = all_examples(DataConfig(reference="person"))
    assert [(one.name, one.split, one.unpaired) for one in examples] == [
        ("paired", "test", False), ("unpaired", "test", True), ("cross", "cross", False)
    ]  # fmt: skip
    assert all(isinstance(one.source, PoseTransfer) for one in examples)


def test_it_is_a_setting_of_the_data() -> None:
    source = open_source(override(DataConfig(), "reference=person"))
    assert isinstance(source, PoseTransfer)
    assert type(open_source(DataConfig())) is World
    with pytest.raises(ValueError, match="expected one of garment, person"):
        override(DataConfig(), "reference=pose")
