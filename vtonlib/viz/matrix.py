"""A small matrix to explore: paint a mask on it and see what an operation makes of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.viz.element import BUDGET, ElementFigure, element, table

Operation = Literal["softmax", "region-standardize", "standardize", "modulate"]
TITLES = {
    "softmax": ("logits", "attention"),
    "region-standardize": ("matrix", "standardised"),
    "standardize": ("activation", "standardised"),
    "modulate": ("activation", "standardised, then modulated"),
}
Ways = Mapping[str, Sequence[Sequence[float]]]
"""Names and what they stand for: a table of sets ("standardize"), or of gammas and betas ("modulate")."""
LARGEST = 12
"""Rows and columns of the largest matrix that can be read in a page."""


def masked_softmax(
    logits: Float[Tensor, "h w"], mask: Float[Tensor, "h w"], *, temperature: float = 1.0
) -> Float[Tensor, "h w"]:
    """The softmax of every row over the columns where ``mask`` is 1; a row with none is 0.

    p_ij = m_ij exp(x_ij / T) / sum_k m_ik exp(x_ik / T).
    """
    weights = (logits / temperature).masked_fill(mask == 0, -torch.inf).softmax(-1)
    return weights.nan_to_num(0)


def region_standardize(
    x: Float[Tensor, "h w"], mask: Float[Tensor, "h w"], *, eps: float = 1e-5
) -> Float[Tensor, "h w"]:
    """The two regions of ``mask`` (1 and 0), each standardised by its own mean and variance (divided by n).

    y = (x - mean_region) / sqrt(var_region + eps).

    Source: VITON-HD Eq. 5-7, ALIAS normalisation before its modulation.
    """
    y = torch.zeros_like(x)
    for region in (mask == 1, mask == 0):
        inside = x[region]
        if len(inside):
            y[region] = (inside - inside.mean()) / (inside.var(correction=0) + eps).sqrt()
    return y


def standardize_sets(x: Float[Tensor, "h w"], sets: Int[Tensor, "h w"], *, eps: float = 1e-5) -> Float[Tensor, "h w"]:
    """The cells of each set, which ``sets`` numbers, standardised by their own mean and variance (divided by n).

    y = (x - mean_set) / sqrt(var_set + eps): every normalisation of activations, by its choice of sets.
    """
    y = torch.zeros_like(x)
    for number in sets.unique():
        y = y + region_standardize(x, (sets == number).to(x.dtype), eps=eps) * (sets == number)
    return y


def modulate_labels(
    x: Float[Tensor, "h w"], mask: Float[Tensor, "h w"], table: Float[Tensor, "2 2"], *, eps: float = 1e-5
) -> Float[Tensor, "h w"]:
    """The whole matrix standardised, then (1 + gamma) y + beta with the gamma and the beta of each cell's label.

    ``table`` holds gamma (first row) and beta (second) of the labels 0 and 1, not painted and painted.
    """
    gamma, beta = (torch.where(mask == 1, row[1], row[0]) for row in table)
    return (1 + gamma) * region_standardize(x, torch.ones_like(x), eps=eps) + beta


class MatrixExplorer(ElementFigure):
    """A matrix whose cells are painted by click, or by arrow keys and Space, beside the result of an operation.

    "softmax": attention of each row over the painted columns, at a temperature to choose, with the expected column
    (counted from 0) and the entropy in nats. "region-standardize": painted and unpainted cells are standardised apart,
    with eps beside each variance (VITON-HD's eps grows as a region shrinks: see ``MaskPainter``). "standardize":
    painting adds ``step`` to a cell; the sets over which is standardised are one of ``ways`` to choose. "modulate": the
    matrix is standardised as a whole, then scaled and shifted by the gamma and the beta of painted and of unpainted
    cells, one of ``ways`` to choose.

    Args:
        matrix: the values, at most 12 x 12.
        operation: what is computed.
        mask: what is painted at first, 0 or 1; by default everything.
        rows: names of the rows; by default their numbers.
        columns: names of the columns; by default their numbers.
        caption: what the figure shows.
        digits: digits after the point of the shown values.
        eps: added to the variance.
        ways: for "standardize" the number of every cell's set, of the matrix's shape, by name; for "modulate" gamma
            and beta, each for unpainted and painted cells, ``[[g0, g1], [b0, b1]]``. The first is shown at first.
        step: what painting adds to a cell, for "standardize".

    Raises:
        ValueError: for a matrix that is too large, values that are not finite, a mask of another shape or with other
            values, names or ways that do not fit, or an unknown operation.

    Book: sec-explorer.
    """

    script = Path(__file__).with_name("matrix.js")

    def __init__(
        self,
        matrix: Float[Tensor, "h w"],
        operation: Operation,
        *,
        mask: Float[Tensor, "h w"] | None = None,
        rows: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        caption: str = "",
        digits: int = 1,
        eps: float = 1e-5,
        ways: Ways | None = None,
        step: float = 0.0,
    ) -> None:
        self.matrix = matrix.detach().cpu().double()
        self.mask = torch.ones_like(self.matrix) if mask is None else mask.detach().cpu().double()
        self.operation, self.eps, self.step = operation, eps, step
        self.ways = {name: torch.as_tensor(table).double() for name, table in (ways or {}).items()}
        _check(self.matrix, self.mask, operation)
        _check_ways(self.ways, {"standardize": tuple(matrix.shape), "modulate": (2, 2)}.get(operation))
        names = [
            _names(given, n, what)
            for given, n, what in zip((rows, columns), matrix.shape, ("row", "column"), strict=True)
        ]
        fallback = [
            [[name, *(f"{v:.{n}f}" for v in row)] for name, row in zip(names[0], values.tolist(), strict=True)]
            for values, n in ((self.matrix, digits), (self.value(), 2))
        ]
        shown = "".join(
            table(title, ["", *names[1]], cells) for title, cells in zip(TITLES[operation], fallback, strict=True)
        )
        self.markup = element("vton-matrix", self._data(names[0], names[1], digits), shown, caption)
        self.within(BUDGET, "give a smaller matrix")

    def _data(self, rows: list[str], columns: list[str], digits: int) -> dict[str, Any]:
        """What the page computes with."""
        data: dict[str, Any] = {
            "matrix": self.matrix.tolist(),
            "mask": self.mask.int().tolist(),
            "operation": self.operation,
            "rows": rows,
            "columns": columns,
            "titles": TITLES[self.operation],
            "digits": digits,
            "eps": self.eps,
        }
        if not self.ways:
            return data
        tables = {name: way.tolist() for name, way in self.ways.items()}
        return data | {"ways": tables, "step": self.step, "first": next(iter(tables))}

    def __repr__(self) -> str:
        return f"MatrixExplorer({self.matrix.shape[0]}x{self.matrix.shape[1]}, '{self.operation}')"

    def value(
        self, mask: Float[Tensor, "h w"] | None = None, *, temperature: float = 1.0, way: str | None = None
    ) -> Float[Tensor, "h w"]:
        """The result for a mask and a way, by default the first ones; the page computes the same."""
        painted = self.mask if mask is None else mask
        if self.ways:
            table = self.ways[way or next(iter(self.ways))]
            if self.operation == "standardize":
                return standardize_sets(self.matrix + self.step * painted, table.long(), eps=self.eps)
            return modulate_labels(self.matrix, painted, table, eps=self.eps)
        if self.operation == "softmax":
            return masked_softmax(self.matrix, painted, temperature=temperature)
        return region_standardize(self.matrix, painted, eps=self.eps)


def _names(given: Sequence[str] | None, count: int, what: str) -> list[str]:
    if given is None:
        return [str(i) for i in range(count)]
    if len(given) != count:
        raise ValueError(f"{len(given)} {what} names were given: expected {count}")
    return list(given)


def _check(matrix: Tensor, mask: Tensor, operation: str) -> None:
    if operation not in TITLES:
        raise ValueError(f"operation is '{operation}': expected one of {', '.join(TITLES)}")
    if matrix.dim() != 2 or not 1 <= min(matrix.shape) <= max(matrix.shape) <= LARGEST:
        raise ValueError(f"matrix is {tuple(matrix.shape)}: expected rows and columns, 1 to {LARGEST} of each")
    if not matrix.isfinite().all():
        raise ValueError("matrix has values that are not finite")
    if mask.shape != matrix.shape or not ((mask == 0) | (mask == 1)).all():
        raise ValueError(f"mask is {tuple(mask.shape)}: expected {tuple(matrix.shape)} with values 0 and 1 only")


def _check_ways(ways: Mapping[str, Tensor], shape: tuple[int, ...] | None) -> None:
    """``shape``: that of every way; None where the operation knows no ways."""
    if bool(ways) != (shape is not None):
        raise ValueError(
            f"ways are {', '.join(ways) or 'missing'}: 'standardize' and 'modulate' need them, others have none"
        )
    for name, way in ways.items():
        if way.shape != shape or not way.isfinite().all():
            raise ValueError(f"way '{name}' is {tuple(way.shape)}: expected finite numbers of shape {shape}")
