"""Training VITON-HD's first stage: the segmentation of the person in a garment that she does not wear yet.

Book: sec-alias-generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.parse import GARMENT, GROUPS, true_groups, visible_groups
from vtonlib.losses.adversarial import least_squares_discriminator, least_squares_generator
from vtonlib.models.discriminator import MultiscaleDiscriminator
from vtonlib.models.segmentation import SegmentationGenerator
from vtonlib.pipelines.alias import segmentation_input
from vtonlib.settings import Count, Range, Settings, Share, Weight
from vtonlib.shares import noise_like
from vtonlib.tasks.base import Phase, Task


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentationConfig(Settings):
    """Shape of the two networks, and the weight of the cross-entropy."""

    channels: tuple[Count, ...] = (24, 32, 48, 64, 96)
    """Channels by level of the U-Net; each after the first halves the size."""
    dropout: Share = 0.0
    """Probability of dropping a value."""
    discriminator_channels: Count = 24
    """Channels of the discriminators' first layer."""
    discriminator_layers: Annotated[int, Range(2)] = 3
    """Convolutions of each discriminator before the one that gives its logits."""
    cross_entropy: Weight = 10.0
    """VITON-HD's lambda_CE."""


class SegmentationTask(Task):
    """Two phases, ``discriminator`` and ``segmentation``: least squares, and cross-entropy against the truth."""

    averaged = ("segmentation",)

    def __init__(self, config: SegmentationConfig) -> None:
        super().__init__()
        self.config = config
        inputs = 1 + 3 + len(GROUPS) + 3 + 1
        self.segmentation = SegmentationGenerator(inputs, len(GROUPS), channels=config.channels, dropout=config.dropout)
        self.discriminator = MultiscaleDiscriminator(
            inputs + len(GROUPS), config.discriminator_channels, config.discriminator_layers
        )
        self.phases = (
            Phase(
                name="discriminator",
                trains=("discriminator",),
                loss=self.discriminator_loss,
                rate=2.0,
                betas=(0.5, 0.999),
            ),
            Phase(
                name="segmentation", trains=("segmentation",), loss=self.segmentation_loss, rate=0.5, betas=(0.5, 0.999)
            ),
        )

    def inputs(self, batch: TryOnBatch) -> Float[Tensor, "b c h w"]:
        """What the generator sees of a batch, with fresh noise."""
        noise = noise_like(batch.agnostic_mask)
        return segmentation_input(batch.garment, batch.garment_mask, visible_groups(batch), batch.dense_pose, noise)

    def discriminator_loss(self, batch: TryOnBatch) -> dict[str, Tensor]:
        """True segmentations are real, generated ones are not."""
        known = self.inputs(batch)
        with torch.no_grad():
            fake = self.segmentation(known).softmax(1)
        real = self.discriminator(torch.cat((known, true_groups(batch)), 1))
        return {"adversarial": least_squares_discriminator(real, self.discriminator(torch.cat((known, fake), 1)))}

    def segmentation_loss(self, batch: TryOnBatch) -> dict[str, Tensor]:
        """Cross-entropy where the label is known, and the discriminator's opinion."""
        known, truth = self.inputs(batch), true_groups(batch)
        logits = self.segmentation(known)
        entropy = -(truth * F.log_softmax(logits, 1)).sum(1).mean()
        judged = self.discriminator(torch.cat((known, logits.softmax(1)), 1))
        return {
            "cross_entropy": self.config.cross_entropy * entropy,
            "adversarial": least_squares_generator(judged),
        }

    def sample(self, batch: TryOnBatch) -> tuple[Float[Tensor, "n 3 h w"], ...]:
        """Garment, agnostic image, where the garment is expected, and the person."""
        expected = self.segmentation(self.inputs(batch)).argmax(1, keepdim=True) == GARMENT
        return batch.garment, batch.agnostic, (2 * expected.float() - 1).expand(-1, 3, -1, -1), batch.person

    def save(self, folder: Path) -> None:
        """The segmentation generator, as its ``from_pretrained`` reads it."""
        self.segmentation.save_pretrained(folder / "segmentation")
