"""Where a picture's error pushes attention that reads latents over the short way: nearer to the truth, or anywhere?

Book: sec-what-teaches.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import Grid
from vtonlib.grids import coordinate_grid, resize_flow, resize_nearest, to_pixels, warp


class Pushes(NamedTuple):
    """Down the error of what a look has read, by tilting its logits along x and y; steps are tokens."""

    soft: Float[Tensor, "b n 2"]
    """What the mean of the latents teaches."""
    sharp: Float[Tensor, "b n 2"]
    """What the latents at the expected place teach."""

    @property
    def both(self) -> Float[Tensor, "b n 2"]:
        """What a look is taught where both teach."""
        return self.soft + self.sharp


def reading_pushes(
    logits: Float[Tensor, "b n n"], latents: Float[Tensor, "b z H W"], wanted: Float[Tensor, "b z H W"], tokens: Grid
) -> Pushes:
    """The parts of one gradient: of the squared error of (soft + sharp) / 2, the short way as it begins.

    A look is *tilted* by adding t . G_j to its logits, G_j the place of key j in tokens; returned is the derivative by
    t of half the squared error, downwards, once through each reading. Queries and keys share a lattice of ``tokens``,
    whose sides divide those of the latents.

    Raises:
        ValueError: where logits or latents do not fit the tokens.

    Equation: eq-reading-pushes. Book: sec-what-teaches.
    """
    size, steps = latents.shape[-2:], (latents.shape[-2] // tokens.height, latents.shape[-1] // tokens.width)
    if logits.shape[-1] != tokens.tokens or size != (tokens.height * steps[0], tokens.width * steps[1]) or 0 in steps:
        raise ValueError(
            f"looks at {logits.shape[-1]} keys and latents of {size[0]}x{size[1]} do not fit tokens of "
            f"{tokens.height}x{tokens.width}: expected {tokens.tokens} keys, and latents of a multiple of that size"
        )
    with torch.enable_grad():
        logits = logits.detach().requires_grad_()
        weights, places = logits.softmax(-1), coordinate_grid(*tokens, device=logits.device, dtype=logits.dtype)
        means = torch.nn.functional.avg_pool2d(latents, steps)
        soft = resize_nearest((weights @ means.flatten(2).mT).mT.unflatten(2, tokens), *size)
        flow = (weights @ places.flatten(0, 1)).unflatten(1, tokens)
        sharp = warp(latents, resize_flow(flow, *size), mode="bicubic")
        error = ((soft + sharp) / 2 - wanted).detach()
        slopes = [torch.autograd.grad((error * y).sum() / 2, logits, retain_graph=True)[0] for y in (soft, sharp)]
    return Pushes(*(-(slope @ to_pixels(places, *tokens).flatten(0, 1)) for slope in slopes))


def round_looks(centres: Float[Tensor, "b n 2"], tokens: Grid, width: float) -> Float[Tensor, "b n k"]:
    """Logits of looks of a bell's shape about ``centres`` (in [-1, 1]); its deviation is ``width`` tokens."""
    places = to_pixels(coordinate_grid(*tokens, device=centres.device, dtype=centres.dtype), *tokens).flatten(0, 1)
    away = to_pixels(centres, *tokens)[:, :, None] - places
    return -away.square().sum(-1) / (2 * width**2)
