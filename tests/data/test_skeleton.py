"""The drawn skeleton: strokes where the bones are, black elsewhere, nothing for joints that nobody knows."""

from __future__ import annotations

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.batch import KEYPOINTS
from vtonlib.data.skeleton import BONES, draw_skeleton
from vtonlib.data.world import World

NOWHERE = torch.full((1, len(KEYPOINTS), 2), float("nan"))


def one_bone(start: tuple[float, float], end: tuple[float, float], bone: int = 0) -> torch.Tensor:
    """Joints of which only one bone's ends are known."""
    keypoints = NOWHERE.clone()
    for joint, place in zip(BONES[bone], (start, end), strict=True):
        keypoints[0, KEYPOINTS.index(joint)] = torch.tensor(place)
    return keypoints


def test_a_bone_is_a_stroke_between_its_ends_and_black_is_all_else() -> None:
    image = draw_skeleton(one_bone((-0.5, 0.0), (0.5, 0.0)), 33, 41)
    lit = (image > -1).any(1)[0]
    rows, columns = lit.nonzero().unbind(1)
    assert lit[16, 10:31].all() and set(rows.tolist()) == {15, 16, 17}
    assert columns.min() >= 9 and columns.max() <= 31
    assert (image[0, :, ~lit] == -1).all()


def test_a_bone_with_an_unknown_end_is_left_out() -> None:
    keypoints = one_bone((-0.5, 0.0), (0.5, 0.0))
    keypoints[0, KEYPOINTS.index(BONES[0][1])] = float("nan")
    assert (draw_skeleton(keypoints, 24, 18) == -1).all() and (draw_skeleton(NOWHERE, 24, 18) == -1).all()


def test_every_bone_has_a_colour_of_its_own() -> None:
    drawn = [draw_skeleton(one_bone((0.0, -0.5), (0.0, 0.5), bone), 33, 33)[0, :, 16, 16] for bone in range(len(BONES))]
    gaps = torch.cdist(torch.stack(drawn), torch.stack(drawn)) + 10 * torch.eye(len(drawn))
    assert gaps.min() > 0.3 and all(colour.max() == 1 and colour.min() == -1 for colour in drawn)


def test_thickness_is_a_share_of_the_height() -> None:
    bone = one_bone((-0.8, 0.0), (0.8, 0.0))
    small, large = ((draw_skeleton(bone, n, n, thickness=0.1) > -1).any(1).float().mean() for n in (33, 99))
    assert small.item() == pytest.approx(large.item(), rel=0.15)


def test_it_lies_on_the_people_of_the_world() -> None:
    people = World(DataConfig()).paired("test", torch.arange(16))
    lit = (draw_skeleton(people.keypoints, *people.size) > 0.5).any(1)
    body = people.dense_pose[:, 0] > -1
    assert lit.any() and (lit & body).sum() / lit.sum() > 0.9


def test_other_joints_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 18, 2\): expected 14 joints"):
        draw_skeleton(torch.zeros(1, 18, 2), 8, 8)
