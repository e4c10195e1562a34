"""One attention as the explorer's page keeps it.

The page computes the softmax itself, so that its temperature can be changed there. What it needs of a row of logits is
kept in one byte a key: the distance to the row's largest logit, d = max - x, as c = round(255 sqrt(d / r)) with
r = max d of the row, rounded up to quarters of a nat and cut at 63.75. The square root spends the bytes where the
weight is: a logit is off by at most sqrt(d r) / 255 + r / 255^2 / 4 nats, that is 0.02 for d = 1, r = 20.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid

REACH_STEP = 0.25
"""Unit of the byte that says how far the logits of a row reach down, in nats."""
Heads = Literal["all", "mean"] | tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One attention of one example, as a choice of the explorer."""

    record: AttentionRecord
    """A single sample with one lattice of keys, the garment's (see ``AttentionRecord.per_key_grid``)."""
    layer: str = ""
    """Name of the layer; by default the record's."""
    step: int | None = None
    """Training step, or None."""
    heads: Heads = "all"
    """What is kept. "all": every head, and their mean map is offered too; numbers: those heads alone; "mean": the
    mean map alone, in the space of one head, and then the page's temperature T acts on that map (p^(1/T),
    normalised) instead of on each head's logits."""

    def __post_init__(self) -> None:
        if len(self.record.query) != 1:
            raise ValueError(f"the record of {self.name} has {len(self.record.query)} samples: expected one")
        if len(self.record.key_grids) != 1:
            raise ValueError(
                f"the record of {self.name} has {len(self.record.key_grids)} lattices of keys: take the garment's "
                "from record.per_key_grid()"
            )

    @property
    def name(self) -> str:
        """The layer's name, as the explorer shows it."""
        return self.layer or self.record.name or "attention"

    def logs(self) -> dict[str, Float[Tensor, "nq nk"]]:
        """The logarithm of the weights of every kept map, by name: logits, but for a constant in each row."""
        weights = self.record.weights().detach()[0]
        if self.heads == "mean":
            return {"mean": weights.mean(0).log()}
        chosen = range(len(weights)) if self.heads == "all" else self.heads
        return {str(head): weights[head].log() for head in chosen}

    def offers_mean(self) -> bool:
        """Whether the page can compute the mean map: every head is kept, and there are several."""
        return self.heads == "all" and self.record.query.shape[1] > 1


class Reading(NamedTuple):
    """What the explorer says of a patch, in tokens of the lattices, counted from 0."""

    row: float
    """Of the place that is read."""
    column: float
    """Of that place."""
    entropy: float
    """Of the shown map, in nats."""
    share: float
    """Entropy as a share of its maximum, ln nk."""


def read_row(weights: Float[Tensor, " nk"], grid: Grid) -> Reading:
    """Expected key and entropy of one row of a map over a lattice."""
    tokens = torch.arange(grid.tokens, device=weights.device)
    row, column = ((weights * index).sum().item() for index in (tokens // grid.width, tokens % grid.width))
    entropy = -torch.xlogy(weights, weights).sum().item()
    return Reading(row, column, entropy, entropy / math.log(grid.tokens))


def encode_logits(logits: Float[Tensor, "n nk"]) -> UInt8[Tensor, "n nk+1"]:
    """Rows of logits as bytes: first r in quarters of a nat, then c of every key (see the module's docstring)."""
    gap = logits.amax(1, keepdim=True) - logits
    reach = (gap.amax(1, keepdim=True) / REACH_STEP).ceil().clamp(1, 255)
    codes = (255 * (gap / (reach * REACH_STEP)).sqrt()).round().clamp(max=255)
    return torch.cat((reach, codes), dim=1).to(torch.uint8)


def decode_logits(codes: UInt8[Tensor, "n nk+1"]) -> Float[Tensor, "n nk"]:
    """The logits that the page computes with, the largest of each row 0."""
    reach = codes[:, :1].double() * REACH_STEP
    return -reach * (codes[:, 1:].double() / 255) ** 2
