"""SPADE's generator from a style: does the style of another picture bring its colours, and do random styles bring any?

Three generators, equal but for one thing: from the style of the true picture, batch norm in its SPADE blocks, as
released; the same with instance norm; and, blind, from random noise, which knows nothing of the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.world import World
from vtonlib.losses.style import divergence_from_normal
from vtonlib.models.normalization.spade import ParamFreeNorm
from vtonlib.models.style import StyledSPADEGenerator, StyleEncoder

SIZE, STYLE, STEPS, BATCH, RATE, WEIGHT = (16, 12), 16, 300, 32, 4e-3, 4e-5
"""The weight of the divergence: 2 s^2 over the numbers of a picture, for errors of size s = 0.1."""
UPPER, LEAST = PARSE_LABELS.index("upper_garment"), 10
"""Colours are compared where at least so many pixels are upper garment."""


class People(NamedTuple):
    """Pictures of 16x12 and their label maps."""

    pictures: Tensor
    labels: Tensor


def people(seed: int, split: Literal["train", "test"], count: int) -> People:
    """Rendered at twice the size; blocks of pixels averaged, labels picked."""
    batch = World(DataConfig(seed=seed, height=2 * SIZE[0], width=2 * SIZE[1])).paired(split, torch.arange(count))
    return People(F.avg_pool2d(batch.person, 2), batch.parse[:, :, ::2, ::2].contiguous())


def networks(norm: ParamFreeNorm) -> tuple[StyleEncoder, StyledSPADEGenerator]:
    """Encoder and generator, started as torch starts layers: an initialization for GANs would need many more steps."""
    encoder = StyleEncoder(SIZE, STYLE, (24, 32, 48), instance_norm=False)
    generator = StyledSPADEGenerator(len(PARSE_LABELS), SIZE, STYLE, (32, 24, 16), norm=norm, hidden=16, spectral=False)
    for layer in [*encoder.modules(), *generator.modules()]:
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            layer.reset_parameters()
    return encoder, generator


def colour_error(found: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error, differences of hue counting four times those of brightness, which are far larger."""
    error = found - truth
    light = error.mean(1, keepdim=True)
    return (light.square() + 4 * (error - light).square()).mean()


def train(encoder: StyleEncoder | None, generator: StyledSPADEGenerator, data: People, steps: int = STEPS) -> None:
    """Error and divergence, which grows to its weight over the first half; without an encoder the style is noise."""
    optimizer = torch.optim.Adam([*(encoder.parameters() if encoder else ()), *generator.parameters()], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        pictures, labels = (part[some] for some in [torch.randint(len(data.labels), (BATCH,))] for part in data)
        told = encoder(pictures) if encoder else None
        loss = colour_error(generator(labels, told.draw() if told else torch.randn(BATCH, STYLE)), pictures)
        if told:
            loss = loss + WEIGHT * min(1, 2 * step / steps) * divergence_from_normal(*told)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def cloth_colour(pictures: Tensor, labels: Tensor) -> Tensor:
    """The mean colour of the upper garment, [b 3]."""
    cloth = labels[:, UPPER : UPPER + 1]
    return (pictures * cloth).sum((2, 3)) / cloth.sum((2, 3))


def explained(found: Tensor, truth: Tensor) -> float:
    """R^2: 0 is what guessing the mean gets."""
    return float(1 - (found - truth).square().mean() / truth.var(0, correction=0).mean())


def distance(found: Tensor, truth: Tensor) -> float:
    """Mean distance of colours, whose numbers are in [-1, 1]."""
    return float((found - truth).norm(dim=1).mean())


@torch.no_grad()
def scores(paint: Callable[[Tensor, Tensor], Tensor], styles: Tensor, test: People) -> dict[str, float]:
    """Colours under one's own style, under that of the next person, and under random ones."""
    truth, other = cloth_colour(*test), styles.roll(1, 0)
    own = paint(test.labels, styles)
    swapped = cloth_colour(paint(test.labels, other), test.labels)
    sampled = cloth_colour(paint(test.labels, torch.randn_like(styles)), test.labels)
    cloth = test.labels[:, UPPER : UPPER + 1]
    detail, expected = ((p - cloth_colour(p, test.labels)[:, :, None, None]) * cloth for p in (own, test.pictures))
    return {
        "own": explained(cloth_colour(own, test.labels), truth),
        "to_other": distance(swapped, truth.roll(1, 0)),
        "to_self": distance(swapped, truth),
        "detail": float(1 - (detail - expected).square().sum() / expected.square().sum()),
        "spread": float((sampled.var(0).mean() / truth.var(0).mean()).sqrt()),
    }


def measure(seed: int) -> dict[str, float]:
    """All scores of the three generators, and those of guessing the mean colour."""
    data, test = people(seed, "train", 1024), people(seed, "test", 160)
    test = People(*(part[test.labels[:, UPPER].sum((1, 2)) >= LEAST] for part in test))
    truth = cloth_colour(*test)
    found = {"to_mean": distance(truth.mean(0).expand_as(truth), truth), "people": float(len(truth))}
    arms: dict[str, ParamFreeNorm] = {"style": "batch", "instance": "instance", "blind": "batch"}
    for arm, norm in arms.items():
        torch.manual_seed(seed)
        encoder, generator = networks(norm)
        train(encoder if arm != "blind" else None, generator, data)
        encoder.eval(), generator.eval()
        with torch.no_grad():
            styles = encoder(test.pictures).mean if arm != "blind" else torch.randn(len(truth), STYLE)
        found |= {f"{name}_{arm}": score for name, score in scores(generator, styles, test).items()}
    found["nearer_other"] = found["to_self_style"] - found["to_other_style"]
    found["nearer_than_mean"] = found["to_mean"] - found["to_other_style"]
    found["spread_gap"] = found["spread_style"] - found["spread_blind"]
    return found | {"batch_gain": found["own_style"] - found["own_instance"]}
