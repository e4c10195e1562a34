"""Settings: frozen records, overridden by ``a.b=c`` on the command line, stored as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from dataclasses import dataclass, is_dataclass
from typing import Any, Literal, TypeVar

T = TypeVar("T")
Precision = Literal["auto", "no", "fp16", "bf16"]
Size = Literal["tiny", "small", "base"]
Schedule = Literal["constant", "cosine"]
Laid = Literal["straight", "anyhow"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """Where examples come from and how large they are (64x48 is tiny, 128x96 small, 256x192 base)."""

    height: int = 64
    width: int = 48
    seed: int = 0
    """Which world: every example is a function of (seed, split, index)."""
    laid: Laid = "straight"
    """How the world's garments lie in their pictures: upright, centred and as large as fits, or turned, scaled and
    shifted, each in its own way, as product photographs show them. A folder's garments lie as its pictures show."""
    root: str = ""
    """A folder in the VITON-HD layout; empty: the procedural world."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """How to train. Nothing here is about a model or a loss."""

    steps: int = 1000
    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup_steps: int = 20
    """Steps over which the learning rate rises linearly."""
    schedule: Schedule = "constant"
    """The learning rate after that: constant, or falling to 0 at ``steps`` along half a cosine."""
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    """Gradients of a phase are scaled down to this norm; 0: never."""
    precision: Precision = "auto"
    seed: int = 0
    ema_decay: float = 0.99
    log_every: int = 1
    save_every: int = 200
    sample_every: int = 200
    """Steps between picture grids; 0: none."""


def _parse(text: str, kind: Any, where: str) -> Any:
    """``text`` as a value of the annotated type ``kind``."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        if text not in args:
            raise ValueError(f"{where}={text}: expected one of {', '.join(map(str, args))}")
        return text
    if origin in (typing.Union, types.UnionType):
        if text.lower() == "none" and type(None) in args:
            return None
        return _parse(text, _either(kind), where)
    if origin is tuple:
        return tuple(_parse(t, args[0], where) for t in text.split(",") if t)
    if kind is bool:
        if text.lower() not in {"true", "false"}:
            raise ValueError(f"{where}={text}: expected true or false")
        return text.lower() == "true"
    try:
        value = kind(text)
    except (TypeError, ValueError):
        raise ValueError(f"{where}={text}: expected {_name(kind)}") from None
    return _finite(value, where)


def _name(kind: Any) -> str:
    """How an error calls a type."""
    return getattr(kind, "__name__", str(kind))


def _finite(value: Any, where: str) -> Any:
    """``value``, unless it is a float that is not a number or infinite."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}={value}: expected a finite number")
    return value


def _either(kind: Any) -> Any:
    """The other type of ``X | None``."""
    return next(a for a in typing.get_args(kind) if a is not type(None))


def _assign(config: T, path: list[str], text: str, where: str) -> T:
    names = [f.name for f in dataclasses.fields(config)]  # type: ignore[arg-type]
    if path[0] not in names:
        raise ValueError(f"{where}: unknown key '{path[0]}'; {type(config).__name__} has {', '.join(names)}")
    old = getattr(config, path[0])
    if len(path) > 1:
        if not is_dataclass(old):
            raise ValueError(f"{where}: '{path[0]}' is a value, it has no key '{path[1]}'")
        new = _assign(old, path[1:], text, where)
    elif is_dataclass(old):
        raise ValueError(
            f"{where}: '{path[0]}' is a group; its keys: {', '.join(f.name for f in dataclasses.fields(old))}"
        )
    else:
        new = _parse(text, typing.get_type_hints(type(config))[path[0]], where)
    return dataclasses.replace(config, **{path[0]: new})  # type: ignore[type-var]


def override(config: T, *assignments: str) -> T:
    """``config`` with typed changes such as ``"train.steps=60"``.

    Raises:
        ValueError: for an unknown key (the known ones are listed) or a value of the wrong type.
    """
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise ValueError(f"'{assignment}': expected key=value, for example train.steps=60")
        config = _assign(config, key.strip().split("."), text.strip(), key.strip())
    return config


def to_json(config: Any) -> str:
    """A config as indented JSON."""
    return json.dumps(dataclasses.asdict(config), indent=2) + "\n"


def from_json(kind: type[T], text: str, *, where: str = "config") -> T:
    """The config of type ``kind`` that :func:`to_json` wrote; ``where`` names the file in errors."""
    try:
        return _build(kind, json.loads(text), where)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}: not JSON ({error})") from None


def _build(kind: Any, values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise ValueError(f"{where}: expected a JSON object for {kind.__name__}, found {type(values).__name__}")
    hints = typing.get_type_hints(kind)
    unknown = sorted(values.keys() - hints.keys())
    if unknown:
        raise ValueError(f"{where}: unknown key '{unknown[0]}'; {kind.__name__} has {', '.join(hints)}")
    return kind(**{name: _coerce(hints[name], value, f"{where}.{name}") for name, value in values.items()})


def _coerce(hint: Any, value: Any, where: str) -> Any:
    """A JSON value as the annotated type: objects become records, lists tuples, whole numbers floats."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if is_dataclass(hint):
        return _build(hint, value, where)
    if origin is Literal:
        if value not in args:
            raise ValueError(f"{where}={value!r}: expected one of {', '.join(map(str, args))}")
        return value
    if origin in (typing.Union, types.UnionType):
        return None if value is None and type(None) in args else _coerce(_either(hint), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where}={value!r}: expected a list of {_name(args[0])}")
        return tuple(_coerce(args[0], item, where) for item in value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"{where}={value!r}: expected {_name(hint)}")
    return _finite(value, where)
