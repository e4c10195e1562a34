from __future__ import annotations

from types import ModuleType

import pytest
import torch
from torch import nn

from vtonlib.tasks.base import Task
from vtonlib.training.ema import EMA, ema_decay


def test_decay_rises_to_its_limit() -> None:
    decays = [ema_decay(updates, 0.9) for updates in range(200)]
    assert decays[0] == 0.1 and decays[8] == 0.5 and decays[-1] == 0.9
    assert decays == sorted(decays)
    assert ema_decay(5, 0.0) == 0.0


class OneNumber(Task):
    averaged = ("child",)

    def __init__(self) -> None:
        super().__init__()
        self.child = nn.Module()
        self.child.number = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.child.register_buffer("count", torch.zeros((), dtype=torch.long))


@pytest.mark.equation("eq-moving-average")
@pytest.mark.parametrize("decay", [0.0, 0.3, 0.9])
def test_closed_form(decay: float) -> None:
    """After weights 1, 2, ... the average is sum_k k (1 - d_k) prod_{j > k} d_j."""
    task = OneNumber()
    ema = EMA(task, decay)
    decays = [min(decay, (1 + u) / (10 + u)) for u in range(12)]
    for updates in range(12):
        with torch.no_grad():
            task.child.number.fill_(updates + 1)
            task.child.count.fill_(updates + 1)
        ema.update(updates)
    expected = 0.0
    for k in range(12):
        weight = 1 - decays[k]
        for later in decays[k + 1 :]:
            weight *= later
        expected += (k + 1) * weight
    assert ema.twins["child"].number.item() == pytest.approx(expected, abs=1e-12)
    assert ema.twins["child"].count.item() == 12


@pytest.mark.disagreement("D103")
def test_a_small_first_decay_is_not_a_division() -> None:
    """Adam's average of weights has a constant decay and divides by 1 - d^t; ours begins with a small decay."""
    weights, decay = [16.0, 8.0, 4.0, 2.0, 1.0], 0.9
    divided = sum((1 - decay) * decay ** (3 - k) * w for k, w in enumerate(weights[1:])) / (1 - decay**4)
    average = weights[0]
    for update, weight in enumerate(weights[1:]):
        average = ema_decay(update, decay) * average + (1 - ema_decay(update, decay)) * weight
    assert divided == pytest.approx((0.1 * 1 + 0.09 * 2 + 0.081 * 4 + 0.0729 * 8) / 0.3439)
    assert average == pytest.approx(1.5287, abs=1e-3) and divided > 1.5 * average, "late weights count more here"


def test_applied_swaps_and_swaps_back_also_after_an_error(tiny: ModuleType) -> None:
    task = tiny.TinyTask()
    ema, net = EMA(task, 0.9), task.net
    with pytest.raises(RuntimeError, match="stop"), ema.applied():
        assert task.net is ema.twins["net"] is not net
        raise RuntimeError("stop")
    assert task.net is net
    assert not any(p.requires_grad for p in ema.twins["net"].parameters())


def test_state_round_trip_and_nested_children(tiny: ModuleType) -> None:
    task = tiny.TinyTask()
    task.averaged = ("net.0", "net.3")
    ema = EMA(task, 0.9)
    with torch.no_grad():
        task.net[0].weight.add_(1)
    ema.update(0)
    assert set(ema.state()) == {"net.0.weight", "net.0.bias", "net.3.weight", "net.3.bias"}
    other = EMA(task, 0.9)
    other.load({name: t.clone() for name, t in ema.state().items()})
    assert all(torch.equal(t, other.state()[name]) for name, t in ema.state().items())
    with ema.applied():
        assert task.net[0] is ema.twins["net.0"]
