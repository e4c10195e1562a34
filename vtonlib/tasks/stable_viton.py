"""Training a StableVITON: noise the person's latents, let the model undo it, look only at what must be painted.

Book: sec-zero-cross-attention.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.config import TrainConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import TryOnSource, training_batches
from vtonlib.losses.diffusion import denoising
from vtonlib.models.autoencoder import load_autoencoder
from vtonlib.models.image_encoder import ImageEncoder
from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline
from vtonlib.settings import Count, Natural, Settings, Share, Weight
from vtonlib.tasks.base import Phase, Task
from vtonlib.tasks.latents import LatentBatch, LatentSource, encode_batch


@dataclass(frozen=True, kw_only=True, slots=True)
class StableVITONConfig(Settings):
    """Shape of the model and of its loss."""

    block_out_channels: tuple[Count, ...] = (64, 128)
    """Channels by level of the U-Net; each after the first halves the size."""
    layers_per_block: Count = 1
    """Residual blocks of a level."""
    attention_levels: tuple[bool, ...] = (True, True)
    """Which levels attend."""
    num_attention_heads: Count = 4
    """Attention heads."""
    cross_attention_dim: Count = 64
    """Width of the garment's token."""
    norm_num_groups: Count = 8
    """Groups of the group norms."""
    keys_see: Literal["garment", "place"] = "garment"
    """What the keys of zero cross-attention are made of; ``place`` trains the blind twin."""
    drop_token: Share = 0.1
    """Probability, for each sample, of replacing the garment's token by the null vector (StableVITON's code: 0.2, for
    the whole batch at once)."""
    keep_weight: Weight = 0.1
    """Weight of the loss where nothing has to be painted."""
    cached_examples: Natural = 0
    """Train on the latents of this many examples, computed once (see ``LatentSource``); 0: on all, computed at every
    step."""
    autoencoder: str = ""
    """Folder of the autoencoder; empty: the shipped one."""


def new_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise levels, predicting the clean latents and ending in pure noise.

    Stable Diffusion predicts the noise. A small model that must find out *where* to copy from learns nothing from
    that in minutes: at low noise the answer hides in the input, at high noise the target is the input.
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


class StableVITONTask(Task):
    """One phase, ``denoiser``: the whole network is trained from scratch, the autoencoder stays as it is."""

    averaged = ("unet", "image_encoder")

    def __init__(self, config: StableVITONConfig) -> None:
        super().__init__()
        self.config = config
        self.autoencoder: AutoencoderKL = (
            load_autoencoder(Path(config.autoencoder)) if config.autoencoder else load_autoencoder()
        )
        self.unet = StableVITONUNet(
            block_out_channels=config.block_out_channels,
            layers_per_block=config.layers_per_block,
            attention_levels=config.attention_levels,
            num_attention_heads=config.num_attention_heads,
            cross_attention_dim=config.cross_attention_dim,
            norm_num_groups=config.norm_num_groups,
            keys_see=config.keys_see,
        )
        self.image_encoder = ImageEncoder(cross_attention_dim=config.cross_attention_dim)
        self.scheduler = new_scheduler()
        self.phases = (Phase(name="denoiser", trains=("unet", "image_encoder"), loss=self.denoiser_loss),)

    def denoiser_loss(self, batch: TryOnBatch | LatentBatch) -> dict[str, Tensor]:
        """The squared error of the predicted clean latents, mostly where the garment has to be painted."""
        latents = batch if isinstance(batch, LatentBatch) else encode_batch(self.autoencoder, batch)
        person, conditions = latents.person, latents.conditions
        time = self.sample_timesteps(len(person), person.device)
        noisy = self.scheduler.add_noise(person, torch.randn_like(person), time)
        drop = torch.rand(len(person), device=person.device) < self.config.drop_token
        token = self.image_encoder(conditions.garment, drop=drop)
        features = self.unet.encode_garment(conditions.garment, token)
        prediction = self.unet(conditions.inputs(noisy), time, token, features)
        weight = 1 - (1 - self.config.keep_weight) * conditions.keep
        return {"denoise": denoising(prediction, person, weight)}

    def batches(self, source: TryOnSource, config: TrainConfig) -> Callable[[int], Iterator[TryOnBatch | LatentBatch]]:
        """Batches of ``source``, or of the latents of its first examples."""
        if not self.config.cached_examples:
            return super().batches(source, config)
        cached = LatentSource(source, self.autoencoder, self.config.cached_examples)
        self.train_examples = source.size("train")
        return lambda start: training_batches(cached, batch_size=config.batch_size, seed=config.seed, start=start)

    def sample_timesteps(self, count: int, device: torch.device) -> Int[Tensor, " b"]:
        """Noise levels drawn towards pure noise (1 - u^2), where the garment must be looked up, not cleaned up."""
        drawn = 1 - torch.rand(count, device=device) ** 2
        return (
            (drawn * self.scheduler.config.num_train_timesteps)
            .long()
            .clamp_max(self.scheduler.config.num_train_timesteps - 1)
        )

    def pipeline(self) -> TryOnDiffusionPipeline:
        """The pipeline around the current weights."""
        return TryOnDiffusionPipeline(
            autoencoder=self.autoencoder,
            image_encoder=self.image_encoder,
            unet=self.unet,
            scheduler=self.scheduler,
        )

    def sample(self, batch: TryOnBatch) -> tuple[Float[Tensor, "n 3 h w"], ...]:
        """Garment, agnostic image, result (always from the same noise) and truth."""
        pipeline = self.pipeline()
        pipeline.set_progress_bar_config(disable=True)
        result = pipeline(
            garment=batch.garment,
            agnostic=batch.agnostic,
            agnostic_mask=batch.agnostic_mask,
            dense_pose=batch.dense_pose,
            num_inference_steps=10,
            generator=torch.Generator().manual_seed(0),
        ).images
        return batch.garment, batch.agnostic, result, batch.person

    def save(self, folder: Path) -> None:
        """The pipeline, as ``TryOnDiffusionPipeline.from_pretrained`` reads it."""
        self.pipeline().save_pretrained(folder)
