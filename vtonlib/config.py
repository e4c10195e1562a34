"""Settings of data and training, and how all settings are overridden by ``a.b=c`` and stored as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from dataclasses import dataclass, is_dataclass
from typing import Annotated, Any, Literal, TypeVar

from vtonlib.settings import (
    Count,
    Fixed,
    Natural,
    Range,
    Seed,
    Settings,
    Share,
    Side,
    Weight,
    hints_of,
    item_types,
    split_annotation,
    type_name,
    within,
)

T = TypeVar("T")
Precision = Literal["auto", "no", "fp16", "bf16"]
Size = Literal["tiny", "small", "base"]
Schedule = Literal["constant", "cosine", "linear"]
Laid = Literal["straight", "anyhow"]
Reference = Literal["garment", "person"]
FolderLayout = Literal["auto", "viton_hd", "dresscode", "deepfashion", "persons"]


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig(Settings):
    """Where examples come from and how large they are (64x48 is tiny, 128x96 small, 256x192 base)."""

    height: Side = 64
    """Rows of the images, in pixels."""
    width: Side = 48
    """Columns of the images, in pixels."""
    seed: Seed = 0
    """Which world: every example is a function of (seed, split, index)."""
    laid: Laid = "straight"
    """How the world's garments lie in their pictures: upright, centred and as large as fits, or turned, scaled and
    shifted, each in its own way. A folder's garments lie as its pictures show."""
    reference: Reference = "garment"
    """What the world's persons are painted from: a flat garment to try on, or themselves in another pose, which is pose
    transfer. What a folder holds, its layout says."""
    root: str = ""
    """A folder of VITON-HD, DressCode (or one of its categories), DeepFashion or persons alone; empty: the procedural
    world."""
    layout: FolderLayout = "auto"
    """The folder's layout; ``auto``: recognised by what lies there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig(Settings):
    """How to train. Nothing here is about a model or a loss."""

    steps: Count = 1000
    """Updates to do."""
    batch_size: Count = 32
    """Examples of each update, over all processes."""
    accumulate: Count = 1
    """Pieces in which a process computes its share of an update, one after another: memory for one is enough."""
    workers: Natural = 0
    """Processes that read batches ahead of each process that trains; 0: each batch is read when its step comes."""
    learning_rate: Annotated[float, Range(0, above=True)] = 1e-3
    """Largest learning rate; each phase multiplies it by its own ``rate``."""
    warmup_steps: Natural = 20
    """Steps over which the learning rate rises linearly."""
    schedule: Schedule = "constant"
    """The learning rate after that: constant, or falling to 0 at ``steps`` along half a cosine, or constant for the
    first half of ``steps`` and then falling to 0 along a line, as CycleGAN's and CUT's."""
    weight_decay: Weight = 0.0
    """AdamW's decoupled weight decay."""
    max_grad_norm: Weight = 1.0
    """Gradients of a phase are scaled down to this norm; 0: never."""
    precision: Precision = "auto"
    """Number format of the forward passes; ``auto`` takes what the device does well."""
    compile: bool = False
    """Whether what trains is compiled (``torch.compile``): the first steps take minutes, the others less time."""
    seed: Seed = 0
    """Of initial weights, noise and the order of examples."""
    ema_decay: Share = 0.99
    """Share of the moving average that an update keeps."""
    log_every: Count = 1
    """Steps between two lines of the log."""
    save_every: Natural = 200
    """Steps between checkpoints; 0: one at the end."""
    sample_every: Natural = 200
    """Steps between picture grids; 0: none."""


def _parse(text: str, kind: Any, where: str) -> Any:
    """``text`` as a value of the annotated type ``kind``."""
    hint, (kind, notes) = kind, split_annotation(kind)
    if fixed := [note for note in notes if isinstance(note, Fixed)]:
        raise ValueError(f"{where}={text}: not a setting to change. {fixed[0].instead}")
    return within(hint, _parsed(text, kind, where), where)


def _parsed(text: str, kind: Any, where: str) -> Any:
    """``text`` as a value of the type ``kind``, in whatever range."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        values = {str(value): value for value in args}
        if text not in values:
            raise ValueError(f"{where}={text}: expected one of {', '.join(values)}")
        return values[text]
    if origin in (typing.Union, types.UnionType):
        if text.lower() == "none" and type(None) in args:
            return None
        return _parse(text, _either(kind), where)
    if origin is tuple:
        texts = [item for item in text.split(",") if item]
        return tuple(_parse(t, item, where) for t, item in zip(texts, item_types(kind, len(texts), where), strict=True))
    if kind is bool:
        if text.lower() not in {"true", "false"}:
            raise ValueError(f"{where}={text}: expected true or false")
        return text.lower() == "true"
    try:
        value = kind(text)
    except (TypeError, ValueError):
        raise ValueError(f"{where}={text}: expected {type_name(kind)}") from None
    return _finite(value, where)


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
        new = _parse(text, hints_of(type(config))[path[0]], where)
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
    hints = hints_of(kind)
    unknown = sorted(values.keys() - hints.keys())
    if unknown:
        raise ValueError(f"{where}: unknown key '{unknown[0]}'; {kind.__name__} has {', '.join(hints)}")
    return kind(**{name: _coerce(hints[name], value, f"{where}.{name}") for name, value in values.items()})


def _coerce(hint: Any, value: Any, where: str) -> Any:
    """A JSON value as the annotated type: objects become records, lists tuples, whole numbers floats."""
    return within(hint, _coerced(split_annotation(hint)[0], value, where), where)


def _coerced(hint: Any, value: Any, where: str) -> Any:
    """A JSON value as the type ``hint``, in whatever range."""
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
            raise ValueError(f"{where}={value!r}: expected a list of {type_name(args[0])}")
        kinds = item_types(hint, len(value), where)
        return tuple(_coerce(kind, item, where) for kind, item in zip(kinds, value, strict=True))
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"{where}={value!r}: expected {type_name(hint)}")
    return _finite(value, where)
