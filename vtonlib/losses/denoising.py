"""Total-variation denoising: the nearest field whose neighbours differ little. What the loss on attention grew out of.

Book: sec-variation-of-signals.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def denoise(
    field: Float[Tensor, "b h w e"], mask: Float[Tensor, "b 1 h w"], strength: float, *, steps: int = 400
) -> Float[Tensor, "b h w e"]:
    """The field y that makes 1/2 sum (y - x)^2 + strength * sum over pairs of neighbours |y_k - y_i| least.

    A signal is a field of one row, a picture one of several, a map of centres one with two numbers at each place; each
    number is treated by itself. A pair counts where both its ends are inside ``mask``; outside nothing changes.

    Every pair has a price between minus and plus ``strength`` by which its two ends are drawn together, and
    accelerated projected gradient steps find the prices (the dual problem; Beck and Teboulle, 2009).

    Args:
        field: what is given, x.
        mask: 1 = inside.
        strength: 0 leaves the field alone; a large one leaves the mean of each connected part of the mask.
        steps: of the optimisation.

    Raises:
        ValueError: for a negative strength, or a mask on another lattice.

    Equations: eq-denoising, eq-denoising-dual. Book: sec-variation-of-signals.
    """
    if strength < 0:
        raise ValueError(f"strength is {strength}: expected 0 or more")
    if mask.shape != (expected := (len(field), 1, *field.shape[1:3])):
        raise ValueError(f"mask is {tuple(mask.shape)}: expected {expected}, the field's lattice")
    inside = (mask > 0.5).movedim(1, -1)
    pairs = [(inside.narrow(d, 1, field.shape[d] - 1) & inside.narrow(d, 0, field.shape[d] - 1)) for d in (1, 2)]
    prices = [torch.zeros_like(field.diff(dim=d)) for d in (1, 2)]
    ahead, momentum = prices, 1.0
    for _ in range(steps):
        differences = [_drawn(field, ahead).diff(dim=d) for d in (1, 2)]
        new = [
            ((price + change / 8).clamp(-strength, strength) * both)
            for price, change, both in zip(ahead, differences, pairs, strict=True)
        ]
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = [n + (momentum - 1) / following * (n - p) for n, p in zip(new, prices, strict=True)]
        prices, momentum = new, following
    return _drawn(field, prices)


def _drawn(field: Float[Tensor, "b h w e"], prices: list[Tensor]) -> Float[Tensor, "b h w e"]:
    """The field, each pair drawn together by its price."""
    zero = torch.zeros_like
    for d, price in zip((1, 2), prices, strict=True):
        edge = zero(field.narrow(d, 0, 1))
        field = field + torch.cat((price, edge), d) - torch.cat((edge, price), d)
    return field
