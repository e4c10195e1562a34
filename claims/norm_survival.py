"""What survives a normalization: a linear probe reads contrast, brightness, hue and pattern off normalized features."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.models.normalization import group_standardize, standardize

TRAIN, TEST, CHANNELS, GROUPS, BATCH, RIDGE = 640, 256, 24, 6, 32, 1e-2
CLOSE_UP = slice(20, 36), slice(16, 32)
"""Rows and columns of 64x48 that show cloth and hardly any ground."""
NORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "batch": lambda x: torch.cat([standardize(part, (0, 2, 3)) for part in x.split(BATCH)]),
    "layer": lambda x: standardize(x, (1, 2, 3)),
    "group": lambda x: group_standardize(x, GROUPS),
    "instance": lambda x: standardize(x, (2, 3)),
}
ASKED = "bright", "contrast", "hue", "pattern"
KEPT = {"": ASKED[:3], "close_": ASKED[2:]}
"""What is asked of whole pictures and of close-ups."""


def photographs(garment: Tensor, inside: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures in random light with random contrast, and what the probe shall tell of each, [b 4]."""
    bright, contrast = torch.randn(2, len(garment), generator=generator) * torch.tensor([[0.2], [0.3]])
    size = inside.sum((2, 3), keepdim=True).clamp_min(1)
    colour = (garment * inside).sum((2, 3), keepdim=True) / size
    variance = ((garment - colour).square() * inside).sum((1, 2, 3)) / size[:, 0, 0, 0]
    hue = colour[:, 0, 0, 0] - colour[:, 2, 0, 0]
    picture = garment * contrast.exp()[:, None, None, None] + bright[:, None, None, None]
    return picture, torch.stack((bright, contrast, hue, (variance + 1e-3).log()), dim=1)


def pooled(features: Tensor) -> Tensor:
    """What the next layers of a network might see: ReLU, then the mean and the root mean square of each channel."""
    positive = features.relu()
    return torch.cat((positive.mean((2, 3)), positive.square().mean((2, 3)).sqrt()), dim=1)


def explained(seen: Tensor, answer: Tensor, test_seen: Tensor, test_answer: Tensor) -> Tensor:
    """R^2 on the test examples of a linear probe fitted with a small ridge, one for each question."""
    mean, deviation = seen.mean(0), seen.std(0) + 1e-3
    a, b = (F.pad(((x - mean) / deviation).clamp(-5, 5), (0, 1), value=1).double() for x in (seen, test_seen))
    weight = torch.linalg.solve(a.mT @ a + RIDGE * len(a) * torch.eye(a.shape[1]), a.mT @ answer.double())
    error = (b @ weight - test_answer).square().mean(0)
    return 1 - error / test_answer.double().var(0, correction=0)


def measure(seed: int) -> dict[str, float]:
    """R^2 of every question after every normalization, on whole pictures and on close-ups of cloth."""
    generator, world = torch.Generator().manual_seed(seed), World(DataConfig(seed=seed))
    weight = torch.randn(CHANNELS, 3, 3, 3, generator=generator) / 27**0.5
    batches = world.paired("train", torch.arange(TRAIN)), world.paired("test", torch.arange(TEST))
    found, chance = {}, []
    for view, (rows, columns) in zip(KEPT, ((slice(None), slice(None)), CLOSE_UP), strict=True):
        cut = [(b.garment[..., rows, columns], b.garment_mask[..., rows, columns]) for b in batches]
        (shots, answers), (test_shots, test_answers) = (photographs(*b, generator) for b in cut)
        features, test_features = (F.conv2d(x, weight, stride=2) for x in (shots, test_shots))
        for name, norm in NORMS.items():
            scores = explained(pooled(norm(features)), answers, pooled(norm(test_features)), test_answers)
            scored = zip(ASKED, scores.tolist(), strict=True)
            found |= {f"{view}{what}_{name}": score for what, score in scored if what in KEPT[view]}
        order = torch.randperm(TRAIN, generator=generator)
        chance += [explained(pooled(features), answers[order], pooled(test_features), test_answers).max()]
    return found | {"shuffled": float(max(chance))} | _with_bias(seed, generator)


def _with_bias(seed: int, generator: torch.Generator) -> dict[str, float]:
    """R^2 of the contrast of whole pictures behind torch's convolution as it is by default, with a bias."""
    torch.manual_seed(seed)
    conv, world = torch.nn.Conv2d(3, CHANNELS, 3, stride=2).requires_grad_(False), World(DataConfig(seed=seed))
    batches = world.paired("train", torch.arange(TRAIN)), world.paired("test", torch.arange(TEST))
    (shots, answers), (test_shots, test_answers) = (photographs(b.garment, b.garment_mask, generator) for b in batches)
    column = ASKED.index("contrast")
    return {
        f"contrast_bias_{name}": float(
            explained(pooled(norm(conv(shots))), answers, pooled(norm(conv(test_shots))), test_answers)[column]
        )
        for name, norm in NORMS.items()
        if name in ("layer", "group", "instance")
    }
