"""What a try-on denoiser is told, as latents: its input channels, in the order of each method, and the garment."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from diffusers import AutoencoderKL
from jaxtyping import Float
from torch import Tensor

from vtonlib.grids import resize_mask, resize_nearest
from vtonlib.models.autoencoder import encode
from vtonlib.models.released_masks import released_keep_mask

InputOrder = Literal["stable_viton", "leffa", "leffa_pose", "leffa_released"]
"""Orders of a denoiser's input channels; see :func:`denoiser_inputs`."""
INPUT_CHANNELS: dict[InputOrder, int] = {"stable_viton": 13, "leffa": 9, "leffa_pose": 8, "leffa_released": 12}
"""How many each has, with latents of 4 channels."""


class Conditions(NamedTuple):
    """The conditions of one batch, at latent resolution."""

    agnostic: Float[Tensor, "b 4 h w"]
    """Latent of the agnostic image."""
    keep: Float[Tensor, "b 1 h w"]
    """1 = keep, 0 = paint: Paint-by-Example's polarity, the opposite of ``TryOnBatch.agnostic_mask``."""
    dense_pose: Float[Tensor, "b 4 h w"]
    """Latent of the body's surface."""
    garment: Float[Tensor, "b 4 h w"]
    """Latent of the flat garment."""

    def inputs(self, noisy: Float[Tensor, "b 4 h w"]) -> Float[Tensor, "b 13 h w"]:
        """The denoiser's input, in StableVITON's order. Book: sec-latent-diffusion."""
        return torch.cat((noisy, self.agnostic, self.keep, self.dense_pose), dim=1)


def denoiser_inputs(
    order: InputOrder,
    noisy: Float[Tensor, "b 4 h w"],
    conditions: Conditions,
    dense_pose: Float[Tensor, "b 3 H W"] | None = None,
) -> Float[Tensor, "b _ h w"]:
    """The denoiser's input channels in one of the known orders.

    ``stable_viton``: noisy latents 4, agnostic 4, keep-mask 1, dense-pose latents 4. ``leffa``, the paper's for try-on:
    noisy 4, agnostic 4, mask 1 (1 = paint). ``leffa_pose``, the paper's for pose transfer: noisy 4, dense pose, here
    as latents 4. ``leffa_released``, for both tasks: noisy 4, mask 1, agnostic 4, dense pose 3, as pixels of the
    nearest place.

    Args:
        order: which.
        noisy: the noisy latents.
        conditions: the rest.
        dense_pose: as a picture in [-1, 1], for ``leffa_released`` alone.

    Raises:
        ValueError: for an unknown order, or one whose dense pose is missing.

    Book: sec-two-unets.
    """
    agnostic, keep, pose, _ = conditions
    if order == "stable_viton":
        return conditions.inputs(noisy)
    if order == "leffa":
        return torch.cat((noisy, agnostic, 1 - keep), dim=1)
    if order == "leffa_pose":
        return torch.cat((noisy, pose), dim=1)
    if order != "leffa_released":
        raise ValueError(f"order is {order!r}: expected one of {', '.join(get_args(InputOrder))}")
    if dense_pose is None:
        raise ValueError("dense_pose is missing: the order 'leffa_released' takes its pixels")
    pixels = resize_nearest(dense_pose.to(noisy), noisy.shape[-2], noisy.shape[-1])
    return torch.cat((noisy, 1 - keep, agnostic, pixels), dim=1)


def encode_conditions(
    autoencoder: AutoencoderKL,
    *,
    agnostic: Float[Tensor, "b 3 H W"],
    agnostic_mask: Float[Tensor, "b 1 H W"],
    dense_pose: Float[Tensor, "b 3 H W"],
    garment: Float[Tensor, "b 3 H W"],
    sample: bool = False,
    generator: torch.Generator | list[torch.Generator] | None = None,
    released_mask: bool = False,
) -> Conditions:
    """The conditions from images in [-1, 1] and the mask of what to paint (1 = paint).

    Args:
        autoencoder: makes the latents; see :func:`vtonlib.models.autoencoder.encode` for ``sample``.
        agnostic: persons with the region to paint greyed out.
        agnostic_mask: that region.
        dense_pose: body surface maps.
        garment: flat garments.
        sample: draw the latents from their posterior.
        generator: what they are drawn with; a list has one for each person.
        released_mask: resize the mask as StableVITON does (:func:`released_keep_mask`), not by area.

    Raises:
        ValueError: when the images differ in size or number, or the autoencoder cannot take their size.
    """
    named = {"agnostic": agnostic, "agnostic_mask": agnostic_mask, "dense_pose": dense_pose, "garment": garment}
    for name, image in named.items():
        if image.shape[-2:] != agnostic.shape[-2:] or len(image) != len(agnostic):
            raise ValueError(f"{name} is {tuple(image.shape)}, which does not fit agnostic {tuple(agnostic.shape)}")
    generators = generator * 3 if isinstance(generator, list) else generator
    images = torch.cat((agnostic, dense_pose, garment))
    latents = encode(autoencoder, images, sample=sample, generator=generators)
    agnostic_latents, pose_latents, garment_latents = latents.chunk(3)
    size = latents.shape[-2], latents.shape[-1]
    keep = released_keep_mask(agnostic_mask, *size) if released_mask else 1 - resize_mask(agnostic_mask, *size)
    return Conditions(agnostic_latents, keep, pose_latents, garment_latents)
