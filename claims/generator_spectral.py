"""Spectral norm in a generator: does it hasten the first steps, and is there anything left of it at equal steps?"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.parse import GROUPS
from vtonlib.data.world import World
from vtonlib.grids import masked_mean
from vtonlib.models.alias import ALIASGenerator
from vtonlib.tasks.alias import ALIASConfig, ALIASTask

CHANNELS, STEPS, BATCH, EXAMPLES, TEST = (16, 16, 12), 50, 4, 192, 48
PUBLISHED = 1e-4
"""SPADE's learning rate of the generator; its discriminator learns four times as fast."""


def convolutions(generator: ALIASGenerator) -> list[nn.Module]:
    """The convolutions that spectral norm is about: those of the residual blocks, not of their modulations."""
    found = [getattr(block, name, None) for block in generator.blocks for name in ("conv_0", "conv_1", "conv_s")]
    return [conv for conv in found if conv is not None]


def stored(conv: nn.Module) -> Tensor:
    """The weight that the optimizer moves."""
    return conv.parametrizations.weight.original if hasattr(conv, "parametrizations") else conv.weight  # type: ignore


@torch.no_grad()
def gains(generator: ALIASGenerator) -> Tensor:
    """The largest singular value of each stored weight."""
    return torch.stack([torch.linalg.matrix_norm(stored(conv).flatten(1), 2) for conv in convolutions(generator)])


def new_task(seed: int, *, spectral: bool, unit: bool) -> ALIASTask:
    """An untrained small task. ``unit``: its stored weights are divided by their largest singular value once."""
    torch.manual_seed(seed)
    config = ALIASConfig(
        channels=CHANNELS, mask_norm_blocks=2, hidden=16, discriminator_channels=16, discriminator_layers=2
    )
    task = ALIASTask(config)
    torch.manual_seed(seed)
    task.generator = ALIASGenerator(9, len(GROUPS), CHANNELS, mask_norm_blocks=2, hidden=16, spectral=spectral)
    if unit:
        for conv, gain in zip(convolutions(task.generator), gains(task.generator), strict=True):
            stored(conv).data.div_(gain)
    task.train()
    task.features.eval()
    return task


def train(task: ALIASTask, examples: TryOnBatch, rate: float, *, faster: float = 1.0) -> float:
    """Train both networks, discriminator first; the discriminator's mean hinge loss over the last ten steps.

    The blocks' convolutions learn ``faster`` times as fast as the rest of the generator.
    """
    chosen = {id(stored(conv)) for conv in convolutions(task.generator)}
    parts: tuple[list[nn.Parameter], list[nn.Parameter]] = ([], [])
    for parameter in task.generator.parameters():
        parts[id(parameter) in chosen].append(parameter)
    groups = [{"params": part, "lr": rate * by} for part, by in zip(parts, (1.0, faster), strict=True)]
    optimizers = {
        "discriminator": torch.optim.Adam(task.discriminator.parameters(), 4 * rate, betas=(0.0, 0.9)),
        "generator": torch.optim.Adam(groups, rate, betas=(0.0, 0.9)),
    }
    losses: list[float] = []
    contest(task, examples, STEPS, optimizers, lambda loss, batch: losses.append(loss.item()))
    return sum(losses[-10:]) / 10


def contest(
    task: ALIASTask,
    examples: TryOnBatch,
    steps: int,
    optimizers: dict[str, torch.optim.Optimizer],
    judged: Callable[[Tensor, TryOnBatch], None],
) -> None:
    """Train both networks in turn, discriminator first; ``judged`` hears its loss and its batch after each of its
    steps."""
    order = torch.randperm(steps * BATCH) % len(examples)
    for batch in map(examples.__getitem__, order.split(BATCH)):
        for phase in task.phases:
            optimizers[phase.name].zero_grad()
            loss = torch.stack(list(phase.loss(batch).values())).sum()
            loss.backward()
            optimizers[phase.name].step()
            if phase.name == "discriminator":
                judged(loss.detach(), batch)


@torch.no_grad()
def error(task: ALIASTask, test: TryOnBatch) -> float:
    """Mean absolute error where there was something to paint."""
    task.eval()
    image, _ = task.paint(test, torch.Generator().manual_seed(0))
    return float(masked_mean((image - test.person).abs(), test.agnostic_mask))


def measure(seed: int) -> dict[str, float]:
    """Errors after 50 steps with and without the norm, four times over.

    ``tiny``: published weights and rates. ``ten``: the same at ten times the rates. ``unit``: stored weights of gain 1
    at ten times the rates. ``steps``: stored weights of gain 1 at the published rates, where the blocks' convolutions
    take steps as much larger as their weights are.
    """
    world = World(DataConfig(height=32, width=24, seed=seed))
    examples, test = world.paired("train", torch.arange(EXAMPLES)), world.paired("test", torch.arange(TEST))
    small = float(gains(new_task(seed, spectral=False, unit=False).generator).mean())
    arms = {
        "tiny": (False, 1.0, 1.0),
        "ten": (False, 10.0, 1.0),
        "unit": (True, 10.0, 1.0),
        "steps": (True, 1.0, 1 / small),
    }
    result = {"gain": small, "grey": float(masked_mean(test.person.abs(), test.agnostic_mask))}
    for name, (unit, times, faster) in arms.items():
        for kind in ("spectral", "plain"):
            task = new_task(seed, spectral=kind == "spectral", unit=unit)
            judged = train(task, examples, times * PUBLISHED, faster=faster)
            result[f"{name}_{kind}"] = error(task, test)
            if name == "tiny":
                result[f"judge_{kind}"] = judged
        result[f"{name}_ahead"] = result[f"{name}_plain"] - result[f"{name}_spectral"]
        worst = max(result[f"{name}_spectral"], result[f"{name}_plain"])
        result[f"{name}_learned"] = result["grey"] - worst
    result["same_steps"] = abs(result["steps_spectral"] - result["tiny_spectral"])
    return result
