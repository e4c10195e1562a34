"""Augmentation: what is drawn together, what apart, and that it is a function of its seed."""

from __future__ import annotations

import colorsys
from dataclasses import replace
from functools import partial
from itertools import islice

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.augment import (
    RELEASED,
    Augmentation,
    augment,
    change_light,
    seeded,
    shift_colours,
    varied,
)
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import TrainingBatches
from vtonlib.data.world import World
from vtonlib.grids import masked_mean, warp


@pytest.fixture(scope="module")
def batch() -> TryOnBatch:
    return World(DataConfig(height=32, width=24, laid="anyhow")).paired("train", torch.arange(64))


def changed(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return ((one - other).abs() > 1e-3).flatten(1).any(1)


def assert_same(one: TryOnBatch, other: TryOnBatch) -> None:
    for name, value in one.tensors().items():
        assert torch.equal(value.nan_to_num(7), getattr(other, name).nan_to_num(7)), name


def test_off_by_default(batch: TryOnBatch) -> None:
    assert not Augmentation().active and RELEASED.active
    assert_same(augment(batch, Augmentation(), generator=seeded(0)), batch)


def test_a_function_of_the_seed(batch: TryOnBatch) -> None:
    one, again, other = (augment(batch, RELEASED, generator=seeded(s)) for s in (1, 1, 2))
    assert_same(one, again)
    assert changed(one.person, other.person).float().mean() > 0.8
    torch.rand(3)  # the global generator has no part in it
    assert_same(augment(batch, RELEASED, generator=seeded(1)), one)


def test_person_and_garment_are_mirrored_together(batch: TryOnBatch) -> None:
    mirrored = augment(batch, Augmentation(flip=0.5), generator=seeded(0))
    person, garment = changed(mirrored.person, batch.person), changed(mirrored.garment, batch.garment)
    assert torch.equal(person, garment) and 16 < int(person.sum()) < 48


def test_person_and_garment_are_moved_apart(batch: TryOnBatch) -> None:
    moved = augment(batch, Augmentation(shift_scale=0.5), generator=seeded(0))
    person, garment = changed(moved.person, batch.person), changed(moved.garment, batch.garment)
    counts = [int((person == p).logical_and(garment == g).sum()) for p in (False, True) for g in (False, True)]
    assert min(counts) > 6, "of 64, each of the four cases about 16 times"


def test_the_truth_survives_everything_at_once(batch: TryOnBatch) -> None:
    """Lit garments are not their albedo, so compare with how well the unvaried ones explain their persons."""
    varied = augment(batch, replace(RELEASED, border="continued"), generator=seeded(3))
    before, after, wrong = (
        masked_mean((warp(b.garment, flow) - b.person).abs(), b.flow_mask)
        for b, flow in ((batch, batch.flow), (varied, varied.flow), (varied, batch.flow))
    )
    assert after < 2 * before and wrong > 3 * after


def test_one_colour_change_for_person_agnostic_and_garment(batch: TryOnBatch) -> None:
    same = replace(batch, garment=batch.person, agnostic=batch.person * (1 - batch.agnostic_mask))
    painted = augment(same, Augmentation(colour=0.5), generator=seeded(0))
    assert torch.equal(painted.person, painted.garment)
    visible = (1 - batch.agnostic_mask).expand_as(batch.person)
    torch.testing.assert_close(painted.agnostic, painted.person * visible)
    assert (painted.agnostic[visible == 0] == 0).all(), "what is hidden stays mid grey"
    some = changed(painted.person, same.person).float().mean()
    assert 0.6 < some < 0.9, "two draws of a half"
    assert torch.equal(painted.flow, batch.flow) and torch.equal(painted.dense_pose, batch.dense_pose)


def test_colours_against_the_standard_library() -> None:
    image = torch.rand(3, 3, 4, 5) * 2 - 1
    hue, saturation, value = torch.tensor([[0.1, -0.3, 0.0], [0.05, 0.0, -0.4], [-0.1, 0.0, 0.2]])
    result = (shift_colours(image, hue, saturation, value) + 1) / 2
    for i in range(3):
        for y in range(4):
            for x in range(5):
                h, s, v = colorsys.rgb_to_hsv(*((image[i, :, y, x] + 1) / 2).tolist())
                s, v = (min(max(a + float(b[i]), 0.0), 1.0) for a, b in ((s, saturation), (v, value)))
                expected = torch.tensor(colorsys.hsv_to_rgb((h + float(hue[i])) % 1, s, v))
                torch.testing.assert_close(result[i, :, y, x], expected, atol=1e-5, rtol=0)


def test_grey_has_no_hue_and_black_no_saturation() -> None:
    grey = torch.tensor([-1.0, 0.0, 1.0]).view(1, 1, 1, 3).expand(1, 3, 1, 3)
    zero = torch.zeros(1)
    torch.testing.assert_close(shift_colours(grey, zero + 0.3, zero, zero), grey)


def test_light_in_closed_form() -> None:
    image = torch.tensor([-1.0, 0.0, 1.0]).view(1, 1, 1, 3).expand(1, 3, 1, 3)
    lit = change_light(image, torch.tensor([-0.1]), torch.tensor([0.3]))
    torch.testing.assert_close(lit[0, 0, 0], torch.tensor([0.0, 0.55, 1.0]) * 2 - 1)


def test_batches_resume_exactly() -> None:
    world = World(DataConfig(height=32, width=24), train_size=40)

    vary = partial(varied, settings=RELEASED, seed=5, dense_pose="surface")
    batches = TrainingBatches(world, 4, 5, vary)
    expected = list(islice(batches(0), 7))[4:]
    for one, other in zip(expected, islice(batches(4), 3), strict=True):
        assert_same(one, other)
