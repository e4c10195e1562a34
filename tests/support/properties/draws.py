"""Inputs from signatures: the sizes that an annotation names are drawn, the tensors are filled from a seed."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_type_hints

import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World

MASKS = re.compile(r"(^|_)(mask|region|known|keep|inside|worn)$")
PICTURES = re.compile(
    r"(^|_)(image|images|garment|person|agnostic|pose|painted|copied|real|fake|made|one|other|source|shown)$"
)
FILLS = ("random", "constant", "zero", "empty mask", "soft mask")


@dataclass
class Draw:
    """One draw: sizes by name, values by seed."""

    size: Callable[[str], int]
    """The size of an axis, the same each time for the same name."""
    seed: int
    fill: str
    """Which of ``FILLS``: what tensors hold, and masks."""
    generator: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.generator = torch.Generator().manual_seed(self.seed)

    def shape(self, dims: str) -> tuple[int, ...]:
        """The sizes of ``"b c h w"``; ``*s`` stands for two axes, ``#b`` for b, ``_`` for 2."""
        found: list[int] = []
        for dim in dims.split():
            if dim.startswith("*"):
                found += [self.size("b"), self.size("rest")]
            elif dim.isdigit() or dim == "_":
                found.append(2 if dim == "_" else int(dim))
            else:
                found.append(self.size(dim.removeprefix("#")))
        return tuple(found)

    def normal(self, dims: str, scale: float = 1.0) -> Tensor:
        """Normal numbers; where constants are drawn, one number everywhere."""
        values = scale * torch.randn(self.shape(dims), generator=self.generator)
        if self.fill == "constant":
            values = torch.full_like(values, 0.3 * scale)
        return torch.zeros_like(values) if self.fill == "zero" else values

    def uniform(self, dims: str, low: float = -1.0, high: float = 1.0) -> Tensor:
        """Numbers in [low, high]; where constants are drawn, one number everywhere."""
        values = low + (high - low) * torch.rand(self.shape(dims), generator=self.generator)
        if self.fill in ("constant", "zero"):
            values = torch.full_like(values, (low + high) / 2)
        return values

    def mask(self, dims: str) -> Tensor:
        """0 or 1, now and then between; one pixel of each row is inside unless empty masks are drawn."""
        values = torch.rand(self.shape(dims), generator=self.generator)
        values = values if self.fill == "soft mask" else (values > 0.4).float()
        if values.numel():
            values[(slice(None), *(0,) * (values.ndim - 1))] = 1
        return torch.zeros_like(values) if self.fill == "empty mask" else values

    def one_hot(self, dims: str) -> Tensor:
        """One channel of the second axis is 1 at each place, the others are 0."""
        values = torch.rand(self.shape(dims), generator=self.generator)
        return (values == values.amax(1, keepdim=True)).float()

    def integers(self, dims: str, high: int | str) -> Tensor:
        """Whole numbers from 0 to below ``high``, a number or an axis."""
        high = self.size(high) if isinstance(high, str) else high
        return torch.randint(high, self.shape(dims), generator=self.generator)

    def grid(self, name: str = "") -> Grid:
        """A lattice; the one without a name is as large as maps are."""
        return Grid(self.size(f"h{name}"), self.size(f"w{name}"))

    def record(self, key: str = "k", heads: str = "heads") -> AttentionRecord:
        """An attention from the lattice of the maps to the lattice of that name; "" is the same lattice."""
        query, keys = self.grid(), self.grid(key)
        q, k = (self.normal(f"b {heads} {grid.tokens} d") for grid in (query, keys))
        return AttentionRecord(q, k, 0.7, query, (keys,))

    def batch(self) -> TryOnBatch:
        """Some people of the world; how many is drawn."""
        first = self.seed % 3
        return people()[first : first + self.size("b")]


@cache
def people() -> TryOnBatch:
    """Six people of the world, small and not square."""
    return World(DataConfig(height=32, width=24)).paired("test", range(6))


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function, where they can be read."""
    plain = inspect.unwrap(function)
    try:
        return get_type_hints(plain, vars(sys.modules[plain.__module__]), include_extras=True)
    except NameError:  # a name that is imported for type checkers alone
        return {}


def drawn(function: Callable[..., Any], given: Mapping[str, Any], draw: Draw) -> dict[str, Any]:
    """Arguments for ``function``: those ``given`` (a callable gets the draw), the rest after the signature."""
    hints, arguments = hints_of(function), {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in given:
            arguments[name] = given[name](draw) if callable(given[name]) else given[name]
        elif parameter.default is inspect.Parameter.empty and parameter.kind is not parameter.VAR_KEYWORD:
            arguments[name] = argument(name, hints.get(name), draw)
    return arguments


def argument(name: str, hint: Any, draw: Draw) -> Any:
    """A valid argument for a parameter of this name and annotation."""
    if hint is AttentionRecord:
        return draw.record()
    if hint is Grid:
        return draw.grid(name)
    if hint is TryOnBatch:
        return draw.batch()
    if hint is int:
        return draw.size(name)
    dims = getattr(hint, "dim_str", None)
    if dims is None or "Float" not in str(hint):
        raise TypeError(f"'{name}: {hint}' cannot be drawn: give it in the table")
    if MASKS.search(name):
        return draw.mask(dims)
    picture = " 3 " in dims or PICTURES.search(name) or dims.endswith(" 2")
    return draw.uniform(dims) if picture else draw.normal(dims)
