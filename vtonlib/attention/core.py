"""Attention as a module without parameters, so that it has a name and can be observed."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

WIDTH_MULTIPLE = 8
"""CUDA's memory-efficient kernel wants widths that are multiples of 4 in float32 and of 8 in half precision."""


class Grid(NamedTuple):
    """Lattice of the tokens of a feature map, row-major."""

    height: int
    """Rows of tokens."""
    width: int
    """Columns of tokens."""

    @property
    def tokens(self) -> int:
        """The number of tokens, height times width."""
        return self.height * self.width


SMALL_MAP = 1024 * 1024
"""Entries of a map up to which a CPU in bf16 is faster without its fused kernel: 2.2 against 4.2 ms a sample for 768
tokens of width 40, forward and backward on one thread (torch 2.13, a processor with AVX-512 bf16)."""


def check_lattices(query: Tensor, key: Tensor, query_grid: Grid, key_grids: tuple[Grid, ...]) -> None:
    """Raise ValueError unless the grids have as many tokens as the queries and the keys."""
    if isinstance(key_grids, Grid):
        raise ValueError(f"key_grids is the single {key_grids}: expected a tuple of grids, ({key_grids},)")
    if query.shape[-2] != query_grid.tokens:
        raise ValueError(f"query has {query.shape[-2]} tokens, but query_grid {query_grid} has {query_grid.tokens}")
    if key.shape[-2] != (expected := sum(grid.tokens for grid in key_grids)):
        raise ValueError(f"key has {key.shape[-2]} tokens, but key_grids {tuple(key_grids)} have {expected}")


def check_value(query: Tensor, key: Tensor, value: Tensor) -> None:
    """Raise ValueError unless there are heads, and the value has a token for each key and fits batch and heads.

    The padding of :func:`attend` and the fused kernels would read what lies beyond a value that is too short.
    """
    if value.ndim != 4:
        raise ValueError(f"value is {tuple(value.shape)}: expected [b heads nk e]")
    if 0 in key.shape[1:]:
        raise ValueError(f"key is {tuple(key.shape)}: expected at least one head, token and channel")
    if query.shape[:2] != key.shape[:2] or query.shape[-1] != key.shape[-1]:
        raise ValueError(f"query is {tuple(query.shape)} and key {tuple(key.shape)}: expected the same b, heads and d")
    if value.shape[2] != key.shape[2]:
        raise ValueError(f"value has {value.shape[2]} tokens, but key has {key.shape[2]}")
    if any(found not in (1, wanted) for found, wanted in zip(value.shape[:2], key.shape[:2], strict=True)):
        raise ValueError(f"value is {tuple(value.shape)}: expected b and heads of {tuple(key.shape[:2])}, or 1")


def attend(
    query: Float[Tensor, "b heads nq d"],
    key: Float[Tensor, "b heads nk d"],
    value: Float[Tensor, "#b #heads nk e"],
    scale: float,
) -> Float[Tensor, "b heads nq e"]:
    """softmax(q k^T scale) v by a fused kernel, for a value of any width.

    The fused kernels want queries, keys and values of one width; for another they fall back, silently, to the map of
    nq x nk. Zeros change neither q k^T nor the wanted columns of the result, so all three are padded to one width.
    """
    check_value(query, key, value)
    precise = torch.promote_types(torch.promote_types(query.dtype, key.dtype), value.dtype)
    query, key, value = query.to(precise), key.to(precise), value.to(precise)  # kernels want one type
    if precise is torch.bfloat16 and query.device.type == "cpu" and query.shape[-2] * key.shape[-2] <= SMALL_MAP:
        return ((query * scale) @ key.transpose(-1, -2)).softmax(-1) @ value.expand(*key.shape[:2], -1, -1)
    width = max(query.shape[-1], value.shape[-1])
    if query.shape[-1] != value.shape[-1]:
        width = -(-width // WIDTH_MULTIPLE) * WIDTH_MULTIPLE
    padded = _widen(value, width).expand(*key.shape[:2], -1, -1)
    result = F.scaled_dot_product_attention(_widen(query, width), _widen(key, width), padded, scale=scale)
    return result[..., : value.shape[-1]]


def attend_with_sums(
    query: Float[Tensor, "b heads nq d"],
    key: Float[Tensor, "b heads nk d"],
    value: Float[Tensor, "b heads nk d"],
    scale: float,
    *,
    rows_per_chunk: int,
) -> tuple[Float[Tensor, "b heads nq d"], Float[Tensor, "b heads nq"]]:
    """:func:`attend` for a value of the keys' shape, and logsumexp of every row's logits, which has no gradient.

    The CPU's fused kernel makes both in one pass over the keys. Torch has no public name for what it returns beside its
    output, so elsewhere the sums are taken again, some rows at a time.
    """
    if _has_sums(query):
        kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        output, found = kernel(query.contiguous(), key.contiguous(), value.contiguous(), scale=scale)
        return output, found.detach()
    with torch.no_grad():
        sums = [(scale * rows @ key.mT).logsumexp(-1) for rows in query.split(rows_per_chunk, dim=2)]
    return attend(query, key, value, scale), torch.cat(sums, dim=-1)


def _has_sums(query: Tensor) -> bool:
    """Whether torch's fused kernel for such queries gives the sums of its rows."""
    return query.device.type == "cpu" and query.numel() > 0


def _widen(x: Float[Tensor, "b heads n e"], width: int) -> Float[Tensor, "b heads n width"]:
    return x if x.shape[-1] == width else F.pad(x, (0, width - x.shape[-1]))


class AttentionCore(nn.Module):
    """softmax(q k^T scale) v, without parameters, so that it can be observed by name.

    Book: sec-attention-core.
    """

    def forward(
        self,
        query: Float[Tensor, "b heads nq d"],
        key: Float[Tensor, "b heads nk d"],
        value: Float[Tensor, "#b #heads nk e"],
        *,
        query_grid: Grid,
        key_grids: tuple[Grid, ...],
        scale: float | None = None,
    ) -> Float[Tensor, "b heads nq e"]:
        """The attention's output; the grids do not change it, they tell an observer where the tokens lie.

        Args:
            query: queries of every head.
            key: keys of every head; tokens of several lattices may follow one another, as in Leffa.
            value: values, of any width e.
            query_grid: lattice of the queries.
            key_grids: lattices of the keys, in order.
            scale: factor of q k^T; by default d ** -0.5.

        Raises:
            ValueError: where a grid or the value has another number of tokens than queries or keys, or no heads.
        """
        check_lattices(query, key, query_grid, key_grids)
        return attend(query, key, value, query.shape[-1] ** -0.5 if scale is None else scale)
