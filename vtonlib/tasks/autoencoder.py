"""Training the autoencoder whose latents the diffusion models live in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.models.autoencoder import new_autoencoder
from vtonlib.settings import Count, Settings, Weight
from vtonlib.tasks.base import Phase, Task


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoencoderConfig(Settings):
    """Shape of the autoencoder and of its loss."""

    block_out_channels: tuple[Count, ...] = (16, 32, 64)
    """Channels by level; each after the first halves the size."""
    kl_weight: Weight = 1e-4
    """Weight of the divergence from a standard normal, per latent value: just enough to keep the latents bounded."""


class AutoencoderTask(Task):
    """Reconstruct every kind of image that a try-on model encodes: persons, agnostic images, pose maps, garments."""

    averaged = ("autoencoder",)

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.autoencoder = new_autoencoder(config.block_out_channels)
        self.latent_power: Tensor
        self.register_buffer("latent_power", torch.ones(()))  # running mean square of the latents: their scale
        self.phases = (Phase(name="autoencoder", trains=("autoencoder",), loss=self.loss),)

    def loss(self, batch: TryOnBatch) -> dict[str, Tensor]:
        """Absolute error, and the divergence of the posterior from a standard normal.

        Raises:
            ValueError: for images whose sides the levels cannot halve.
        """
        multiple = 2 ** (len(self.config.block_out_channels) - 1)
        if any(side % multiple for side in batch.size):
            found = "x".join(map(str, batch.size))
            raise ValueError(f"images are {found}: data.height and data.width must be multiples of {multiple}")
        images = torch.cat((batch.person, batch.agnostic, batch.dense_pose, batch.garment))
        posterior = self.autoencoder.encode(images).latent_dist
        self.latent_power.lerp_(posterior.mean.detach().float().square().mean(), 0.01)
        reconstruction = self.autoencoder.decode(posterior.sample()).sample
        divergence = posterior.kl().mean() / posterior.mean[0].numel()
        return {"l1": (reconstruction - images).abs().mean(), "kl": self.config.kl_weight * divergence}

    def sample(self, batch: TryOnBatch) -> tuple[Float[Tensor, "n 3 h w"], ...]:
        """Persons and garments beside their reconstructions."""
        pairs = ((image, self.autoencoder(image).sample.clamp(-1, 1)) for image in (batch.person, batch.garment))
        return tuple(column for pair in pairs for column in pair)

    def save(self, folder: Path) -> None:
        """The autoencoder, its latents scaled to unit power, as ``load_autoencoder`` reads it."""
        self.autoencoder.register_to_config(scaling_factor=float(self.latent_power.rsqrt()))
        self.autoencoder.save_pretrained(folder)
