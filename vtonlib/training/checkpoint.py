"""Checkpoints: folders of safetensors and JSON, either complete or not there at all. No pickle is written or read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor


class DamagedCheckpointError(RuntimeError):
    """A checkpoint that is incomplete, or not what was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Everything a training run continues from."""

    step: int
    """Updates done."""
    tensors: dict[str, dict[str, Tensor]]
    """Tensors by file ("model", "ema", "optimizer") and name."""
    state: dict[str, Any]
    """All else, as JSON: what the run is, and its few numbers."""


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder to write into, which takes the name ``folder`` when the block ends without an error.

    Its files are on the disk before it gets the name, so a folder of that name is complete even after a power failure.
    """
    temporary, previous = (folder.with_name(f".{folder.name}.{end}") for end in ("tmp", "old"))
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    yield temporary
    for path in (*sorted(temporary.rglob("*")), temporary):
        _flush(path)
    if folder.exists():
        shutil.rmtree(previous, ignore_errors=True)
        os.rename(folder, previous)
    os.rename(temporary, folder)
    _flush(folder.parent)
    shutil.rmtree(previous, ignore_errors=True)


def replace_text(path: Path, text: str) -> None:
    """Write a text file; until it is complete, its predecessor stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _flush(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # Windows cannot open folders
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_checkpoint(root: Path, checkpoint: Checkpoint, *, keep: int = 2) -> Path:
    """Write ``root/step-000200`` and, once it is complete, delete all but the ``keep`` newest."""
    folder = root / f"step-{checkpoint.step:06d}"
    with atomic_folder(folder) as temporary:
        for name, tensors in checkpoint.tensors.items():
            # Copies, because safetensors refuses tensors that share memory, as tied weights do.
            copies = {key: t.detach().cpu().clone().contiguous() for key, t in tensors.items()}
            save_file(copies, temporary / f"{name}.safetensors")
        digests = {name: _digest(temporary / f"{name}.safetensors") for name in checkpoint.tensors}
        description = {"step": checkpoint.step, "sha256": digests, "state": checkpoint.state}
        (temporary / "state.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    for old in checkpoint_folders(root)[:-keep]:
        _remove(old)
    return folder


def _remove(folder: Path) -> None:
    """Delete a folder that must not be met half deleted."""
    rubbish = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(rubbish, ignore_errors=True)
    os.rename(folder, rubbish)
    shutil.rmtree(rubbish, ignore_errors=True)


def checkpoint_folders(root: Path) -> list[Path]:
    """The checkpoints under ``root``, oldest first."""
    folders = [f for f in root.glob("step-*") if f.is_dir() and f.name.removeprefix("step-").isdigit()]
    return sorted(folders, key=lambda folder: int(folder.name.removeprefix("step-")))


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint, checking every byte.

    Raises:
        DamagedCheckpointError: naming the file that is missing, cut short or altered.
    """
    try:
        description = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        step, digests, state = description["step"], description["sha256"], description["state"]
        for name, digest in digests.items():
            if _digest(folder / f"{name}.safetensors") != digest:
                raise DamagedCheckpointError(f"{folder / name}.safetensors is damaged: its checksum differs")
        tensors = {name: load_file(folder / f"{name}.safetensors") for name in digests}
    except FileNotFoundError as error:
        raise DamagedCheckpointError(f"{error.filename} is missing") from None
    except (ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise DamagedCheckpointError(f"{folder} is damaged: {error!r}") from None
    if folder.name != f"step-{step:06d}":
        raise DamagedCheckpointError(f"{folder} is damaged: it says it is of step {step}")
    return Checkpoint(step=step, tensors=tensors, state=state)


def latest_checkpoint(root: Path, say: Callable[[str], None] = print) -> Checkpoint | None:
    """The newest undamaged checkpoint under ``root``, if any. Damaged ones are told of and renamed ``damaged-...``."""
    for folder in reversed(checkpoint_folders(root)):
        try:
            return read_checkpoint(folder)
        except DamagedCheckpointError as error:
            aside = folder.with_name(f"damaged-{folder.name}")
            shutil.rmtree(aside, ignore_errors=True)
            os.rename(folder, aside)
            say(f"{error}; it is now {aside.name}, and training goes on from the checkpoint before it")
    return None
