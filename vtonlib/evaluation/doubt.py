"""Is a query that is sure also right? And what sharpening without learning anything brings.

Book: sec-sure-and-right.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord, expected_coordinates, nearest_coordinates
from vtonlib.attention.rows import masked_rows
from vtonlib.data.batch import TryOnBatch
from vtonlib.evaluation.correspondence import truth_on_lattice
from vtonlib.evaluation.dispersion import partial_rank_correlation, spread_in_tokens
from vtonlib.grids import to_pixels

QUARTER = 0.25
"""Share of the queries that are called the surest, and of those that are called the least sure."""
COLDEST, HOTTEST = 1 / 64, 64.0
"""Temperatures between which one is looked for."""
HALVINGS = 40


class Doubts(NamedTuple):
    """What is known of every query whose true place is known, of all samples one after another."""

    entropy: Float[Tensor, " n"]
    """The mean over heads of the entropies of its rows, in nats."""
    spread: Float[Tensor, " n"]
    """The spread of its row of the head-mean map, in tokens."""
    error: Float[Tensor, " n"]
    """How far its expected place is from the true one, in tokens."""
    strongest: Float[Tensor, " n"]
    """How far its strongest key is from the true place, in tokens."""


@torch.no_grad()
def doubts(record: AttentionRecord, batch: TryOnBatch) -> Doubts:
    """How sure the queries of a record are, and how far off.

    Raises:
        ValueError: for a record with several lattices of keys.

    Book: sec-sure-and-right.
    """
    truth, mask = truth_on_lattice(batch.flow, batch.flow_mask, *record.query_grid)
    known, lattice = mask[:, 0] > 0.5, record.key_grid

    def off(places: Float[Tensor, "b h w 2"]) -> Float[Tensor, " n"]:
        return to_pixels(places - truth, *lattice).norm(dim=-1)[known]

    return Doubts(
        entropy=record.entropy().mean(1)[known.flatten(1)],
        spread=spread_in_tokens(record)[known.flatten(1)],
        error=off(expected_coordinates(record)),
        strongest=off(nearest_coordinates(record)),
    )


def doubt_scores(record: AttentionRecord, batch: TryOnBatch) -> dict[str, float]:
    """Whether the sure queries of a record are the right ones.

    ``doubt_rank`` is the rank correlation of entropy and error, ``doubt_rank_strongest`` that of entropy and the error
    of the strongest key, ``spread_rank`` that of spread and error; ``surest`` and ``unsurest`` are the mean errors of
    the quarter of the queries with the lowest entropy and of that with the highest, in tokens.

    Book: sec-sure-and-right.
    """
    found = doubts(record, batch)
    order = found.entropy.argsort()
    count = max(1, round(QUARTER * len(order)))
    return {
        "doubt_rank": partial_rank_correlation(found.entropy, found.error),
        "doubt_rank_strongest": partial_rank_correlation(found.entropy, found.strongest),
        "spread_rank": partial_rank_correlation(found.spread, found.error),
        "surest": float(found.error[order[:count]].mean()),
        "unsurest": float(found.error[order[-count:]].mean()),
    }


def attended_share(entropy: Float[Tensor, "*shape"], keys: int) -> Float[Tensor, "*shape"]:
    """The share of the keys that a row of this entropy looks at: exp(H) / n, between 1/n and 1.

    exp(H) is the number of keys that a row with equal weights and this entropy would have. Cut each key into four of a
    quarter of its weight, and H grows by ln 4, while the share of the garment stays; H / ln n does not.

    Raises:
        ValueError: for fewer than one key.

    Equation: eq-attended-share. Book: sec-entropy.
    """
    if keys < 1:
        raise ValueError(f"keys is {keys}: expected at least 1")
    return entropy.exp() / keys


@torch.no_grad()
def temperature_of_entropy(record: AttentionRecord, mask: Float[Tensor, "b 1 h w"], nats: float) -> float:
    """The temperature at which the mean entropy of the rows inside ``mask``, each head by itself, is ``nats``.

    The control for a loss on entropy: a map brought to the same entropy without learning anything. The entropy never
    falls with the temperature (its slope is the variance of the logits, divided by the temperature cubed), so halving
    finds it.

    Args:
        record: an attention.
        mask: the weight of each query, as of :func:`vtonlib.losses.entropy.attention_entropy`.
        nats: the wanted mean entropy.

    Raises:
        ValueError: where no temperature from 1/64 to 64 gives this entropy, or the mask fits no query.

    Equation: eq-temperature-entropy. Book: sec-temperature-confound.
    """
    rows = masked_rows(record, mask)

    def entropy(temperature: float) -> float:
        return float(rows.mean(rows.record.entropy(temperature=temperature).mean(1)))

    low, high = math.log(COLDEST), math.log(HOTTEST)
    least, most = entropy(COLDEST), entropy(HOTTEST)
    if not least <= nats <= most:
        raise ValueError(
            f"nats is {nats:.4g}, but attention '{record.name}' has a mean entropy of {least:.4g} at the temperature "
            f"{COLDEST:.3g} and of {most:.4g} at {HOTTEST:.3g}"
        )
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if entropy(math.exp(middle)) < nats else (low, middle)
    return math.exp((low + high) / 2)
