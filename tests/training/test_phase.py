from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest
import torch

from vtonlib.config import TrainConfig
from vtonlib.tasks.base import Phase, Task
from vtonlib.training.phase import PhaseOptimizer, learning_rate, only_trains
from vtonlib.training.precision import choose_precision

NO = choose_precision("no", torch.device("cpu"))


def optimizer(task: Task, phase: Phase, **config: Any) -> PhaseOptimizer:
    return PhaseOptimizer(task, phase, TrainConfig(**config), NO, torch.amp.GradScaler("cpu", enabled=False))


@pytest.mark.equation("eq-learning-rate")
def test_learning_rate() -> None:
    constant = TrainConfig(steps=10, warmup_steps=4, learning_rate=2.0)
    assert [learning_rate(constant, step) for step in range(6)] == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]
    cosine = TrainConfig(steps=10, warmup_steps=4, learning_rate=2.0, schedule="cosine")
    assert [learning_rate(cosine, step) for step in range(4)] == [0.5, 1.0, 1.5, 2.0]
    for step, angle in ((4, 0), (6, math.pi / 3), (7, math.pi / 2), (10, math.pi), (12, math.pi)):
        assert learning_rate(cosine, step) == pytest.approx(1 + math.cos(angle))
    linear = TrainConfig(steps=10, warmup_steps=2, learning_rate=2.0, schedule="linear")
    assert [learning_rate(linear, step) for step in range(6)] == [1.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    assert [learning_rate(linear, step) for step in (7, 9, 10)] == pytest.approx([1.2, 0.4, 0.0])
    assert learning_rate(TrainConfig(warmup_steps=0, learning_rate=2.0), 0) == 2.0


def test_only_trains_restores(tiny: ModuleType) -> None:
    task = tiny.TinyGAN()
    task.generator.bias.requires_grad_(False)
    before = {name: p.requires_grad for name, p in task.named_parameters()}
    with pytest.raises(RuntimeError, match="stop"), only_trains(task, ("generator",)):
        flags = {name: p.requires_grad for name, p in task.named_parameters()}
        assert [name for name, flag in flags.items() if flag] == ["generator.weight"]
        raise RuntimeError("stop")
    assert {name: p.requires_grad for name, p in task.named_parameters()} == before


def test_gradients_stay_with_the_phase(tiny: ModuleType) -> None:
    task = tiny.TinyGAN()
    optimizer(task, task.phases[1]).update(tiny.make_batch(0), step=0)
    assert all(p.grad is None for p in task.parameters())  # cleared, or never computed
    with only_trains(task, ("generator",)):
        task.generator_loss(tiny.make_batch(0))["fooling"].backward()
    assert task.discriminator.weight.grad is None and task.generator.weight.grad is not None


def test_first_update_is_adamw_in_closed_form(tiny: ModuleType) -> None:
    """The first AdamW step is lr * g / (|g| + eps), after the decay of the weights and the clipping of g."""
    task = tiny.TinyGAN()
    phase = Phase("generator", ("generator",), task.generator_loss, rate=0.5)
    before = {name: p.detach().clone() for name, p in task.generator.named_parameters()}
    task.generator_loss(tiny.make_batch(0))["fooling"].backward()
    gradients = {name: p.grad.clone() for name, p in task.generator.named_parameters()}
    norm = torch.stack([g.norm() for g in gradients.values()]).norm()
    task.zero_grad()
    settings = {"learning_rate": 0.1, "warmup_steps": 2, "weight_decay": 0.3, "max_grad_norm": 1e-6}
    record = optimizer(task, phase, **settings).update(tiny.make_batch(0), step=0)
    rate = 0.1 / 2 * 0.5
    assert record["learning_rate"] == rate and record["grad_norm"] == pytest.approx(norm.item())
    for name, p in task.generator.named_parameters():
        g = gradients[name] * 1e-6 / norm  # clipped so far that AdamW's eps = 1e-8 is felt
        torch.testing.assert_close(
            p, before[name] * (1 - rate * 0.3) - rate * g / (g.abs() + 1e-8), rtol=1e-4, atol=1e-7
        )


def test_submodules_learn_at_their_own_rate(tiny: ModuleType) -> None:
    """A first AdamW step is as long as the rate; the longest path wins, and the state goes by name all the same."""
    task = tiny.TinyGAN()
    rates = {"generator": 0.5, "generator.bias": 7.0}  # paths of submodules: a parameter's own name is none
    phase = Phase("generator", ("generator",), task.generator_loss, rates=rates)
    before = {name: p.detach().clone() for name, p in task.generator.named_parameters()}
    first = optimizer(task, phase, learning_rate=0.1, warmup_steps=0, max_grad_norm=0)
    first.update(tiny.make_batch(0), step=0)
    for name, p in task.generator.named_parameters():
        assert (p - before[name]).abs().max().item() == pytest.approx(0.05, rel=1e-3)
    second = optimizer(task, phase, learning_rate=0.1, warmup_steps=0, max_grad_norm=0)
    second.load(first.state())
    assert all(torch.equal(value, first.state()[name]) for name, value in second.state().items())


def test_norm_zero_means_no_clipping(tiny: ModuleType) -> None:
    tasks = [tiny.TinyGAN(), tiny.TinyGAN()]
    for task, limit in zip(tasks, (0.0, 1e9), strict=True):
        optimizer(task, task.phases[1], max_grad_norm=limit).update(tiny.make_batch(0), step=0)
    assert torch.equal(tasks[0].generator.weight, tasks[1].generator.weight)


def test_state_goes_by_name(tiny: ModuleType) -> None:
    task = tiny.TinyGAN()
    first = optimizer(task, task.phases[1])
    assert first.state() == {}
    first.update(tiny.make_batch(0), step=0)
    state = first.state()
    parts = ("exp_avg", "exp_avg_sq", "step")
    assert set(state) == {f"generator/generator.{p}/{part}" for p in ("weight", "bias") for part in parts}
    second = optimizer(task, task.phases[1])
    second.load({**state, "discriminator/discriminator.weight/step": torch.ones(())})
    assert all(torch.equal(t, state[name]) for name, t in second.state().items())
    with pytest.raises(ValueError, match=r"trains generator.gone, which phase 'generator' does not"):
        second.load({"generator/generator.gone/step": torch.ones(())})


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (lambda x: {}, "a dict of scalars, found none"),
        (lambda x: {"map": x}, r"a dict of scalars, found map \[4, 3, 8, 6\]"),
        (lambda x: {"constant": x.detach().mean()}, r"constant \[\]\) does not depend on \('generator',\)"),
    ],
)
def test_losses_that_cannot_be_minimised(tiny: ModuleType, terms: Any, message: str) -> None:
    task = tiny.TinyGAN()
    phase = Phase("generator", ("generator",), lambda batch: terms(task.generator(batch.agnostic)))
    with pytest.raises(ValueError, match=f"phase 'generator': .*{message}"):
        optimizer(task, phase).update(tiny.make_batch(0), step=0)


