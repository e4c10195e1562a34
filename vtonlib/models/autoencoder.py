"""Latents: a small KL autoencoder trained on the procedural world, whose weights are shipped.

It is diffusers' ``AutoencoderKL`` with one halving of the size instead of three, because our images are small: a
picture of 64x48 has 32x24 = 768 latents. It is trained so that latents move like pictures
(:class:`vtonlib.tasks.autoencoder.AutoencoderTask`), since moving them is what attention does.
Book: sec-latent-diffusion.
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from jaxtyping import Float
from torch import Tensor

from vtonlib.models.stored import load_stored

SHIPPED = Path(__file__).resolve().parents[1] / "weights" / "autoencoder"


def new_autoencoder(channels: tuple[int, ...] = (24, 48)) -> AutoencoderKL:
    """An untrained autoencoder: [b 3 H W] in [-1, 1] to latents [b 4 h w] and back; each channel after the first
    halves the size."""
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        layers_per_block=1,
        norm_num_groups=8,
        mid_block_add_attention=False,
        scaling_factor=1.0,
    )


def load_autoencoder(path: Path = SHIPPED) -> AutoencoderKL:
    """The autoencoder in ``path`` (the shipped one unless told), frozen, in evaluation mode.

    Raises:
        FileNotFoundError: when the folder holds no autoencoder.
        ValueError: when the autoencoder there is damaged.
    """
    if not (path / "config.json").exists():
        raise FileNotFoundError(f"{path}: no autoencoder here; train one with 'python -m vtonlib train autoencoder'")
    autoencoder = load_stored(AutoencoderKL, path).requires_grad_(False)
    autoencoder.register_to_config(_name_or_path="")  # a pipeline that is saved names no folder of this machine
    return autoencoder


def downscale(autoencoder: AutoencoderKL) -> int:
    """Pixels per latent, in each direction: 2 for the shipped autoencoder, 8 for Stable Diffusion's."""
    return 2 ** (len(autoencoder.config.block_out_channels) - 1)


@torch.no_grad()
def encode(
    autoencoder: AutoencoderKL,
    images: Float[Tensor, "b 3 H W"],
    *,
    sample: bool = False,
    generator: torch.Generator | list[torch.Generator] | None = None,
) -> Float[Tensor, "b 4 h w"]:
    """The latents of images in [-1, 1], scaled to about unit variance.

    The mode of the posterior, unless ``sample`` draws from it: StableVITON's code draws each of its four inputs, and
    the garment anew at every call, so its result depends on more than the start noise.

    Raises:
        ValueError: when a side of the images is not a multiple of :func:`downscale`.
    """
    (height, width), multiple = images.shape[-2:], downscale(autoencoder)
    if height % multiple or width % multiple:
        raise ValueError(f"images are {height}x{width}; both sides must be multiples of {multiple}")
    posterior = autoencoder.encode(images).latent_dist
    return (posterior.sample(generator) if sample else posterior.mode()) * autoencoder.config.scaling_factor


@torch.no_grad()
def decode(autoencoder: AutoencoderKL, latents: Float[Tensor, "b 4 h w"]) -> Float[Tensor, "b 3 H W"]:
    """Images in [-1, 1] (clamped) from latents."""
    return autoencoder.decode(latents / autoencoder.config.scaling_factor).sample.clamp(-1, 1)
