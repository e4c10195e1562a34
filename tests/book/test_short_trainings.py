"""What the short trainings of StableVITON are given and asked: a base's streets, the region around a garment, arms."""

from __future__ import annotations

from dataclasses import replace

import torch

from benchmarks import augmented_painter as painter
from benchmarks import intact_prior as prior
from vtonlib.config import DataConfig
from vtonlib.data.world import World


def test_half_of_the_bases_people_stand_in_streets_and_are_else_the_same() -> None:
    wide, plain = prior.HalfInStreets(DataConfig(height=32, width=24)), World(DataConfig(height=32, width=24))
    index = torch.arange(32)
    given, same = wide.paired("train", index), plain.paired("train", index)
    changed = (given.person != same.person).flatten(1).any(1)
    assert changed.tolist() == ([False] * 8 + [True] * 8) * 2
    assert torch.equal(given.garment, same.garment) and torch.equal(given.flow, same.flow)
    assert torch.equal(wide.paired("test", index).person, plain.paired("test", index).person)
    inside = same.garment_region > 0.999
    assert ((given.person - same.person).abs() * inside).max() < 0.01  # the background is behind, but for rounding


def test_around_a_garment_lies_what_is_painted_and_not_garment() -> None:
    batch = World(DataConfig(height=32, width=24)).paired("test", torch.arange(16))
    region = prior.around(batch)
    assert 0 <= region.min() and region.max() <= 1 and (region.flatten(1).sum(1) > 0).all()
    assert (region * (1 - batch.agnostic_mask)).max() == 0
    assert region[batch.garment_region > 0.999].max() < 2e-3


def test_arms_of_the_prior_train_what_they_say() -> None:
    told = prior.experiment(prior.TASK, 7)
    assert (told.train.steps, told.train.batch_size, told.data.laid) == (7, 16, "anyhow")
    assert prior.TASK.supervision.active and prior.TASK.sharp_teaches and prior.ARMS[0] == "base"


def test_painters_arms_differ_in_one_thing_each_and_are_told_nothing() -> None:
    moved = [("none", "garment"), ("none", "place"), ("separate", "garment"), ("separate", "place")]
    assert painter.arms("anyhow") == [("anyhow", *arm) for arm in moved]
    assert painter.arms("straight") == [*(("straight", *arm) for arm in moved), ("straight", "sharp", "garment")]
    assert not painter.HOW["none"].active and painter.HOW["separate"].shift_scale > 0
    seeing, blind, *_, control = map(painter.training, painter.arms("straight"))
    assert not seeing.task.supervision.active and not seeing.task.sharp_teaches
    assert blind == replace(seeing, task=replace(seeing.task, keys_see="place"))
    assert control == replace(seeing, task=replace(seeing.task, sharp_teaches=True))
    assert painter.training(("anyhow", "none", "garment")) == replace(seeing, data=DataConfig(laid="anyhow"))
