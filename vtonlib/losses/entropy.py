"""Entropy of attention as a loss: a row should look at one place, wherever that is.

Book: sec-entropy.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord
from vtonlib.attention.rows import head_mean_entropy, masked_rows


def attention_entropy(record: AttentionRecord, mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, ""]:
    """The mean entropy of the rows inside ``mask``, each head by itself, in nats between 0 and ln nk.

    Args:
        record: an attention, its graph kept.
        mask: the weight of each query, 1 where the garment is worn; all 0 gives 0 with gradient 0. A mask multiplied
            into the map would do something else: rows of zeros have entropy 0, so it would only change the divisor.

    Raises:
        ValueError: where ``mask`` is not on the lattice of the queries.

    Its gradient by a row's logits is -A_ij (ln A_ij + H_i): lowered, a key gains where its weight is above exp(-H_i).
    Equations: eq-entropy-loss, eq-entropy-gradient.

    Source: notes on StableVITON, which give no formula; neither its paper nor its code has this loss.
    Book: sec-entropy.
    """
    rows = masked_rows(record, mask)
    return rows.mean(rows.record.entropy().mean(1))


def mean_map_entropy(record: AttentionRecord, mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, ""]:
    """The mean entropy of the rows of the head-mean map inside ``mask``, in nats between 0 and ln nk.

    Never less than :func:`attention_entropy`, by the Jensen-Shannon divergence of the heads: to make it small, heads
    must agree too.

    Args:
        record: an attention, its graph kept.
        mask: as in :func:`attention_entropy`.

    Raises:
        ValueError: where ``mask`` is not on the lattice of the queries.

    Equation: eq-head-disagreement. Book: sec-entropy.
    """
    rows = masked_rows(record, mask)
    return rows.mean(head_mean_entropy(rows.record))
