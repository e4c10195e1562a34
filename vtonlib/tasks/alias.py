"""Training VITON-HD's third stage: paint the person from warped garment and segmentation.

Book: sec-alias-generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.parse import GARMENT, GROUPS, true_groups
from vtonlib.losses.adversarial import feature_matching, hinge_discriminator, hinge_generator
from vtonlib.losses.perceptual import perceptual
from vtonlib.models.alias import ALIASGenerator, split_parse
from vtonlib.models.discriminator import MultiscaleDiscriminator
from vtonlib.models.features import perceptual_features
from vtonlib.pipelines.alias import painting_input
from vtonlib.settings import Count, Natural, Range, Settings, Weight
from vtonlib.tasks.base import Phase, Task


@dataclass(frozen=True, kw_only=True, slots=True)
class ALIASConfig(Settings):
    """Shape of the two networks, and the weights of the loss."""

    channels: tuple[Count, ...] = (64, 64, 48, 32, 24)
    """The generator's blocks, coarsest first; each after the first doubles the size."""
    mask_norm_blocks: Natural = 3
    """How many blocks, from the coarsest, standardize by ``norm``."""
    hidden: Count = 32
    """Width of the modulations' hidden layer."""
    norm: Literal["alias", "instance", "spade"] = "alias"
    """What the coarse blocks standardize by. alias: the regions of the misalignment mask apart. The other two are the
    ablation of VITON-HD's figure 8. instance: the whole map, with the divided parse map. spade: the whole map, and
    nothing in the network knows of the mask."""
    discriminator_channels: Count = 32
    """Channels of the discriminators' first layer."""
    discriminator_layers: Annotated[int, Range(2)] = 3
    """Convolutions of each discriminator before the one that gives its logits."""
    scales: Count = 2
    """Discriminators, each on half the size of the one before."""
    feature_matching: Weight = 10.0
    """Weight of the feature-matching loss."""
    perceptual: Weight = 10.0
    """Weight of the perceptual loss."""
    vgg19: str = ""
    """A safetensors file of torchvision's VGG-19 for the perceptual loss; empty: the shipped features."""


class ALIASTask(Task):
    """Two phases, ``discriminator`` and ``generator``, on the world's true segmentation and imperfect warp."""

    averaged = ("generator",)

    def __init__(self, config: ALIASConfig) -> None:
        super().__init__()
        self.config = config
        self.generator = ALIASGenerator(
            9,
            len(GROUPS),
            config.channels,
            mask_norm_blocks=0 if config.norm == "spade" else config.mask_norm_blocks,
            coarse_norm="mask" if config.norm == "alias" else "instance",
            hidden=config.hidden,
        )
        self.discriminator = MultiscaleDiscriminator(
            len(GROUPS) + 1 + 3, config.discriminator_channels, config.discriminator_layers, config.scales
        )
        self.features = perceptual_features(Path(config.vgg19) if config.vgg19 else None)
        self.phases = (
            Phase(
                name="discriminator",
                trains=("discriminator",),
                loss=self.discriminator_loss,
                rate=2.0,
                betas=(0.0, 0.9),
            ),
            Phase(name="generator", trains=("generator",), loss=self.generator_loss, rate=0.5, betas=(0.0, 0.9)),
        )

    def paint(
        self, batch: TryOnBatch, generator: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b k h w"]]:
        """The try-on image, and the divided segmentation that discriminator and generator know."""
        parse = true_groups(batch)
        divided = split_parse(parse, batch.misalign_mask * parse[:, GARMENT : GARMENT + 1], GARMENT)
        inputs = painting_input(batch.agnostic, batch.dense_pose, batch.warped_garment)
        image = self.generator(inputs, parse, divided, divided[:, -1:], generator=generator)
        return image, divided

    def judge(
        self, parse: Float[Tensor, "b k h w"], real: Float[Tensor, "b 3 h w"], fake: Float[Tensor, "b 3 h w"]
    ) -> tuple[list[list[Tensor]], list[list[Tensor]]]:
        """What the discriminator's layers say of real and of painted images, in one call as SPADE's code does."""
        both = torch.cat((torch.cat((parse, real), 1), torch.cat((parse, fake), 1)))
        pairs = [[output.chunk(2) for output in layers] for layers in self.discriminator(both)]
        return [[pair[0] for pair in layers] for layers in pairs], [[pair[1] for pair in layers] for layers in pairs]

    def discriminator_loss(self, batch: TryOnBatch) -> dict[str, Tensor]:
        """Hinge: persons are real, what the generator paints is not."""
        with torch.no_grad():
            fake, parse = self.paint(batch)
        return {"adversarial": hinge_discriminator(*self.judge(parse, batch.person, fake))}

    def generator_loss(self, batch: TryOnBatch) -> dict[str, Tensor]:
        """The discriminator's opinion, its features' and the frozen features' distance from the person."""
        fake, parse = self.paint(batch)
        real, judged = self.judge(parse, batch.person, fake)
        return {
            "adversarial": hinge_generator(judged),
            "feature_matching": self.config.feature_matching * feature_matching(real, judged),
            "perceptual": self.config.perceptual * perceptual(self.features, batch.person, fake),
        }

    def sample(self, batch: TryOnBatch) -> tuple[Float[Tensor, "n 3 h w"], ...]:
        """Garment, imperfect warp, result and truth."""
        image, _ = self.paint(batch, torch.Generator().manual_seed(0))
        return batch.garment, batch.warped_garment, image, batch.person

    def save(self, folder: Path) -> None:
        """The generator, as its ``from_pretrained`` reads it."""
        self.generator.save_pretrained(folder / "generator")
