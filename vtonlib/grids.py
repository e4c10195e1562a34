"""Coordinates, warping and masked means: the geometry that everything else shares.

One convention holds everywhere. A flow ``[b h w 2]`` says, for each *person* pixel, where in the *garment* it comes
from, as (x, y) in [-1, 1]; -1 and 1 are the centres of the first and the last pixel (``align_corners=True``). Under
this convention resizing the identity flow gives the identity flow, exactly, and Leffa's corners are (-1, -1), (1, 1).
No other module calls ``F.grid_sample``, or ``F.interpolate`` on a flow (a test holds that).
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vtonlib.shares import counted

ALIGN_CORNERS = True


def coordinate_grid(
    height: int, width: int, *, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "h w 2"]:
    """The coordinates (x, y) of each pixel centre, in [-1, 1]: the identity flow.

    A side of one pixel has the coordinate 0.

    Source: Leffa, the coordinate map C. Book: sec-flow.
    """
    if height < 1 or width < 1:
        raise ValueError(f"height and width must be at least 1, found {height}x{width}")
    y, x = (
        torch.linspace(-1, 1, n, device=device, dtype=dtype) if n > 1 else torch.zeros(1, device=device, dtype=dtype)
        for n in (height, width)
    )
    return torch.stack((x.expand(height, width), y[:, None].expand(height, width)), dim=-1)


def to_pixels(flow: Float[Tensor, "*shape 2"], height: int, width: int) -> Float[Tensor, "*shape 2"]:
    """Coordinates (or their differences) from units of [-1, 1] to steps of a ``height`` x ``width`` lattice.

    Only the scale changes, not the origin: right for differences such as end-point errors. Equation: eq-distance.
    Book: sec-world.
    """
    half = torch.tensor([(width - 1) / 2, (height - 1) / 2], device=flow.device, dtype=flow.dtype)
    return flow * half


def warp(
    image: Float[Tensor, "b c h w"],
    flow: Float[Tensor, "b H W 2"],
    *,
    mode: Literal["bilinear", "bicubic"] = "bilinear",
) -> Float[Tensor, "b c H W"]:
    """Read ``image`` at the places that ``flow`` names; outside the image its border continues.

    Between pixels it is read bilinearly, as in the papers, or bicubically, which keeps fine texture that a mean of four
    neighbours loses, and may overshoot by some percent.

    Source: Leffa, I_warp = grid_sample(I_ref, Flow). Equation: eq-warp. Book: sec-flow.
    """
    return F.grid_sample(image, flow, mode=mode, padding_mode="border", align_corners=ALIGN_CORNERS)


def resize_flow(flow: Float[Tensor, "b h w e"], height: int, width: int) -> Float[Tensor, "b H W e"]:
    """A flow, or another field of ``e`` values, on another lattice, bilinearly.

    A flow's values need no rescaling: their unit is the whole image.
    """
    if flow.shape[1:3] == (height, width):
        return flow
    resized = F.interpolate(flow.movedim(-1, 1), (height, width), mode="bilinear", align_corners=ALIGN_CORNERS)
    return resized.movedim(1, -1)


def resize_image(image: Float[Tensor, "b c h w"], height: int, width: int) -> Float[Tensor, "b c H W"]:
    """An image at another size, bilinearly and anti-aliased, as image editors do it (pixels are areas here)."""
    if image.shape[-2:] == (height, width):
        return image
    precise = image.float() if image.dtype in (torch.float16, torch.bfloat16) else image  # CPUs resize no others
    resized = F.interpolate(precise, (height, width), mode="bilinear", align_corners=False, antialias=True)
    return resized.to(image.dtype)


def resize_mask(mask: Float[Tensor, "b c h w"], height: int, width: int) -> Float[Tensor, "b c H W"]:
    """The fraction of each new pixel that the mask covers (area average); enlarged masks keep hard edges."""
    if mask.shape[-2:] == (height, width):
        return mask
    if height <= mask.shape[-2] and width <= mask.shape[-1]:
        return F.adaptive_avg_pool2d(mask, (height, width))
    return F.interpolate(mask, (height, width), mode="nearest-exact")


def resize_nearest(x: Float[Tensor, "b c h w"], height: int, width: int) -> Float[Tensor, "b c H W"]:
    """Another size without new values: row i of the result is row floor(i * h / H) of ``x``, columns likewise.

    For label maps, and for the doublings of generators. Book: sec-conditional-normalization.
    """
    return x if x.shape[-2:] == (height, width) else F.interpolate(x, (height, width), mode="nearest")


def masked_mean(x: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, ""]:
    """The mean of ``x`` over channels and the pixels of ``mask``, weighted by it, over the whole batch.

    An empty mask gives 0 with gradient 0, not NaN. Where processes share the batch, the mean of their results
    is the batch's (:func:`vtonlib.shares.counted`). Equation: eq-masked-mean. Book: sec-how-to-use.
    """
    weight = mask.to(x.dtype)
    return (x * weight).sum() / (counted(weight.sum()) * x.shape[1]).clamp_min(torch.finfo(x.dtype).tiny)


def masked_mean_per_sample(x: Float[Tensor, "b c h w"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, " b"]:
    """:func:`masked_mean` of each sample alone; a sample whose mask is empty gives 0 with gradient 0."""
    mask = mask.to(x.dtype)
    weight = (mask.flatten(1).sum(1) * x.shape[1]).clamp_min(torch.finfo(x.dtype).tiny)
    return (x * mask).flatten(1).sum(1) / weight


def total_variation(field: Float[Tensor, "b h w e"], mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, ""]:
    """How much neighbours differ: the mean over pairs one below the other plus the mean over pairs side by side.

    A pair counts by the product of its two mask values, so differences across the mask's border count nothing; the
    absolute differences of the ``e`` components are added. Pairs are counted over the whole batch. Without any pair
    the result is 0, with gradient 0. Equation: eq-total-variation.

    Raises:
        ValueError: where the mask is not on the lattice of the field.

    Source: StableVITON's code, ``get_tvloss``, which returns NaN where there is no pair in one of the two directions.
    Book: sec-attention-total-variation.
    """
    rows, columns = field.shape[1:3]
    if mask.shape != (len(field), 1, rows, columns):
        raise ValueError(f"mask is {tuple(mask.shape)}: expected {(len(field), 1, rows, columns)}, the field's lattice")
    field = field.to(torch.promote_types(field.dtype, torch.float32))  # sums of many overflow in half precision
    total, inside = field.flatten()[:0].sum(), mask[:, 0].to(field.dtype)
    for dim, size in ((1, rows - 1), (2, columns - 1)):
        pairs = inside.narrow(dim, 1, size) * inside.narrow(dim, 0, size)
        steps = (field.narrow(dim, 1, size) - field.narrow(dim, 0, size)).abs().sum(-1)
        steps = steps.where(pairs > 0, 0)  # whatever lies outside, NaN too, counts nothing
        total = total + (pairs * steps).sum() / counted(pairs.sum()).clamp_min(torch.finfo(field.dtype).tiny)
    return total
