"""What is kept of one attention: its queries and keys, never its map."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.attention.core import Grid, attend, attend_with_sums, check_lattices, check_value


@dataclass(frozen=True, slots=True, eq=False)
class AttentionRecord:
    """One attention A = softmax(q k^T scale), kept as its queries and keys.

    Everything is computed in float32 (float64 where the tensors are) with autocast off: values of bfloat16 just below
    1 lie 0.0039 apart, 6 % of the distance of neighbours among 32 tokens.

    Raises:
        ValueError: where a grid has another number of tokens than its tensor, or queries and keys do not fit.

    Book: sec-attention-record.
    """

    query: Float[Tensor, "b heads nq d"]
    """Queries of every head, with their graph."""
    key: Float[Tensor, "b heads nk d"]
    """Keys of every head, with their graph."""
    scale: float
    """Factor of q k^T."""
    query_grid: Grid
    """Lattice of the queries."""
    key_grids: tuple[Grid, ...]
    """Lattices of the keys, which follow one another."""
    name: str = ""
    """Path of the core in its model."""

    def __post_init__(self) -> None:
        check_lattices(self.query, self.key, self.query_grid, self.key_grids)
        check_value(self.query, self.key, self.key)

    @property
    def key_grid(self) -> Grid:
        """The lattice of the keys, where they lie on one.

        Raises:
            ValueError: where they lie on several, which share no coordinates.
        """
        if len(self.key_grids) != 1:
            raise ValueError(
                f"attention '{self.name}' has {len(self.key_grids)} lattices of keys, which share no coordinates: "
                "take one of record.per_key_grid()"
            )
        return self.key_grids[0]

    @classmethod
    def from_features(cls, features: Float[Tensor, "b c h w"], *, scale: float = 1.0) -> Self:
        """The attention of a feature map to itself, one head, q = k = features.

        Source: QS-Attn, A_g = softmax(F F^T). Book: sec-query-selection.
        """
        tokens, grid = features.flatten(2).transpose(1, 2)[:, None], Grid(*features.shape[-2:])
        return cls(tokens, tokens, scale, grid, (grid,))

    def read(
        self, value: Float[Tensor, "#b #heads nk e"], *, temperature: float = 1.0
    ) -> Float[Tensor, "b heads nq e"]:
        """softmax(q k^T scale / temperature) value, without the map.

        The mean over heads commutes with reading: the head mean of the reads is the read of the head-mean map.

        Equation: eq-head-mean.
        """
        query, key = self._precise()
        with torch.autocast(query.device.type, enabled=False):
            return attend(query, key, value.to(query.dtype), self._factor(temperature))

    def entropy(self, *, temperature: float = 1.0, rows_per_chunk: int = 256) -> Float[Tensor, "b heads nq"]:
        """Entropy of every row of every head, in nats, between 0 and ln nk.

        H = logsumexp(x) - <q, E[k]> scale, x the row's logits; the mean key is subtracted from all keys first, which
        changes no weight and keeps the difference from drowning in large logits. (The entropy of the head-mean map is
        another quantity, never smaller than the mean of these.) With q and k held outside the softmax, the second term
        alone has the gradient of H, dH/dx_j = -p_j (x_j - E[x]); so logsumexp is needed as a number only, which the
        CPU's kernel has at hand; elsewhere it is taken in chunks of rows. First derivatives only.

        Equation: eq-row-entropy.
        """
        query, key = self._precise()
        factor = self._factor(temperature)
        key = key - key.mean(2, keepdim=True)
        expected_key, log_sums = self._read_with_sums(query, key, key.detach(), factor, rows_per_chunk)
        entropy = log_sums - factor * (query.detach() * expected_key).sum(-1)
        within = entropy.detach().clamp(0, math.log(key.shape[2]))
        return entropy + (within - entropy.detach())  # the gradient is that of the entropy itself

    def log_partition(self, *, rows_per_chunk: int = 256) -> Float[Tensor, "b heads nq"]:
        """The logarithm of the sum over keys of exp(q k^T scale), with its gradient and without the map.

        Its gradient is the expected key times ``scale`` for a query, and the weighted sum of queries for a key: that of
        <q, E[k]> with the weights held fixed. So a fused kernel gives the gradient, and on a CPU the number as well;
        elsewhere that is taken in chunks of rows. First derivatives only.

        Book: sec-attention-supervision.
        """
        query, key = self._precise()
        expected, log_sums = self._read_with_sums(query.detach(), key.detach(), key, self.scale, rows_per_chunk)
        carrier = self.scale * ((query * expected.detach()).sum(-1) + (query.detach() * expected).sum(-1))
        return log_sums + (carrier - carrier.detach())

    def select(self, rows: Int[Tensor, "b m"]) -> Self:
        """The attention of some queries only, for each sample its own; as a lattice they form one column.

        Raises:
            ValueError: where ``rows`` has another batch size than the record, or names rows that are not there.
        """
        samples, _, queries, _ = self.query.shape
        if rows.ndim != 2 or len(rows) != samples:
            raise ValueError(f"rows is {tuple(rows.shape)}: expected [b m] with b = {samples}")
        if rows.numel() and not 0 <= (low := int(rows.min())) <= int(rows.max()) < queries:
            raise ValueError(f"rows run from {low} to {int(rows.max())}: expected 0 to {queries - 1}")
        return self.gather(rows)

    def gather(self, rows: Int[Tensor, "b m"]) -> Self:
        """:meth:`select` for rows that are known to be there: nothing is looked at, so no GPU is waited for."""
        index = rows[:, None, :, None].expand(-1, self.query.shape[1], -1, self.query.shape[3])
        return replace(self, query=self.query.gather(2, index), query_grid=Grid(rows.shape[1], 1))

    def per_key_grid(self) -> tuple[Self, ...]:
        """One record for each lattice of keys, its rows renormalised over that lattice."""
        parts = self.key.split([grid.tokens for grid in self.key_grids], dim=2)
        return tuple(replace(self, key=k, key_grids=(g,)) for k, g in zip(parts, self.key_grids, strict=True))

    def weights(
        self, rows: Int[Tensor, "b m"] | None = None, *, temperature: float = 1.0
    ) -> Float[Tensor, "b heads m nk"]:
        """The map itself, or some rows of it: for figures and tests, never for losses.

        Equations: eq-attention-map, eq-temperature.
        """
        chosen = self if rows is None else self.select(rows)
        query, key = chosen._precise()
        with torch.autocast(query.device.type, enabled=False):
            return (chosen._factor(temperature) * query @ key.mT).softmax(-1)

    def check_differentiable(self) -> None:
        """Raise RuntimeError where a loss on this record would silently train nothing.

        That happens under reentrant checkpointing, which computes the queries without a graph.
        """
        if torch.is_grad_enabled() and not self.query.requires_grad:
            raise RuntimeError(
                f"the queries of attention '{self.name}' have no graph, so a loss on them trains nothing: "
                "call checkpoint(..., use_reentrant=False), or compute the value under torch.no_grad()"
            )

    def _precise(self) -> tuple[Tensor, Tensor]:
        """Queries and keys in at least float32."""
        dtype = torch.promote_types(torch.promote_types(self.query.dtype, self.key.dtype), torch.float32)
        return self.query.to(dtype), self.key.to(dtype)

    def _factor(self, temperature: float) -> float:
        if not temperature > 0:
            raise ValueError(f"temperature is {temperature}: expected a number above 0")
        return self.scale / temperature

    @staticmethod
    def _read_with_sums(query: Tensor, key: Tensor, value: Tensor, factor: float, rows: int) -> tuple[Tensor, Tensor]:
        with torch.autocast(query.device.type, enabled=False):
            return attend_with_sums(query, key, value, factor, rows_per_chunk=rows)
