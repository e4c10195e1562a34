"""Training the autoencoder whose latents the diffusion models live in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.grids import coordinate_grid, masked_mean, resize_flow, warp
from vtonlib.models.autoencoder import downscale, new_autoencoder
from vtonlib.settings import Count, Settings, Share, Weight
from vtonlib.shares import drawn
from vtonlib.tasks.base import Phase, Task


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoencoderConfig(Settings):
    """Shape of the autoencoder and of its loss."""

    block_out_channels: tuple[Count, ...] = (24, 48)
    """Channels by level; each after the first halves the size."""
    moved_share: Share = 0.5
    """Probability, for each image, that its latents are moved before they are decoded: latents must move like
    pictures, since moving them is what attention does."""
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

        A share of the latent maps is moved before decoding and must give the moved image: garments as they are
        worn (by the true flow where it is known), all others by a random similarity.

        Raises:
            ValueError: for images whose sides the levels cannot halve.

        Source: Kouzelis et al. 2025 (EQ-VAE), whose moves are scalings and quarter turns.
        """
        multiple = downscale(self.autoencoder)
        if any(side % multiple for side in batch.size):
            found = "x".join(map(str, batch.size))
            raise ValueError(f"images are {found}: data.height and data.width must be multiples of {multiple}")
        images = torch.cat((batch.garment, batch.person, batch.agnostic, batch.dense_pose))
        posterior = self.autoencoder.encode(images).latent_dist
        self.latent_power.lerp_(posterior.mean.detach().float().square().mean(), 0.01)
        flow, known = self.moves(batch, len(images))
        noise = drawn(lambda rows: torch.randn(rows, *posterior.mean.shape[1:], device=images.device), len(images))
        latents = posterior.mean + posterior.std * noise.to(posterior.mean)
        moved = warp(latents, resize_flow(flow, *latents.shape[-2:]).to(latents))
        error = (self.autoencoder.decode(moved).sample - warp(images, flow)).abs()
        divergence = posterior.kl().mean() / posterior.mean[0].numel()
        return {"l1": masked_mean(error, known), "kl": self.config.kl_weight * divergence}

    def moves(self, batch: TryOnBatch, count: int) -> tuple[Float[Tensor, "b h w 2"], Float[Tensor, "b 1 h w"]]:
        """A flow for each image, garments first, the identity for those that stay; and where it is known."""
        height, width = batch.size
        stays = (
            drawn(lambda rows: torch.rand(rows, 1, 1, 1, device=batch.person.device), count) >= self.config.moved_share
        )
        flow = random_similarities(count, height, width, device=batch.person.device)
        known = (flow.abs().amax(dim=-1) <= 1)[:, None].float()
        worn = batch.flow_mask.flatten(1).amax(dim=1) > 0
        garments = torch.arange(len(worn), device=worn.device)[worn]
        flow[garments], known[garments] = batch.flow[worn], batch.flow_mask[worn]
        still = coordinate_grid(height, width, device=flow.device)
        return torch.where(stays, still, flow), torch.where(stays, 1.0, known)

    def sample(self, batch: TryOnBatch) -> tuple[Float[Tensor, "n 3 h w"], ...]:
        """Persons and garments beside their reconstructions."""
        pairs = ((image, self.autoencoder(image).sample.clamp(-1, 1)) for image in (batch.person, batch.garment))
        return tuple(column for pair in pairs for column in pair)

    def save(self, folder: Path) -> None:
        """The autoencoder, its latents scaled to unit power, as ``load_autoencoder`` reads it."""
        self.autoencoder.register_to_config(scaling_factor=float(self.latent_power.rsqrt()))
        self.autoencoder.save_pretrained(folder)


def random_similarities(
    count: int, height: int, width: int, *, device: torch.device | None = None
) -> Float[Tensor, "count height width 2"]:
    """Flows that turn a picture by up to 30 degrees, scale it by 0.6 to 1.6 and shift it by up to a tenth of it."""
    uniform = drawn(lambda rows: torch.rand(4, rows, 1, 1, device=device), count, dim=1) * 2 - 1
    angle, scale = uniform[0] * math.radians(30), 1.6 ** uniform[1]
    x, y = coordinate_grid(height, width, device=device).unbind(-1)
    aspect = (height - 1) / (width - 1)  # turning must not shear: both axes in units of the width
    turned_x = angle.cos() * x - angle.sin() * y * aspect
    turned_y = angle.sin() * x / aspect + angle.cos() * y
    return torch.stack((turned_x / scale + 0.2 * uniform[2], turned_y / scale + 0.2 * uniform[3]), dim=-1)
