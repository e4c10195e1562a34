"""How StableVITON's released code brings masks to other sizes, for whoever wants its numbers.

Everything else here uses the share of a token that a mask covers (:func:`vtonlib.grids.resize_mask`), which loses no
pixel and needs no threshold.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vtonlib.grids import resize_nearest, warp


def released_keep_mask(
    agnostic_mask: Float[Tensor, "b 1 H W"], height: int, width: int
) -> Float[Tensor, "b 1 height width"]:
    """The keep-mask (1 = keep) at the latents' size: read at their centres, bilinearly, not anti-aliased.

    Eight times smaller, each value is the mean of four pixels out of 64: 0, 1/4, 1/2, 3/4 or 1 for a binary mask. (So
    resize torchvision's tensors before version 0.17, which the release pins; later versions average.)
    """

    def centres(count: int, of: int) -> Tensor:
        places = (torch.arange(count, device=agnostic_mask.device, dtype=torch.float64) + 0.5) * of / count - 0.5
        return (2 * places / max(of - 1, 1) - 1).to(agnostic_mask.dtype)

    rows, columns = (centres(n, of) for n, of in zip((height, width), agnostic_mask.shape[-2:], strict=True))
    places = torch.stack((columns.expand(height, width), rows[:, None].expand(height, width)), dim=-1)
    return 1 - warp(agnostic_mask, places.expand(len(agnostic_mask), height, width, 2))


def released_loss_mask(
    garment_region: Float[Tensor, "b 1 H W"], latent_size: tuple[int, int], lattice: tuple[int, int]
) -> Bool[Tensor, "b h w"]:
    """Where the released losses on attention act: the worn garment's region, twice resized to the nearest pixel.

    First to the latents' size, then to the attention's ``lattice``. On the way the release inverts it, compares with
    1/2 and inverts it again, so that a value of exactly 1/2 is outside.
    """
    outside = resize_nearest(resize_nearest(1 - garment_region, *latent_size), *lattice)
    return (outside < 0.5)[:, 0]
