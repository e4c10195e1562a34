"""The second stage's task: one phase, a flow that starts at the identity, a loss that falls."""

import pytest
import torch
from gan_stages import descend, new_batch, new_stage, resuming_changes_nothing, trained_children

from vtonlib.grids import coordinate_grid
from vtonlib.losses.warping import lattice_bending, warping_l1
from vtonlib.models.geometric_matching import GeometricMatcher
from vtonlib.pipelines.alias import matching_input, warp_garment


@pytest.fixture(scope="module")
def batch():
    return new_batch()


@pytest.fixture
def task():
    return new_stage("geometric_matching")


def test_the_phase_trains_the_matcher(task, batch):
    (phase,) = task.phases
    assert trained_children(task, phase, batch) == {"matcher"}


def test_a_new_matcher_leaves_the_garment_where_it_lies(task, batch):
    offsets, garment, covered = task.warped(batch)
    assert offsets.shape == (4, 5, 3, 2) and offsets.abs().max() == 0
    torch.testing.assert_close(garment, batch.garment * batch.garment_mask, atol=1e-4, rtol=0)
    torch.testing.assert_close(covered, batch.garment_mask, atol=1e-4, rtol=0)


def test_steps_on_one_batch_lower_the_loss(task, batch):
    history = descend(task, task.phases, batch, rate=1e-2)
    first, last = (terms["garment"] + terms["mask"] for terms in (history[0], history[-1]))
    assert last < 0.8 * first
    assert history[0]["bending"] == 0 < history[-1]["bending"]


def test_the_loss_is_that_of_the_warped_garment(task, batch):
    torch.nn.init.normal_(task.matcher.regression.linear.weight, std=0.05)
    task.eval()
    terms = task.matcher_loss(batch)
    offsets, garment, covered = task.warped(batch)
    expected = {
        "garment": warping_l1(garment, batch.person * batch.garment_region),
        "mask": warping_l1(covered, batch.garment_region),
        "bending": 0.04 * lattice_bending(offsets),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value)
        assert value > 0


def test_the_sample_shows_the_warped_garment(task, batch):
    with torch.no_grad():
        garment, warped, person = task.sample(batch)
        assert torch.equal(warped, task.warped(batch)[1])
    assert torch.equal(garment, batch.garment) and torch.equal(person, batch.person)


def test_what_is_saved_computes_the_same(task, batch, tmp_path):
    """The running statistics of batch norm too, which the steps before have moved."""
    descend(task, task.phases, batch, steps=3)
    task.eval()
    task.save(tmp_path)
    loaded = GeometricMatcher.from_pretrained(tmp_path / "matcher")
    person = matching_input(batch.garment_region, batch.dense_pose, batch.agnostic)
    assert not loaded.training
    flow = loaded(person, batch.garment)
    assert torch.equal(flow, task.matcher(person, batch.garment))
    assert (flow - coordinate_grid(32, 24)).abs().max() > 1e-3
    moved = [b for n, b in loaded.named_buffers() if n.endswith("running_mean")]
    assert moved and all(b.abs().max() > 0 for b in moved)


def test_what_is_not_covered_is_grey(batch):
    flow = coordinate_grid(32, 24).expand(4, -1, -1, -1)
    garment, covered = warp_garment(batch.garment, batch.garment_mask, flow)
    outside = (covered == 0).expand_as(garment)
    assert outside.any() and garment[outside].abs().max() == 0


def test_resuming_changes_nothing(tmp_path, on_the_cpu):
    assert resuming_changes_nothing("geometric_matching", tmp_path)
