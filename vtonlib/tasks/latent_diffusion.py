# budget: half are settings, each explained where it stands
"""What trainings of latent diffusion models have in common: noise the latents, undo it, look where to paint.

Book: sec-latent-diffusion.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vtonlib.config import TrainConfig
from vtonlib.data.augment import Augmentation, varied
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import TrainingBatches, TryOnSource
from vtonlib.losses.diffusion import denoising
from vtonlib.models.autoencoder import load_autoencoder
from vtonlib.settings import Count, Natural, Settings, Share, Weight
from vtonlib.shares import drawn, noise_like
from vtonlib.tasks.base import Task
from vtonlib.tasks.latents import LatentBatch, LatentSource, dense_pose_of, encode_batch
from vtonlib.tasks.supervision import Following, Shaping, Supervision, follow, observe, shape, supervise


@dataclass(frozen=True, kw_only=True, slots=True)
class LatentDiffusionConfig(Settings):
    """Shape of a denoiser that attends to a reference, and of its loss."""

    block_out_channels: tuple[Count, ...] = (64, 128)
    """Channels by level of the U-Net; each after the first halves the size."""
    layers_per_block: Count = 1
    """Residual blocks of a level."""
    attention_levels: tuple[bool, ...] = (True, True)
    """Which levels attend."""
    num_attention_heads: Count = 4
    """Attention heads."""
    norm_num_groups: Count = 8
    """Groups of the group norms."""
    carries_latents: bool = False
    """Whether the finest blocks carry the reference's latents to the output over a short way, see ``Composition``."""
    sharp_teaches: bool = False
    """Whether attention also learns from where the short way reads sharply, see ``Composition.sharp_teaches``."""
    patch_size: Count = 1
    """Rows and columns of latents in one token."""
    initial: str = ""
    """Run or pipeline folder whose weights training starts from, at any image size; empty: from scratch."""
    pure_noise: Share = 0.0
    """Probability, for each sample, of the highest noise level, where nothing of the person is left to clean up."""
    supervision: Supervision = field(default_factory=Supervision)
    """Attention told the true correspondence."""
    shaping: Shaping = field(default_factory=Shaping)
    """Losses on attention that need no truth."""
    following: Following = field(default_factory=Following)
    """Leffa's loss, on latents: the reference's, warped, against the person's."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    """Variants of the examples; those of ``cached_examples`` are drawn once, see ``cached_copies``."""
    keep_weight: Weight = 0.1
    """Weight of the loss where nothing has to be painted."""
    cached_examples: Natural = 0
    """Train on the latents of this many examples, computed once (see ``LatentSource``); 0: on all, computed at every
    step."""
    cached_copies: Count = 1
    """Variants of each cached example, where there is augmentation."""
    denoising_steps: Count = 20
    """Of the trained pipeline, unless it is told otherwise; how many are best depends on the training."""
    autoencoder: str = ""
    """Folder of the autoencoder; empty: the shipped one."""


def new_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise levels, predicting the clean latents and ending in pure noise.

    Stable Diffusion predicts the noise. At high noise, where all of the garment must be looked up, the noise is nearly
    the input itself: predicting it asks little of attention. And of pure noise, where sampling starts here, a predicted
    noise gives no picture at all.
    """
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="sample",
        clip_sample=False,
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )


class LatentDiffusionTask(Task):
    """A denoiser of latents, and the autoencoder they come from, which stays as it is."""

    def __init__(self, config: LatentDiffusionConfig) -> None:
        super().__init__()
        self.config = config
        self.autoencoder: AutoencoderKL = (
            load_autoencoder(Path(config.autoencoder)) if config.autoencoder else load_autoencoder()
        )
        self.scheduler = new_scheduler()

    def noised(
        self, batch: TryOnBatch | LatentBatch
    ) -> tuple[LatentBatch, Int[Tensor, " b"], Float[Tensor, "b 4 h w"]]:
        """The latents of a batch, a noise level for each sample, and the person's latents noised to it."""
        latents = batch if isinstance(batch, LatentBatch) else encode_batch(self.autoencoder, batch)
        person = latents.person
        time = self.sample_timesteps(len(person), person.device)
        return latents, time, self.scheduler.add_noise(person, noise_like(person), time)

    def denoising(self, prediction: Float[Tensor, "b 4 h w"], latents: LatentBatch) -> dict[str, Tensor]:
        """The squared error of the predicted clean latents, mostly where something has to be painted."""
        weight = 1 - (1 - self.config.keep_weight) * latents.keep
        return {"denoise": denoising(prediction, latents.person, weight)}

    @contextmanager
    def attending(
        self, latents: LatentBatch, time: Int[Tensor, " b"], seen: Bool[Tensor, " b"]
    ) -> Iterator[dict[str, Tensor]]:
        """The weighted losses on what the attentions do within the block, filled in at its end.

        Samples whose reference was not ``seen`` have no correspondence: they count in none.
        """
        config, shown = self.config, seen.view(-1, 1, 1, 1)
        terms: dict[str, Tensor] = {}
        with observe(self, config.supervision, config.shaping, config.following) as (told, shaped, followed):
            yield terms
        terms |= supervise(config.supervision, told, latents.flow, latents.flow_mask * shown, time)
        terms |= shape(config.shaping, shaped, latents.worn * shown, time)
        terms |= follow(config.following, followed, (latents.garment, latents.person), latents.worn * shown, time)

    def batches(self, source: TryOnSource, config: TrainConfig) -> TrainingBatches[Any]:
        """Batches of ``source``, or of the latents of its first examples; augmented, if that is asked for."""
        augmentation, seed = self.config.augmentation, config.seed
        self.train_examples = source.size("train")
        if self.config.cached_examples:
            cached = LatentSource(
                source,
                self.autoencoder,
                self.config.cached_examples,
                augmentation=augmentation,
                copies=self.config.cached_copies,
                seed=seed,
            )
            return TrainingBatches(cached, config.batch_size, seed)
        plain = TrainingBatches(source, config.batch_size, seed)
        if not augmentation.active:
            return plain
        vary = partial(varied, settings=augmentation, seed=seed, dense_pose=dense_pose_of(source))
        return replace(plain, vary=vary)

    def sample_timesteps(self, count: int, device: torch.device) -> Int[Tensor, " b"]:
        """Noise levels drawn towards pure noise (1 - u^2), where the garment must be looked up, not cleaned up; and
        pure noise itself for a share of them."""
        last = self.scheduler.config.num_train_timesteps - 1
        draw = partial(torch.rand, device=device)
        time = ((1 - drawn(draw, count) ** 2) * (last + 1)).long().clamp_max(last)
        if not self.config.pure_noise:
            return time
        return torch.where(drawn(draw, count) < self.config.pure_noise, last, time)
