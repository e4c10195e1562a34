"""What a setting may be: ranges, written into annotations and checked wherever a record of settings is made."""

from __future__ import annotations

import math
import numbers
import typing
from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that a setting may be, written into its annotation: ``Annotated[int, Range(1)]``."""

    low: float
    """The smallest."""
    high: float = math.inf
    """The largest."""
    above: bool = False
    """Whether ``low`` itself is too small."""

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high and not (self.above and value == self.low)

    def __str__(self) -> str:
        if self.high < math.inf:
            return f"{f'above {self.low}, at most' if self.above else f'{self.low} to'} {self.high}"
        return f"{'above' if self.above else 'at least'} {self.low}"


@dataclass(frozen=True, slots=True)
class Fixed:
    """Marks a setting that ``--set`` may not change; ``instead`` says what to do."""

    instead: str
    """What to do, as a sentence without its full stop."""


SIDES = (8, 8192)
"""Smallest and largest side of an image in pixels; anything else is a mistake, or an attack on the memory."""
Count = Annotated[int, Range(1)]
Natural = Annotated[int, Range(0)]
Seed = Annotated[int, Range(0, 2**32 - 1)]
Side = Annotated[int, Range(*SIDES)]
Weight = Annotated[float, Range(0)]
Share = Annotated[float, Range(0, 1)]
NUMBERS: dict[type, type] = {int: numbers.Integral, float: numbers.Real}
"""What a setting of each kind may be; True and False are none of them."""


class Settings:
    """Base of all settings: another kind of number, or one outside its :class:`Range`, is refused however it got
    there."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for name, hint in hints_of(type(self)).items():
            within(hint, getattr(self, name), f"{type(self).__name__}.{name}")


def hints_of(kind: Any) -> dict[str, Any]:
    """The annotations of a record or a function, with their ranges."""
    return typing.get_type_hints(kind, include_extras=True)


def split_annotation(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """An annotated type as the type and what was annotated."""
    if typing.get_origin(hint) is not Annotated:
        return hint, ()
    kind, *notes = typing.get_args(hint)
    return kind, tuple(notes)


def within(hint: Any, value: Any, where: str) -> Any:
    """``value``, if it and its items are of the kinds of number of ``hint`` and lie in its ranges.

    Raises:
        ValueError: naming the setting, the value and what was expected.
    """
    kind, notes = split_annotation(hint)
    if kind in NUMBERS and (isinstance(value, bool) or not isinstance(value, NUMBERS[kind]) or value != value):  # NaN
        raise ValueError(f"{where}={value!r}: expected {type_name(hint)}")
    for note in notes:
        if isinstance(note, Range) and value is not None and value not in note:
            raise ValueError(f"{where}={value}: expected {note}")
    if typing.get_origin(kind) is tuple and isinstance(value, tuple):
        for item_kind, item in zip(item_types(kind, len(value), where), value, strict=True):
            within(item_kind, item, where)
    return value


def item_types(kind: Any, count: int, where: str) -> tuple[Any, ...]:
    """The types of the items of a tuple of ``count``: as many as annotated, or any number but none."""
    args = typing.get_args(kind)
    if args[-1] is Ellipsis:
        if not count:
            raise ValueError(f"{where}: found nothing, expected at least one {type_name(args[0])}")
        return (args[0],) * count
    if len(args) != count:
        names = ", ".join(map(type_name, args))
        raise ValueError(f"{where}: found {count} value{'s' * (count != 1)}, expected {len(args)} ({names})")
    return args


def type_name(kind: Any) -> str:
    """How an error calls a type."""
    plain, notes = split_annotation(kind)
    ranges = "".join(f" {note}" for note in notes if isinstance(note, Range))
    return getattr(plain, "__name__", str(plain)) + ranges
