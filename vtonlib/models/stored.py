"""Models from the folders that their ``save_pretrained`` wrote: safetensors, from this disk, and all of their tensors.

Left to themselves, diffusers' ``from_pretrained`` methods look for pickles where there are no safetensors, ask a
server where a folder is missing, and leave tensors that a file lacks as they were drawn.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from diffusers import ModelMixin, SchedulerMixin
from diffusers.utils import logging
from safetensors import SafetensorError

from vtonlib.settings import NUMBERS, within

Part = TypeVar("Part")
CONFIG = {ModelMixin: "config.json", SchedulerMixin: "scheduler_config.json"}


def is_stored(kind: object) -> bool:
    """Whether ``kind`` is a class whose instances are stored in folders: a model or a noise schedule."""
    return isinstance(kind, type) and issubclass(kind, tuple(CONFIG))


def load_stored(kind: type[Part], folder: Path) -> Part:
    """The model or noise schedule of class ``kind`` in ``folder``; a model is in evaluation mode.

    Raises:
        FileNotFoundError: naming the file that is not there.
        ValueError: naming the folder or the file that is damaged or belongs to another model; weights that are not
            finite count as damaged.
    """
    model = issubclass(kind, ModelMixin)
    config = folder / CONFIG[ModelMixin if model else SchedulerMixin]
    if not config.is_file():
        raise FileNotFoundError(f"{config}: no such file, expected the settings of a {kind.__name__}")
    if model and not any(path.is_file() for path in folder.glob("*.safetensors")):
        others = ", ".join(sorted(path.name for path in folder.iterdir() if path != config)) or "nothing"
        raise FileNotFoundError(
            f"{folder}: no .safetensors file, expected the weights of a {kind.__name__}; found {others}. Other formats "
            "are not read, since loading a pickle runs what is in it"
        )
    _check_numbers(kind, _read_object(config), config)
    try:
        return _load_model(kind, folder) if model else _load_schedule(kind, folder)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"{folder}: not a whole {kind.__name__} ({type(error).__name__}: {reason})") from error


def _read_object(config: Path) -> dict[str, Any]:
    """Refuse a file of settings that is no JSON object, of which diffusers would say that a server did not answer."""
    try:
        found = json.loads(config.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{config}: not JSON ({type(error).__name__}: {error})") from None
    if not isinstance(found, dict):
        raise ValueError(f"{config}: expected a JSON object, found {type(found).__name__}")
    return found


def _check_numbers(kind: type, found: dict[str, Any], config: Path) -> None:
    """Refuse a word for a number, which diffusers takes, and with which nobody computes before the first picture."""
    for name, hint in typing.get_type_hints(kind.__init__).items():  # type: ignore[misc]
        if hint in NUMBERS and found.get(name) is not None:
            within(hint, found[name], f"{config}: {name}")


@contextmanager
def _silent() -> Iterator[None]:
    """Keep diffusers from telling at length what the error after it tells in one line."""
    level = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        logging.set_verbosity(level)


def _load_schedule(kind: type[Part], folder: Path) -> Part:
    return kind.from_pretrained(folder, local_files_only=True)  # type: ignore[attr-defined]


def _load_model(kind: type[Part], folder: Path) -> Part:
    with _silent():
        model, report = kind.from_pretrained(  # type: ignore[attr-defined]
            folder, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False, output_loading_info=True
        )
    for words, names in (("lacks", report["missing_keys"]), ("has unknown", report["unexpected_keys"])):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ValueError(f"the file {words} {', '.join(sorted(names)[:3])}{more}")
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            files = ", ".join(sorted(file.name for file in folder.glob("*.safetensors")))
            raise ValueError(f"in {files}, {name} holds NaN or infinity, expected finite numbers; train it again")
    return model
