"""A case: one public function, what it is called with, and which properties it keeps."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from properties.draws import FILLS, Draw, drawn


@dataclass(frozen=True, kw_only=True)
class Case:
    """How one function is tried. What is not said is read off its signature, or must hold as for any function."""

    given: Mapping[str, Any] = field(default_factory=dict)
    """Arguments by name; a callable gets the :class:`Draw`."""
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Bounds of an axis, for those that cannot be anything from 1 to 5."""
    on: Callable[[Draw], Any] | None = None
    """For methods: makes the object."""
    rows: Literal["each", "mean", ""] = "each"
    """Whether rows are computed alone, their mean is taken, or neither (``why``)."""
    weight: Callable[[dict[str, Any]], Any] | None = None
    """For means: the weights [b] of the rows; without it all weigh alike."""
    empty: str = ""
    """What empty masks give: "zero" (with gradient zero), "nan", "finite", or an error's class. "" where none are."""
    fills: tuple[str, ...] = FILLS[:3]
    exact: float = 1e-4
    """How far float32 may be from float64, relative to the largest value."""
    dtype: Literal["input", "precise", "other"] = "input"
    """Of floating results: as the inputs'; at least float32; or of its own."""
    finite: bool = True
    gradient: bool = True
    """Whether gradients are finite, too."""
    half: bool = True
    """Whether half precision is a valid input (computed, or refused in words)."""
    why: str = ""
    """Why a property is left out."""

    def __post_init__(self) -> None:
        left_out = not self.rows or not self.finite or not self.gradient or not self.half or self.dtype == "other"
        if left_out and len(self.why.split()) < 3:
            raise ValueError("a property is left out: say why")

    def call(self, name: str, draw: Draw) -> tuple[Callable[..., Any], dict[str, Any]]:
        """The function, bound where it is a method, and arguments for it."""
        function = find(name)
        if self.on is not None:
            function = getattr(self.on(draw), name.rpartition(".")[2])
        return function, drawn(function, self.given, draw)


def find(name: str) -> Callable[..., Any]:
    """The public function or method of this name."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise LookupError(name)
