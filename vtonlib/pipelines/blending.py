"""Keeping what must not be painted: in pixels after the last step, in latents after each."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def blend_pixels(
    made: Float[Tensor, "b 3 h w"], agnostic: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """``made`` inside ``mask`` (1 = paint), ``agnostic`` outside; pixels with mask 0 stay as they are, bitwise.

    StableVITON's ``--repaint`` computes person * (1 - mask) + made * mask with a soft mask. The agnostic image *is*
    person * (1 - mask), since grey is 0, so that is what this adds; nothing of the hidden person is needed.

    Book: sec-latent-diffusion.
    """
    return (agnostic * (mask < 1) + made * mask).clamp(-1, 1)


def blend_latents(
    latents: Float[Tensor, "b c h w"], known: Float[Tensor, "b c h w"], keep: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b c h w"]:
    """``known`` where ``keep`` is 1, ``latents`` where it is 0, a mixture between; kept latents are ``known``, bitwise.

    Source: Avrahami et al. 2023 (blended latent diffusion); an option of StableVITON's sampler that its script does
    not use. Book: sec-latent-diffusion.
    """
    return known * keep + latents * (1 - keep)
