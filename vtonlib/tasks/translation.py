"""Training CUT and QS-Attn: translate between two domains of pictures of which no pair is known.

Book: sec-query-selection.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention.query_selection import RULES, PatchPairs, QuerySelection
from vtonlib.config import TrainConfig
from vtonlib.data.domains import Domains, Pattern, UnpairedBatch
from vtonlib.data.source import TrainingBatches, TryOnSource
from vtonlib.losses.adversarial import least_squares_discriminator, least_squares_generator
from vtonlib.losses.patch_nce import patch_nce
from vtonlib.models.discriminator import MultiscaleDiscriminator
from vtonlib.models.translator import TAPS, PatchProjector, ResnetTranslator
from vtonlib.pipelines.translation import TranslationPipeline
from vtonlib.settings import Count, Natural, Range, Settings, Weight
from vtonlib.tasks.base import Phase, Task


@dataclass(frozen=True, kw_only=True, slots=True)
class TranslationConfig(Settings):
    """Shape of the networks, which patches are compared and how, and the weights of the loss."""

    pattern: Pattern = "stripes"
    """What the target's tops show."""
    channels: Count = 16
    """The translator's width at full size; it doubles with each of two halvings."""
    blocks: Count = 5
    """Its residual blocks."""
    skip: bool = True
    """Whether what it paints is added to the source, so that minutes of training suffice; in CUT it is not."""
    taps: tuple[str, ...] = TAPS
    """The translator's features whose patches are compared."""
    selection: QuerySelection = field(default_factory=partial(QuerySelection, count=64))
    """Which patches of the blocks' features are compared, and how they are read: QS-Attn; ``select=random route=none``
    is CUT. Of features before the blocks as many are drawn at random and compared as they are, as in the released
    code."""
    projection: Count = 64
    """Length of the vectors that patches are projected to."""
    discriminator_channels: Count = 24
    """Channels of the discriminator's first layer."""
    discriminator_layers: Annotated[int, Range(2)] = 3
    """Its convolutions before the one that gives the logits."""
    discriminator_rate: Annotated[float, Range(0, above=True)] = 2.0
    """Its learning rate, as a multiple of the common one; 1 in CUT."""
    temperature: Annotated[float, Range(0, above=True)] = 0.07
    """Of the contrastive loss."""
    adversarial: Weight = 1.0
    """Weight of the discriminator's opinion."""
    contrastive: Weight = 0.5
    """Weight of the contrastive loss between a source and its translation."""
    identity: Weight = 0.5
    """Weight of the contrastive loss between a target and what the translator makes of it, which should be itself."""
    change: Weight = 0.0
    """Weight of the mean absolute difference between a source and its translation, so that what need not change stays
    as it is: SimGAN's self-regularisation. CUT and QS-Attn have none."""
    cached_examples: Natural = 0
    """How many people of each domain are rendered once, before the first step, and drawn from at random; 0 renders
    those of every batch anew."""


