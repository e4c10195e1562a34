"""Spectral norm in a discriminator: does it tame the gradient that reaches the picture, and steady the contest?

In two builds. ``bare``: convolutions and leaky ReLUs, spectral norm on all of them or on none, as in the paper that
introduced it. ``published``: SPADE's, where an instance norm stands behind every spectrally normalized convolution.
There the stored weights under the norm are over forty times smaller, hence their relative steps larger; ``equal`` is
that arm with stored weights of gain 1, as without the norm. It was added after the others had been measured.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import parametrize

from claims.generator_spectral import CHANNELS, EXAMPLES, TEST, contest, error
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.losses.adversarial import hinge_generator
from vtonlib.models.normalization import spectral_norm
from vtonlib.tasks.alias import ALIASConfig, ALIASTask

STEPS = 80
ARMS = (
    ("bare", "spectral"),
    ("bare", "plain"),
    ("published", "spectral"),
    ("published", "plain"),
    ("equal", "spectral"),
)
RATE = 1e-3
"""Of the generator; the discriminator learns four times as fast."""


def new_task(seed: int, build: str, *, spectral: bool) -> ALIASTask:
    """An untrained small task whose discriminator is built so; with and without the norm it starts as the same one."""
    torch.manual_seed(seed)
    task = ALIASTask(
        ALIASConfig(channels=CHANNELS, mask_norm_blocks=2, hidden=16, discriminator_channels=16, discriminator_layers=3)
    )
    for scale in task.discriminator.scales:
        for layer in scale:
            parts = layer if isinstance(layer, nn.Sequential) else [layer]
            for place, part in enumerate(parts):
                if isinstance(part, nn.Conv2d):
                    rebuild(part, build, spectral=spectral)
                elif isinstance(part, nn.InstanceNorm2d) and build == "bare":
                    layer[place] = nn.Identity()
    task.train()
    task.features.eval()
    return task


def rebuild(conv: nn.Conv2d, build: str, *, spectral: bool) -> None:
    """Give a convolution of the discriminator its norm, or take it away.

    Bare convolutions start with weights of gain 1, so that they are the same function with and without the norm.
    """
    normed = parametrize.is_parametrized(conv)
    if normed:  # back to the plain weight
        parametrize.remove_parametrizations(conv, "weight", leave_parametrized=build == "published" and not spectral)
    if build == "bare" or (build == "equal" and normed):
        with torch.no_grad():
            conv.weight.div_(torch.linalg.matrix_norm(conv.weight.flatten(1), 2))
    if spectral and (normed or build == "bare"):
        spectral_norm(conv)


def train(task: ALIASTask, examples: TryOnBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """Train both networks; step by step the discriminator's loss, and the length of dL_G/dI for one picture."""
    optimizers = {
        "discriminator": torch.optim.Adam(task.discriminator.parameters(), 4 * RATE, betas=(0.0, 0.9)),
        "generator": torch.optim.Adam(task.generator.parameters(), RATE, betas=(0.0, 0.9)),
    }
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    contest(task, examples, STEPS, optimizers, lambda loss, batch: found.append((loss, reaching(task, batch))))
    losses, lengths = zip(*found, strict=True)
    return torch.stack(losses), torch.stack(lengths)


def reaching(task: ALIASTask, batch: TryOnBatch) -> torch.Tensor:
    """The length of the adversarial loss's gradient with respect to a painted picture, mean over the batch."""
    with torch.no_grad():
        fake, parse = task.paint(batch)
    fake.requires_grad_()
    discriminator = task.discriminator.eval()  # judge without another round of power iteration
    loss = hinge_generator(discriminator(torch.cat((parse, fake), 1)))
    discriminator.train()
    (gradient,) = torch.autograd.grad(loss * len(batch), fake)
    return gradient.flatten(1).norm(dim=1).mean()


def measure(seed: int) -> dict[str, float]:
    """Over the second half of the training: the gradient's median, its swing (95th by 5th percentile), and by how
    much the discriminator's loss jumps from one step to the next; at the end the picture's error.
    """
    world = World(DataConfig(height=32, width=24, seed=seed))
    examples, test = world.paired("train", torch.arange(EXAMPLES)), world.paired("test", torch.arange(TEST))
    result = {}
    for build, kind in ARMS:
        task = new_task(seed, build, spectral=kind == "spectral")
        losses, lengths = (values[STEPS // 2 :] for values in train(task, examples))
        low, middle, high = lengths.quantile(torch.tensor([0.05, 0.5, 0.95]))
        result[f"{build}_{kind}_gradient"] = float(middle)
        result[f"{build}_{kind}_swing"] = float(high / low)
        result[f"{build}_{kind}_jump"] = float(losses.diff().abs().mean())
        result[f"{build}_{kind}_error"] = error(task, test)
    for build, rival in (("bare", "bare"), ("published", "published"), ("equal", "published")):
        with_norm, without = f"{build}_spectral", f"{rival}_plain"
        result[f"{build}_tamed"] = result[f"{without}_gradient"] / result[f"{with_norm}_gradient"]
        result[f"{build}_steadier"] = result[f"{without}_jump"] / result[f"{with_norm}_jump"]
        result[f"{build}_better"] = result[f"{without}_error"] - result[f"{with_norm}_error"]
    result["bare_swing_saved"] = result["bare_plain_swing"] - result["bare_spectral_swing"]
    return result
