"""The first stage's task: two phases that keep apart, a loss that falls, and what is saved."""

import dataclasses

import pytest
import torch
from gan_stages import descend, new_batch, new_stage, resuming_changes_nothing, trained_children

from vtonlib.data.parse import GARMENT, true_groups, visible_groups
from vtonlib.models.segmentation import SegmentationGenerator
from vtonlib.pipelines.alias import segmentation_input


@pytest.fixture(scope="module")
def batch():
    return new_batch()


@pytest.fixture
def task():
    return new_stage("segmentation")


def test_each_phase_trains_its_own_network(task, batch):
    found = {phase.name: trained_children(task, phase, batch) for phase in task.phases}
    assert found == {"discriminator": {"discriminator"}, "segmentation": {"segmentation"}}


def test_steps_on_one_batch_lower_the_cross_entropy(task, batch):
    history = descend(task, task.phases, batch)
    assert history[-1]["cross_entropy"] < 0.75 * history[0]["cross_entropy"]


def test_a_discriminator_alone_learns_to_tell_them_apart(task, batch):
    history = descend(task, task.phases[:1], batch)
    assert history[-1]["adversarial"] < 0.75 * history[0]["adversarial"]


def test_the_cross_entropy_of_equal_logits_is_a_closed_form(task, batch):
    torch.nn.init.zeros_(task.segmentation.to_logits.weight)
    torch.nn.init.zeros_(task.segmentation.to_logits.bias)
    known = true_groups(batch).sum(1).mean()
    expected = task.config.cross_entropy * known * torch.log(torch.tensor(7.0))
    torch.testing.assert_close(task.segmentation_loss(batch)["cross_entropy"], expected)


def test_pixels_without_a_label_do_not_count(task, batch):
    unknown = dataclasses.replace(
        batch, parse=torch.zeros_like(batch.parse), garment_region=torch.zeros_like(batch.garment_region)
    )
    assert task.segmentation_loss(unknown)["cross_entropy"] == 0


def test_the_truth_is_not_in_the_inputs(task, batch):
    """Garment mask, garment, visible labels, pose, noise: none of it is of the worn garment's region."""
    torch.manual_seed(0)
    inputs = task.inputs(batch)
    torch.manual_seed(0)
    noise = torch.randn_like(batch.agnostic_mask)
    expected = segmentation_input(batch.garment, batch.garment_mask, visible_groups(batch), batch.dense_pose, noise)
    assert inputs.shape == (4, 15, 32, 24) and torch.equal(inputs, expected)
    assert (inputs[:, 4:11] * batch.agnostic_mask).abs().max() == 0


def test_the_sample_shows_where_the_garment_is_expected(task, batch):
    with torch.no_grad():
        torch.manual_seed(3)
        garment, agnostic, expected, person = task.sample(batch)
        torch.manual_seed(3)
        label = task.segmentation(task.inputs(batch)).argmax(1)
    assert torch.equal(garment, batch.garment) and torch.equal(agnostic, batch.agnostic)
    assert torch.equal(person, batch.person)
    assert expected.shape == person.shape
    assert torch.equal(expected[:, 0], torch.where(label == GARMENT, 1.0, -1.0))


def test_what_is_saved_computes_the_same(task, batch, tmp_path):
    descend(task, task.phases, batch, steps=2)
    task.eval()
    task.save(tmp_path)
    loaded = SegmentationGenerator.from_pretrained(tmp_path / "segmentation")
    inputs = task.inputs(batch)
    assert not loaded.training
    assert torch.equal(loaded(inputs), task.segmentation(inputs))


def test_resuming_changes_nothing(tmp_path, on_the_cpu):
    assert resuming_changes_nothing("segmentation", tmp_path)
