"""Training a Leffa: two UNets that learn together, and in the last stage the loss on what one reads of the other.

Book: sec-two-unets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.models.conditions import INPUT_CHANNELS, denoiser_inputs
from vtonlib.models.leffa import LeffaUNet
from vtonlib.pipelines.leffa import LeffaPipeline
from vtonlib.settings import Count, Range, Share
from vtonlib.shares import drawn
from vtonlib.tasks.base import Phase
from vtonlib.tasks.initial import load_initial
from vtonlib.tasks.latent_diffusion import LatentDiffusionConfig, LatentDiffusionTask
from vtonlib.tasks.latents import LatentBatch
from vtonlib.tasks.supervision import Following, Shaping, Supervision

ATTENTIONS = "unet.unet.*.attn1.core"
"""The painting UNet's self-attentions, whose last keys are the reference's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeffaConfig(LatentDiffusionConfig):
    """Shape of the model and of its loss."""

    order: Literal["stable_viton", "leffa", "leffa_pose"] = "leffa"
    """What the painting UNet is given, see :func:`vtonlib.models.conditions.denoiser_inputs`: for try-on StableVITON's
    13 channels, which tell the body's surface, or the paper's 9; for pose transfer the paper's 8."""
    transformer_layers_per_block: Count = 1
    """Transformer blocks behind each residual block."""
    places_reference: bool = False
    """Whether the reference UNet is told where each latent lies."""
    keys_see: Literal["garment", "place"] = "garment"
    """What the keys of the reference are made of; ``place`` trains the blind twin."""
    drop_reference: Share = 0.1
    """Probability, for each sample, of an empty reference: what guidance compares with. It counts in no loss on
    attention."""
    guidance_scale: Annotated[float, Range(1)] = 1.0
    """Of the trained pipeline, unless it is told otherwise; 1 is none (the paper's: 2.5)."""
    supervision: Supervision = field(default_factory=lambda: Supervision(layers=ATTENTIONS))
    """Attention told the true correspondence: an upper bound, which the paper has not."""
    shaping: Shaping = field(default_factory=lambda: Shaping(layers=ATTENTIONS))
    """Losses on attention that need no truth."""
    following: Following = field(default_factory=lambda: Following(layers=ATTENTIONS))
    """Leffa's loss, on latents: the reference's, warped, against the person's."""


class LeffaTask(LatentDiffusionTask):
    """One phase, ``denoiser``, in which both UNets learn; the autoencoder stays as it is.

    The paper's stages are runs that start from one another (``initial``): low resolution, higher resolution, then
    with the loss (``following.leffa``). The loss has no parameters, so the stages' models are of one shape.

    Raises:
        FileNotFoundError: when ``config.initial`` holds no weights.
        ValueError: when they are of another shape, or of the latents of another autoencoder.

    Book: sec-two-unets.
    """

    averaged = ("unet",)
    config: LeffaConfig
    """Its settings."""

    def __init__(self, config: LeffaConfig) -> None:
        super().__init__(config)
        self.unet = self.new_unet(config)
        if config.carries_latents:
            self.unet.composition.sharp_teaches = config.sharp_teaches
        if config.initial:
            self.initial = load_initial(Path(config.initial), self.autoencoder, unet=self.unet)
        self.phases = (Phase(name="denoiser", trains=("unet",), loss=self.denoiser_loss),)

    @staticmethod
    def new_unet(config: LeffaConfig) -> LeffaUNet:
        """The untrained pair."""
        return LeffaUNet(
            in_channels=INPUT_CHANNELS[config.order],
            block_out_channels=config.block_out_channels,
            layers_per_block=config.layers_per_block,
            attention_levels=config.attention_levels,
            num_attention_heads=config.num_attention_heads,
            transformer_layers_per_block=config.transformer_layers_per_block,
            norm_num_groups=config.norm_num_groups,
            keys_see=config.keys_see,
            carries_latents=config.carries_latents,
            patch_size=config.patch_size,
            places_reference=config.places_reference,
        )

    def denoiser_loss(self, batch: TryOnBatch | LatentBatch) -> dict[str, Tensor]:
        """The squared error of the predicted clean latents, mostly where something has to be painted; and the losses
        on attention."""
        latents, time, noisy = self.noised(batch)
        seen = drawn(partial(torch.rand, device=noisy.device), len(noisy)) >= self.config.drop_reference
        reference = latents.garment * seen.view(-1, 1, 1, 1)
        inputs = denoiser_inputs(self.config.order, noisy, latents.conditions)
        with self.attending(latents, time, seen) as terms:
            prediction = self.unet(inputs, time, self.unet.encode_reference(reference, time))
        return self.denoising(prediction, latents) | terms

    def pipeline(self) -> LeffaPipeline:
        """The pipeline around the current weights."""
        return LeffaPipeline(
            autoencoder=self.autoencoder,
            unet=self.unet,
            scheduler=self.scheduler,
            order=self.config.order,
            default_denoising_steps=self.config.denoising_steps,
            default_guidance_scale=self.config.guidance_scale,
        )

    def sample(self, batch: TryOnBatch) -> tuple[Float[Tensor, "n 3 h w"], ...]:
        """Reference, agnostic image, result (always from the same noise) and truth."""
        pipeline = self.pipeline()
        pipeline.set_progress_bar_config(disable=True)
        result = pipeline(**batch.inputs, generator=torch.Generator().manual_seed(0)).images
        return batch.garment, batch.agnostic, result, batch.person

    def save(self, folder: Path) -> None:
        """The pipeline, as ``LeffaPipeline.from_pretrained`` reads it."""
        self.pipeline().save_pretrained(folder)
