"""Attention total variation: neighbours in the garment's picture should look at neighbours in the garment.

Only queries inside the mask are read, and no map is made. And what the loss grew out of: the denoising of signals and
pictures.

Book: sec-attention-total-variation.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord, expected_coordinates
from vtonlib.attention.rows import masked_rows
from vtonlib.grids import to_pixels, total_variation


def centre_coordinates(
    record: AttentionRecord, mask: Float[Tensor, "b 1 h w"] | None = None
) -> Float[Tensor, "b h w 2"]:
    """The centre coordinate map: the expected key (x, y) of every query, in steps of the keys' lattice from its middle.

    The released code counts from the first key, which changes no difference, and keeps (row, column).

    Args:
        record: an attention with one lattice of keys.
        mask: queries whose centres are wanted, on the lattice of the queries; by default all. The others may hold
            anything.

    Raises:
        ValueError: for a record with several lattices of keys, or a mask on another lattice.

    A key pulls at its query's centre as far as it is away from it, by its weight: the gradient by the row's logits is
    A_ij (s_j - F_i). Equations: eq-centre-coordinates, eq-centre-units, eq-centre-gradient.

    Source: StableVITON, Eq. 4, without its division by the number of keys, which the released code leaves out too.
    Book: sec-centre-coordinates.
    """
    steps = record.key_grid
    if mask is None:
        return to_pixels(expected_coordinates(record), *steps)
    rows = masked_rows(record, mask)
    return rows.scatter(to_pixels(expected_coordinates(rows.record).flatten(1, 2), *steps))


def attention_total_variation(record: AttentionRecord, mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, ""]:
    """StableVITON's attention total variation as its code has it, before its weight of 0.001, in steps of keys.

    The total variation (see :func:`vtonlib.grids.total_variation`) of the centre coordinate map inside ``mask``. It is
    0, its least value, for attention that is uniform everywhere and for attention to one key: it makes attention
    smooth, not right. A centre is pulled by each of its neighbours alike, however far off it lies, so what it is
    content with is the median of its neighbours. Equations: eq-code-variation, eq-variation-pull.

    Args:
        record: one zero cross-attention.
        mask: 1 where the garment is worn, on the lattice of the queries. Without any pair the result is 0, with
            gradient 0; the released code returns NaN.

    Raises:
        ValueError: where ``mask`` is not on the lattice of the queries, or keys lie on several lattices.

    Source: StableVITON, Eq. 5 as released.
    Book: sec-attention-total-variation.
    """
    return total_variation(centre_coordinates(record, mask), mask)


def paper_total_variation(record: AttentionRecord, mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, ""]:
    """StableVITON's attention total variation as its paper prints it: the mean over samples of ``|grad (F M)|_1``.

    F is the centre coordinate map in [-1, 1] divided by the number of keys, and F M is 0 outside the mask, so what is
    summed contains the jumps at the mask's border: these reward centres in the middle of the garment.
    Equation: eq-paper-variation.

    Args:
        record: one zero cross-attention.
        mask: 1 where the garment is worn, on the lattice of the queries.

    Raises:
        ValueError: as :func:`attention_total_variation`.

    Source: StableVITON, Eqs. 4 and 5. Book: sec-attention-total-variation.
    """
    rows = masked_rows(record, mask)
    centres = expected_coordinates(rows.record).flatten(1, 2) / record.key_grid.tokens
    masked = rows.scatter(centres) * mask.movedim(1, -1).to(centres.dtype)
    return sum((masked.diff(dim=dim).abs().sum() for dim in (1, 2)), masked.new_zeros(())) / max(len(masked), 1)


def total_variation_denoising(
    field: Float[Tensor, "b h w e"], mask: Float[Tensor, "b 1 h w"], strength: float, *, steps: int = 400
) -> Float[Tensor, "b h w e"]:
    """The field y that makes 1/2 sum (y - x)^2 + strength * the sum of abs(y_k - y_i) over pairs of neighbours least.

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
