"""Training a StableVITON: noise the person's latents, let the model undo it, look only at what must be painted.

Book: sec-zero-cross-attention.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.models.image_encoder import ImageEncoder
from vtonlib.models.stable_viton import StableVITONUNet
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline
from vtonlib.settings import Count, Share, Weight
from vtonlib.shares import drawn
from vtonlib.tasks.base import Phase
from vtonlib.tasks.initial import begin_reading, load_initial
from vtonlib.tasks.latent_diffusion import LatentDiffusionConfig, LatentDiffusionTask
from vtonlib.tasks.latents import LatentBatch


@dataclass(frozen=True, kw_only=True, slots=True)
class StableVITONConfig(LatentDiffusionConfig):
    """Shape of the model and of its loss."""

    cross_attention_dim: Count = 64
    """Width of the garment's token."""
    control_sees: Literal["garment", "person"] = "garment"
    """What the control branch is fed with: the garment alone, or the noisy person too, as in the released code."""
    garment_network: Literal["encoder", "unet"] = "encoder"
    """What reads the garment alone: an encoder, as in the paper, or a whole UNet, whose fine maps know all of it."""
    zero_layers: Literal[1, 2] = 1
    """Layers of each block that begin at zero; the released code has two."""
    keys_see: Literal["garment", "place"] = "garment"
    """What the keys of zero cross-attention are made of; ``place`` trains the blind twin."""
    trains: Literal["all", "base", "garment"] = "all"
    """What learns: everything; the ``base`` alone, a denoiser that knows the garment by its token only, as
    Paint-by-Example does (attention to the garment stays shut); or what reads the ``garment``, with the base frozen,
    as in the paper."""
    base_rate: Weight = 1.0
    """Learning rate of the base, as a multiple of the others'."""
    drop_token: Share = 0.1
    """Probability of replacing the garment's token by the null vector (StableVITON's code: 0.2)."""
    drop_per: Literal["sample", "batch"] = "sample"
    """Whether each sample draws for itself, or the whole batch at once (StableVITON's code)."""
    drop_garment: Share = 0.0
    """Probability, for each sample, of hiding the garment from its encoder too: what guidance on it needs."""


TRAINS = {
    "all": ("unet", "image_encoder"),
    "base": ("unet.unet", "image_encoder"),
    "garment": ("unet.garment_encoder", "unet.warps", "image_encoder"),
}
"""What learns, by ``StableVITONConfig.trains``."""


class StableVITONTask(LatentDiffusionTask):
    """One phase, ``denoiser``; the autoencoder stays as it is.

    The paper's stages are runs that start from one another: a base (``trains=base``), then what reads the garment
    (``initial=BASE trains=garment``), then a fine-tuning with losses on attention.

    Raises:
        FileNotFoundError: when ``config.initial`` holds no weights.
        ValueError: when they are of another shape, or of the latents of another autoencoder.

    Book: sec-zero-cross-attention.
    """

    averaged = ("unet", "image_encoder")
    config: StableVITONConfig
    """Its settings."""

    def __init__(self, config: StableVITONConfig) -> None:
        super().__init__(config)
        self.unet = StableVITONUNet(
            block_out_channels=config.block_out_channels,
            layers_per_block=config.layers_per_block,
            attention_levels=config.attention_levels,
            num_attention_heads=config.num_attention_heads,
            cross_attention_dim=config.cross_attention_dim,
            norm_num_groups=config.norm_num_groups,
            keys_see=config.keys_see,
            control_sees=config.control_sees,
            zero_layers=config.zero_layers,
            garment_network=config.garment_network,
            carries_latents=config.carries_latents,
            patch_size=config.patch_size,
        )
        if config.carries_latents:
            self.unet.composition.sharp_teaches = config.sharp_teaches
        self.image_encoder = ImageEncoder(cross_attention_dim=config.cross_attention_dim)
        if config.initial:
            models = {"unet": self.unet, "image_encoder": self.image_encoder}
            self.initial = load_initial(Path(config.initial), self.autoencoder, **models)
            begin_reading(self.unet)
        composed = config.trains == "garment" and config.carries_latents
        self.phases = (
            Phase(
                name="denoiser",
                trains=TRAINS[config.trains] + (("unet.composition",) if composed else ()),
                loss=self.denoiser_loss,
                rates={} if config.base_rate == 1 else {"unet.unet": config.base_rate},
            ),
        )

    def denoiser_loss(self, batch: TryOnBatch | LatentBatch) -> dict[str, Tensor]:
        """The squared error of the predicted clean latents, mostly where the garment has to be painted; and the
        losses on attention."""
        latents, time, noisy = self.noised(batch)
        conditions, count = latents.conditions, len(noisy)
        inputs = conditions.inputs(noisy)
        token = self.image_encoder(conditions.garment, drop=self.dropped(count, noisy.device))
        seen = drawn(partial(torch.rand, device=noisy.device), count) >= self.config.drop_garment
        if self.config.trains == "base":
            return self.denoising(self.unet.paint(inputs, time, token), latents)
        with self.attending(latents, time, seen) as terms:
            prediction = self.predict(inputs, time, token, conditions.garment, seen)
        return self.denoising(prediction, latents) | terms

    def predict(
        self,
        inputs: Float[Tensor, "b 13 h w"],
        time: Int[Tensor, " b"],
        token: Float[Tensor, "b 1 e"],
        garment: Float[Tensor, "b 4 h w"],
        seen: Bool[Tensor, " b"],
    ) -> Float[Tensor, "b 4 h w"]:
        """The clean latents; where the garment is not ``seen``, its encoder is given zeros and the null token."""
        shown = garment * seen.view(-1, 1, 1, 1)
        told = torch.where(seen.view(-1, 1, 1), token, self.image_encoder.learnable_vector)
        return self.unet(inputs, time, token, self.unet.encode_garment(shown, told))

    def dropped(self, count: int, device: torch.device) -> Bool[Tensor, " b"]:
        """Which samples get the null token."""
        draw = partial(torch.rand, device=device)
        draws = drawn(draw, count) if self.config.drop_per == "sample" else draw(1)
        return (draws < self.config.drop_token).expand(count)

    def pipeline(self) -> TryOnDiffusionPipeline:
        """The pipeline around the current weights."""
        return TryOnDiffusionPipeline(
            autoencoder=self.autoencoder,
            image_encoder=self.image_encoder,
            unet=self.unet,
            scheduler=self.scheduler,
            default_denoising_steps=self.config.denoising_steps,
        )

    def sample(self, batch: TryOnBatch) -> tuple[Float[Tensor, "n 3 h w"], ...]:
        """Garment, agnostic image, result (always from the same noise) and truth."""
        pipeline = self.pipeline()
        pipeline.set_progress_bar_config(disable=True)
        result = pipeline(**batch.inputs, generator=torch.Generator().manual_seed(0)).images
        return batch.garment, batch.agnostic, result, batch.person

    def save(self, folder: Path) -> None:
        """The pipeline, as ``TryOnDiffusionPipeline.from_pretrained`` reads it."""
        self.pipeline().save_pretrained(folder)