class TranslationTask(Task):
    """Two phases, ``discriminator`` and ``generator``, as in CUT: least squares, and patches that know their origin.

    Whatever the rule, a step encodes each picture once for the contrastive loss: the features of what is translated
    come from the pass that translates it. The released code of QS-Attn encodes each source three times.

    The released code takes Adam with one rate for all and betas 0.5 and 0.999, one picture at a time, a constant rate
    for half of the epochs which then falls linearly (``train.schedule=linear``), and no buffer of earlier translations.
    Its discriminator has no spectral norm; this library's has one, and is otherwise the same at one scale.

    Raises:
        ValueError: for features that the translator does not have.

    Source: CUT, section 3; QS-Attn, section 3. Book: sec-query-selection.
    """

    averaged = ("translator",)

    def __init__(self, config: TranslationConfig) -> None:
        super().__init__()
        self.config = config
        self.translator = ResnetTranslator(channels=config.channels, blocks=config.blocks, skip=config.skip)
        if unknown := [name for name in config.taps if name not in self.translator.taps]:
            known = ", ".join(self.translator.taps)
            raise ValueError(f"task.taps: the translator has no features {', '.join(unknown)}; it has {known}")
        widths = [self.translator.taps[name] for name in config.taps]
        self.projector = PatchProjector(widths, width=config.projection)
        self.discriminator = MultiscaleDiscriminator(
            3, config.discriminator_channels, config.discriminator_layers, scales=1
        )
        betas = (0.5, 0.999)
        self.phases = (
            Phase(
                name="discriminator",
                trains=("discriminator",),
                loss=self.discriminator_loss,
                rate=config.discriminator_rate,
                betas=betas,
            ),
            Phase(name="generator", trains=("translator", "projector"), loss=self.generator_loss, betas=betas),
        )

    def rule(self, tap: str) -> QuerySelection:
        """By which rule the patches of a feature are compared."""
        if tap.startswith("block_"):
            return self.config.selection
        return dataclasses.replace(RULES["cut"], count=self.config.selection.count)

    def discriminator_loss(self, batch: UnpairedBatch) -> dict[str, Tensor]:
        """Targets are real, translations are not; the mean of both errors."""
        with torch.no_grad():
            fake = self.translator(batch.source)
        real, judged = self.discriminator(batch.target), self.discriminator(fake)
        return {"adversarial": 0.5 * least_squares_discriminator(real, judged)}

    def generator_loss(self, batch: UnpairedBatch) -> dict[str, Tensor]:
        """The discriminator's opinion, and how well patches of translations tell which patch they came from."""
        fake, source = self.translator.with_features(batch.source, self.config.taps)
        terms = {
            "adversarial": self.config.adversarial * least_squares_generator(self.discriminator(fake)),
            "contrastive": self.config.contrastive
            * self.contrast(source, self.translator.features(fake, self.config.taps)),
        }
        if self.config.change:
            terms["change"] = self.config.change * (fake - batch.source).abs().mean()
        if self.config.identity:
            same, target = self.translator.with_features(batch.target, self.config.taps)
            features = self.translator.features(same, self.config.taps)
            terms["identity"] = self.config.identity * self.contrast(target, features)
        return terms

    def contrast(
        self, source: Mapping[str, Float[Tensor, "b _ _ _"]], translation: Mapping[str, Float[Tensor, "b _ _ _"]]
    ) -> Float[Tensor, ""]:
        """The contrastive loss of features by name: its mean over the patches of each, and the mean of these."""
        pairs = self.pairs(source, translation)
        with torch.no_grad():
            keys = self.projector([pair.source for pair in pairs])
        queries = self.projector([pair.translation for pair in pairs])
        losses = [
            patch_nce(query, key, temperature=self.config.temperature).mean()
            for query, key in zip(queries, keys, strict=True)
        ]
        return torch.stack(losses).mean()

    def pairs(
        self, source: Mapping[str, Float[Tensor, "b _ _ _"]], translation: Mapping[str, Float[Tensor, "b _ _ _"]]
    ) -> list[PatchPairs]:
        """What is compared of the features, tap by tap."""
        return [self.rule(name).pair(source[name], translation[name]) for name in self.config.taps]

    def batches(self, source: TryOnSource, config: TrainConfig) -> Callable[[int], Iterator[UnpairedBatch]]:
        """Endless batches of both domains; an epoch is as many as the split has people of either.

        Raises:
            ValueError: for a source that is not the world.
        """
        domains = Domains(source, self.config.pattern)
        self.train_examples = min(self.config.cached_examples or domains.size("train"), domains.size("train"))
        if self.config.cached_examples:
            pool = domains.paired("train", torch.arange(self.train_examples))
            return partial(_drawn, pool, config)
        return TrainingBatches(domains, config.batch_size, config.seed)

    def examples(self, source: TryOnSource, count: int) -> UnpairedBatch:
        """The first people of both domains of the test split."""
        return Domains(source, self.config.pattern).paired("test", range(count))

    def sample(self, batch: UnpairedBatch) -> tuple[Float[Tensor, "n 3 h w"], ...]:
        """Source, translation, and somebody of the target domain."""
        return batch.source, self.translator(batch.source), batch.target

    def save(self, folder: Path) -> None:
        """The pipeline, as ``TranslationPipeline.from_pretrained`` reads it."""
        TranslationPipeline(translator=self.translator).save_pretrained(folder)


def _drawn(pool: UnpairedBatch, config: TrainConfig, start: int) -> Iterator[UnpairedBatch]:
    """Endless batches of examples drawn from a pool, from step ``start`` on."""
    draw = torch.Generator().manual_seed(config.seed)
    for step in itertools.count():
        rows = torch.randint(len(pool.index), (config.batch_size,), generator=draw)
        if step >= start:
            yield pool[rows]