def test_a_gradient_that_is_not_finite_changes_nothing(tiny: ModuleType) -> None:
    task = tiny.TinyGAN()
    before = task.generator.weight.detach().clone()
    phase = Phase(
        "generator", ("generator",), lambda batch: {"root": task.generator(batch.agnostic).mul(0).sum().sqrt()}
    )
    with pytest.raises(FloatingPointError, match="step 8, phase 'generator': the gradient's norm is nan"):
        optimizer(task, phase).update(tiny.make_batch(0), step=7)
    assert torch.equal(task.generator.weight, before)


def test_a_phase_without_trainable_parameters(tiny: ModuleType) -> None:
    task = tiny.TinyTask()
    with pytest.raises(ValueError, match=r"phase 'p' trains \('frozen',\), which have no trainable parameters"):
        optimizer(task, Phase("p", ("frozen",), task.loss))


def test_loss_scaling_changes_nothing_but_leaves_out_overflows(tiny: ModuleType) -> None:
    plain, scaled = tiny.TinyGAN(), tiny.TinyGAN()
    optimizer(plain, plain.phases[1]).update(tiny.make_batch(0), step=0)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    other = PhaseOptimizer(scaled, scaled.phases[1], TrainConfig(), NO, scaler)
    record = other.update(tiny.make_batch(0), step=0)
    torch.testing.assert_close(scaled.generator.weight, plain.generator.weight, rtol=0, atol=1e-7)
    assert record["grad_norm"] < 100  # of the gradient itself, not of the scaled one

    before = scaled.generator.weight.detach().clone()
    overflow = Phase("generator", ("generator",), lambda batch: {"big": scaled.generator(batch.agnostic).mean() * 1e37})
    record = PhaseOptimizer(scaled, overflow, TrainConfig(), NO, scaler).update(tiny.make_batch(0), step=1)
    assert record["grad_norm"] is None
    assert torch.equal(scaled.generator.weight, before) and scaler.get_scale() == 2.0**9
