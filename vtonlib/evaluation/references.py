"""What pictures of a latent model can reach, and what says nothing: rows beside which its scores are read.

================================= ========================================================================
name                              image
================================= ========================================================================
person's own latents, decoded     the true person, encoded and decoded: all that the latents can hold
latents moved by truth            the same, but for the garment: the *flat* garment's latents, moved by
                                  the true flow, read bicubically. What copying by attention can reach
true person blurred four times    the true person at a quarter of the size, enlarged again
================================= ========================================================================

All keep the given pixels outside of the region to paint, as the pipeline does.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.grids import resize_image, warp

OWN, MOVED, BLURRED = "person's own latents, decoded", "latents moved by truth", "true person blurred four times"
Map = Callable[[Tensor], Tensor]
"""A function of images or latents: what encodes, what decodes."""


def latent_flow(batch: TryOnBatch, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The true flow between latents, [b height width 2], and where it holds, [b 1 height width] of 0 and 1.

    A latent stands for a block of pixels. Its flow is the mean of those that are known, and holds where more than half
    of them are; places are counted between the blocks' centres, not between the outermost pixels.
    """
    share = F.adaptive_avg_pool2d(batch.flow_mask, (height, width))
    flow = batch.flow.movedim(-1, 1) * batch.flow_mask
    mean = (F.adaptive_avg_pool2d(flow, (height, width)) / share.clamp_min(1e-6)).movedim(1, -1)
    pixels = torch.tensor([batch.size[1], batch.size[0]], device=mean.device, dtype=mean.dtype)
    latents = torch.tensor([width, height], device=mean.device, dtype=mean.dtype)
    place = ((mean + 1) / 2 * (pixels - 1) + 0.5) * latents / pixels - 0.5
    return place / (latents - 1).clamp_min(1) * 2 - 1, (share > 0.5).to(mean.dtype)


def repainted(image: Float[Tensor, "b 3 h w"], batch: TryOnBatch) -> Float[Tensor, "b 3 h w"]:
    """``image`` inside the region to paint, the given pixels outside of it: those are already weighted by the mask."""
    return batch.agnostic + image * batch.agnostic_mask


@torch.no_grad()
def reference_images(
    batch: TryOnBatch, encode: Map | None = None, decode: Map | None = None
) -> dict[str, Float[Tensor, "b 3 h w"]]:
    """The images of all references, by name; those of latents where ``encode`` and ``decode`` are given.

    Book: sec-evaluation.
    """
    height, width = batch.size
    small = resize_image(batch.person, max(1, height // 4), max(1, width // 4))
    images = {BLURRED: resize_image(small, height, width)}
    if encode is not None and decode is not None:
        own, garment = encode(batch.person), encode(batch.garment)
        flow, known = latent_flow(batch, *own.shape[-2:])
        images = {
            OWN: decode(own),
            MOVED: decode(torch.lerp(own, warp(garment, flow, mode="bicubic"), known)),
            **images,
        }
    return {name: repainted(image, batch) for name, image in images.items()}
