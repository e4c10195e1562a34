"""What trainings with losses on attention read, give and keep: maps of known readings, doses, temperatures."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from benchmarks import shaping, shaping_matcher
from benchmarks.readings import gradient_norms, jumps, likeness, readings, sharing
from vtonlib.attention import AttentionRecord
from vtonlib.attention.zoo import attention_zoo
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.evaluation import truth_on_lattice
from vtonlib.grids import coordinate_grid
from vtonlib.losses.entropy import attention_entropy


@pytest.fixture(scope="module")
def batch() -> TryOnBatch:
    return World(DataConfig(laid="anyhow")).paired("test", torch.arange(4))


@pytest.fixture(scope="module")
def zoo(batch: TryOnBatch) -> dict[str, AttentionRecord]:
    truth, known = truth_on_lattice(batch.flow, batch.flow_mask, 16, 12)
    return attention_zoo(torch.where(known.movedim(1, -1) > 0, truth, coordinate_grid(16, 12).expand_as(truth)))


def test_readings_of_maps_whose_faults_are_known(batch: TryOnBatch, zoo: dict[str, AttentionRecord]) -> None:
    found = {name: readings(zoo[name], batch) for name in ("truth", "blurred", "one key", "uniform", "flip")}
    assert found["truth"]["epe"] < 1 < 2 < found["flip"]["epe"]  # between pixels of unknown tokens nothing is right
    assert found["truth"]["mass"] == 1 and found["truth"]["spread"] < 1e-2
    assert found["truth"]["reach"] == pytest.approx(1, abs=0.05) and found["truth"]["slope"] == pytest.approx(
        1, abs=0.15
    )
    assert 1.5 < found["blurred"]["spread"] < 3 and found["blurred"]["mass"] < 0.6
    for name in ("one key", "uniform"):
        assert found[name]["variation"] < 1e-4 and found[name]["slope"] < 1e-4 and found[name]["shared"] == 1
    assert found["truth"]["shared"] < 0.5
    assert found["uniform"]["reach"] < 1e-4 and found["uniform"]["entropy"] == pytest.approx(math.log(192), abs=1e-4)


def test_jumps_and_sharing_count_known_neighbours_only() -> None:
    places = coordinate_grid(3, 2)[None] * torch.tensor((0.5, 1.0))  # steps to the right of 1, down of 1
    known = torch.ones(1, 1, 3, 2)
    assert jumps(places, known) == pytest.approx((3 * 1 + 4 * 1) / 7)
    known[..., 2, :] = 0
    places[:, 2] = 99
    assert jumps(places, known) == pytest.approx(1)
    same = torch.zeros(1, 3, 2, 2)
    same[:, 0, 0] = -1
    assert sharing(same, torch.ones(1, 1, 3, 2)) == pytest.approx(5 / 6)


def test_neighbours_err_alike_or_each_by_itself() -> None:
    known, g = torch.ones(1, 1, 40, 30), torch.Generator().manual_seed(0)
    same, own = torch.tensor([3.0, -1.0]).expand(1, 40, 30, 2), torch.randn(1, 40, 30, 2, generator=g)
    chequered = same * (1 - 2 * (torch.arange(40).view(-1, 1, 1) + torch.arange(30).view(-1, 1)).remainder(2))
    assert likeness(same, known) == pytest.approx(1) and likeness(chequered, known) == pytest.approx(-1)
    assert abs(likeness(own, known)) < 0.06
    known[:, :, 20:] = 0
    assert likeness(torch.cat((same[:, :20], own[:, 20:]), 1), known) == pytest.approx(1)


def test_gradient_norms_are_means_over_batches_of_each_loss_alone() -> None:
    model = nn.Linear(2, 1, bias=False)
    batches = [torch.tensor([3.0, 4.0]), torch.tensor([6.0, 8.0])]
    norms = gradient_norms(lambda x: {"one": model(x).sum(), "half": model(x).sum() / 2}, model, batches)
    assert norms == pytest.approx({"one": 7.5, "half": 3.75})


def test_doses_are_shares_of_the_models_own_gradient() -> None:
    norms = {"copy": 2.0, "variation": 4.0, "entropy": 8.0, "paper": 1.0}
    arms = {name: shaping_matcher.weights_of(arm, norms) for name, arm in shaping_matcher.ARMS.items()}
    assert arms["variation-mild"] == pytest.approx({"variation": 0.05})
    assert arms["both-strong"] == {"variation": 0.5, "entropy": 0.25}
    assert arms["released-later"] == {"variation": 0.001}
    assert all(not arms[name] for name in ("none", "told", "blind"))
    larger = {"denoise": 2.0, "total_variation": 4.0, "entropy": 8.0}
    found = {name: shaping.weights_of(arm, larger) for name, arm in shaping.ARMS.items()}
    assert found["both"] == pytest.approx({"total_variation": 0.05, "entropy": 0.025})
    assert found["released"] == {"total_variation": 0.001} and not found["control"]


def test_a_branch_goes_on_alone_from_the_same_weights(batch: TryOnBatch) -> None:
    learner = shaping_matcher.Learner(shaping_matcher.new_task(shaping_matcher.TASK, 0), {})
    learner.learn(batch, 0)
    twin, other = learner.branch({}), learner.branch({"entropy": 1.0})
    for each in (learner, twin, other):
        each.learn(batch, 1)
    own, same, shaped = (list(each.finished().parameters()) for each in (learner, twin, other))
    assert all(torch.equal(a, b) for a, b in zip(own, same, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(own, shaped, strict=True))


@torch.no_grad()
def test_a_temperature_brings_the_matcher_to_an_entropy_and_leaves_its_fence(batch: TryOnBatch) -> None:
    task = shaping_matcher.new_task(shaping_matcher.TASK, 0)
    _, record, worn = shaping_matcher.shaped(task, batch)
    temperature = shaping_matcher.temperature_for(3.0, record, worn)
    cooled = shaping_matcher.at_temperature(record, temperature)
    assert temperature < 1 and float(attention_entropy(cooled, worn)) == pytest.approx(3.0, abs=1e-3)
    hot = shaping_matcher.at_temperature(record, 1e6).weights()
    share = record.key[:, :, None, :, -1].exp()
    torch.testing.assert_close(hot, (share / share.sum(-1, keepdim=True)).expand_as(hot), atol=1e-4, rtol=1e-3)
