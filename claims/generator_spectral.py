"""Spectral norm in the generator: what it does to the first steps of training, and whether the weights' scale explains it."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.parse import GROUPS
from vtonlib.data.world import World
from vtonlib.grids import masked_mean
from vtonlib.models.alias import ALIASGenerator
from vtonlib.tasks.alias import ALIASConfig, ALIASTask

CHANNELS, STEPS, BATCH, EXAMPLES, TEST = (16, 16, 12), 60, 6, 192, 48
PUBLISHED = 1e-4
"""VITON-HD's learning rate of the generator; its discriminator learns four times as fast."""


def task(seed: int, *, spectral: bool, unit: bool) -> ALIASTask:
    """An untrained small task. ``unit``: stored weights have the largest singular value 1, not that of the start."""
    torch.manual_seed(seed)
    config = ALIASConfig(
        channels=CHANNELS, mask_norm_blocks=2, hidden=16, discriminator_channels=16, discriminator_layers=2
    )
    made = ALIASTask(config)
    torch.manual_seed(seed)
    made.generator = ALIASGenerator(9, len(GROUPS), CHANNELS, mask_norm_blocks=2, hidden=16, spectral=spectral)
    with torch.no_grad():
        for conv in convolutions(made.generator) if unit else ():
            stored = conv.parametrizations.weight.original if spectral else conv.weight
            stored.div_(torch.linalg.matrix_norm(stored.flatten(1), 2))
    made.train()
    made.features.eval()
    return made


def convolutions(generator: ALIASGenerator) -> list[torch.nn.Module]:
    """The convolutions that spectral norm is about: those of the residual blocks, not of their modulations."""
    found = [getattr(block, name, None) for block in generator.blocks for name in ("conv_0", "conv_1", "conv_s")]
    return [conv for conv in found if conv is not None]


def train(made: ALIASTask, examples: TryOnBatch, rate: float) -> float:
    """Train both networks, discriminator first; the discriminator's mean hinge loss over the last ten steps."""
    optimizers = {
        "discriminator": torch.optim.Adam(made.discriminator.parameters(), 4 * rate, betas=(0.0, 0.9)),
        "generator": torch.optim.Adam(made.generator.parameters(), rate, betas=(0.0, 0.9)),
    }
    order, judged = torch.randperm(STEPS * BATCH) % len(examples), []
    for step in range(STEPS):
        batch = examples[order[step * BATCH : (step + 1) * BATCH]]
        for phase in made.phases:
            optimizers[phase.name].zero_grad()
            loss = torch.stack(list(phase.loss(batch).values())).sum()
            loss.backward()
            optimizers[phase.name].step()
            if phase.name == "discriminator":
                judged.append(loss.item())
    return sum(judged[-10:]) / 10


@torch.no_grad()
def error(made: ALIASTask, test: TryOnBatch) -> float:
    """Mean absolute error where there was something to paint."""
    made.eval()
    image, _ = made.paint(test, torch.Generator().manual_seed(0))
    return float(masked_mean((image - test.person).abs(), test.agnostic_mask))


def measure(seed: int) -> dict[str, float]:
    """Errors after 60 steps: with and without the norm, with small and with unit weights; and at ten times the rate."""
    world = World(DataConfig(height=32, width=24, seed=seed))
    examples, test = (world.paired(split, torch.arange(n)) for split, n in (("train", EXAMPLES), ("test", TEST)))
    result: dict[str, float] = {"grey": float(masked_mean(test.person.abs(), test.agnostic_mask))}
    for spectral in (True, False):
        name = "spectral" if spectral else "plain"
        for unit in (False, True):
            made = task(seed, spectral=spectral, unit=unit)
            judged = train(made, examples, PUBLISHED)
            result[name + "_unit" * unit] = error(made, test)
            result[f"{name}{'_unit' * unit}_judge"] = judged
        fast = task(seed, spectral=spectral, unit=False)
        train(fast, examples, 10 * PUBLISHED)
        result[f"{name}_fast"] = error(fast, test)
    made = task(seed, spectral=False, unit=False)
    result["gain"] = _largest(made)
    return result


def _largest(made: ALIASTask) -> float:
    """The mean over the blocks' convolutions of the largest singular value."""
    values: list[Tensor] = [torch.linalg.matrix_norm(c.weight.flatten(1), 2) for c in convolutions(made.generator)]
    return float(torch.stack(values).mean())
