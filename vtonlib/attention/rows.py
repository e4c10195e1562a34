"""Some rows of an attention: those inside a mask, and what is known of each.

Book: sec-attention-total-variation.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from vtonlib.attention.record import AttentionRecord
from vtonlib.shares import counted


class MaskedRows(NamedTuple):
    """The queries of a record inside a mask; samples with fewer of them are filled up with others, of weight 0."""

    record: AttentionRecord
    """The attention of these queries alone."""
    tokens: Int[Tensor, "b m"]
    """Their numbers in the whole record."""
    weight: Float[Tensor, "b m"]
    """The mask's value at each; gradients reach the mask at these only."""
    whole: AttentionRecord
    """The record that they are taken from."""

    def mean(self, values: Float[Tensor, "b m"]) -> Float[Tensor, ""]:
        """The weighted mean over all rows of the batch; 0 with gradient 0 where the mask is empty."""
        total = counted(self.weight.sum()).clamp_min(torch.finfo(values.dtype).tiny)
        return (values * self.weight).sum() / total + self._nothing()

    def scatter(self, values: Float[Tensor, "b m e"]) -> Float[Tensor, "b h w e"]:
        """The values in their places on the lattice of all queries; 0 elsewhere."""
        field = values.new_zeros(len(values), self.whole.query_grid.tokens, values.shape[-1])
        index = self.tokens[..., None].expand(-1, -1, values.shape[-1])
        return (field.scatter(1, index, values) + self._nothing()).unflatten(1, self.whole.query_grid)

    def _nothing(self) -> Float[Tensor, ""]:
        """0, whose gradient is 0 and not missing where no row was chosen."""
        if self.tokens.numel():
            return self.weight.new_zeros(())
        return self.whole.query.flatten()[:0].sum() + self.whole.key.flatten()[:0].sum()  # sums nothing: no overflow


def masked_rows(record: AttentionRecord, mask: Float[Tensor, "b 1 h w"]) -> MaskedRows:
    """The rows of ``record`` where ``mask`` is above 0.

    Raises:
        ValueError: where the mask is not on the lattice of the queries, or holds what is no weight.
    """
    if mask.shape != (expected := (len(record.query), 1, *record.query_grid)):
        raise ValueError(f"mask is {tuple(mask.shape)}, but the queries of '{record.name}' want {expected}")
    weights = mask.flatten(1).to(torch.promote_types(record.query.dtype, torch.float32))
    most, wrong = 0, 0
    if weights.numel():  # one look at the numbers, for which a GPU has to be waited for
        most, wrong = torch.stack([(weights > 0).sum(1).max(), (~(weights >= 0)).sum()]).tolist()
    if wrong:
        raise ValueError(f"mask of '{record.name}' holds negative numbers or NaN: expected weights, 0 or more")
    weight, index = weights.topk(most, dim=1)
    return MaskedRows(record.gather(index), index, weight, record)


def head_mean_entropy(record: AttentionRecord, *, rows_per_chunk: int = 256) -> Float[Tensor, "b nq"]:
    """Entropy of every row of the head-mean map, in nats, between 0 and ln nk.

    It has no closed form in queries and keys, so the map is made after all, some rows at a time; in the backward pass
    each part is computed again instead of being kept.

    Book: sec-entropy.
    """
    rows = torch.arange(record.query.shape[2], device=record.query.device)
    parts = [checkpoint(_rows_entropy, record, chunk, use_reentrant=False) for chunk in rows.split(rows_per_chunk)]
    return torch.cat(parts, dim=1) if parts else record.query.new_zeros(len(record.query), 0)


def _rows_entropy(record: AttentionRecord, rows: Int[Tensor, " m"]) -> Float[Tensor, "b m"]:
    weights = record.weights(rows.expand(len(record.query), -1)).mean(1)
    return -(weights * weights.clamp_min(torch.finfo(weights.dtype).tiny).log()).sum(-1)
