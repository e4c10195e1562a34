"""Tasks of a few hundred parameters, and batches for them: whatever a trainer must cope with, in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vtonlib.config import TrainConfig
from vtonlib.data.batch import KEYPOINTS, PARSE_LABELS, TryOnBatch
from vtonlib.tasks.base import Phase, Task

SIZE, HEIGHT, WIDTH = 4, 8, 6


def make_batch(index: int, size: int = SIZE) -> TryOnBatch:
    """Random examples, a function of ``index``."""
    generator = torch.Generator().manual_seed(index)

    def draw(*shape: int) -> Tensor:
        return torch.rand(size, *shape, generator=generator) * 2 - 1

    images = {
        name: draw(3, HEIGHT, WIDTH) for name in ("person", "garment", "agnostic", "dense_pose", "warped_garment")
    }
    masks = ("garment_mask", "agnostic_mask", "garment_region", "flow_mask", "misalign_mask")
    return TryOnBatch(
        **images,
        **{name: (draw(1, HEIGHT, WIDTH) > 0).float() for name in masks},
        keypoints=draw(len(KEYPOINTS), 2),
        parse=torch.zeros(size, len(PARSE_LABELS), HEIGHT, WIDTH),
        flow=draw(HEIGHT, WIDTH, 2),
        index=torch.arange(size) + size * index,
    )


def batches(start: int) -> Iterator[TryOnBatch]:
    """Batches without end."""
    while True:
        yield make_batch(start)
        start += 1


def train_config(**changes: object) -> TrainConfig:
    """Six steps on the CPU."""
    values = {"steps": 6, "batch_size": SIZE, "warmup_steps": 2, "precision": "no", "save_every": 3, "sample_every": 0}
    return TrainConfig(**{**values, **changes})


class TinyTask(Task):
    """One phase with all that has state: moments, running statistics, random numbers; and a frozen child."""

    averaged = ("net",)

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.Dropout(0.2), nn.Conv2d(channels, 3, 1)
        )
        self.frozen = nn.Conv2d(3, 3, 1).requires_grad_(False)
        self.phases = (Phase("net", ("net",), self.loss),)

    def loss(self, batch: TryOnBatch) -> dict[str, Tensor]:
        noisy = batch.agnostic + 0.1 * torch.randn_like(batch.agnostic)
        difference = self.net(noisy) - self.frozen(batch.person)
        return {"square": difference.square().mean(), "absolute": 0.1 * difference.abs().mean()}

    def sample(self, batch: TryOnBatch) -> tuple[Tensor, ...]:
        return batch.agnostic, self.net(batch.agnostic + 0.1 * torch.randn_like(batch.agnostic)), batch.person


class TinyGAN(Task):
    """Two phases, of which the discriminator's comes every second step."""

    averaged = ("generator",)

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.generator, self.discriminator = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 1, 3)
        self.phases = (
            Phase("discriminator", ("discriminator",), self.discriminator_loss, 2, rate=4.0, betas=(0.0, 0.9)),
            Phase("generator", ("generator",), self.generator_loss, betas=(0.0, 0.9)),
        )

    def discriminator_loss(self, batch: TryOnBatch) -> dict[str, Tensor]:
        fake = self.generator(batch.agnostic).detach()
        real, fake = self.discriminator(batch.person), self.discriminator(fake)
        return {"real": F.relu(1 - real).mean(), "fake": F.relu(1 + fake).mean()}

    def generator_loss(self, batch: TryOnBatch) -> dict[str, Tensor]:
        return {"fooling": -self.discriminator(self.generator(batch.agnostic)).mean()}
