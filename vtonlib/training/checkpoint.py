"""Checkpoints: folders of safetensors and JSON, either complete or not there at all. No pickle is written or read."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from vtonlib.disk import atomic_folder, checksum, remove_folder


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


def save_checkpoint(root: Path, checkpoint: Checkpoint, *, keep: int = 2) -> Path:
    """Write ``root/step-000200`` and, once it is complete, delete all but the ``keep`` newest."""
    folder = root / f"step-{checkpoint.step:06d}"
    with atomic_folder(folder) as temporary:
        for name, tensors in checkpoint.tensors.items():
            # Copies, because safetensors refuses tensors that share memory, as tied weights do.
            copies = {key: t.detach().cpu().clone().contiguous() for key, t in tensors.items()}
            save_file(copies, temporary / f"{name}.safetensors")
        digests = {name: checksum(temporary / f"{name}.safetensors") for name in checkpoint.tensors}
        description = {"step": checkpoint.step, "sha256": digests, "state": checkpoint.state}
        description |= {"seal": _seal(description)}
        (temporary / "state.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    delete_old_checkpoints(root, keep)
    return folder


def delete_old_checkpoints(root: Path, keep: int = 2) -> None:
    """Delete all but the ``keep`` newest checkpoints under ``root``."""
    for old in checkpoint_folders(root)[:-keep]:
        remove_folder(old)


def _seal(description: dict[str, Any]) -> str:
    """The checksum of a description, which holds those of the files: who changes a number by hand breaks it."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def checkpoint_folders(root: Path) -> list[Path]:
    """The checkpoints under ``root``, oldest first."""
    folders = [f for f in root.glob("step-*") if f.is_dir() and f.name.removeprefix("step-").isdigit()]
    return sorted(folders, key=lambda folder: int(folder.name.removeprefix("step-")))


def set_aside(folder: Path) -> Path:
    """Rename a damaged folder, in place of one that was damaged before; its new path."""
    aside = folder.with_name(f"damaged-{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    return folder.rename(aside)


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint, checking every byte.

    Raises:
        DamagedCheckpointError: naming the file that is missing, cut short or altered.
    """
    try:
        description = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        if description.pop("seal") != _seal(description):
            raise DamagedCheckpointError(f"{folder / 'state.json'} is damaged: its checksum differs")
        step, digests, state = description["step"], description["sha256"], description["state"]
        for name, digest in digests.items():
            if checksum(folder / f"{name}.safetensors") != digest:
                raise DamagedCheckpointError(f"{folder / name}.safetensors is damaged: its checksum differs")
        tensors = {name: load_file(folder / f"{name}.safetensors") for name in digests}
    except FileNotFoundError as error:
        raise DamagedCheckpointError(f"{error.filename} is missing") from None
    except IsADirectoryError as error:
        raise DamagedCheckpointError(f"{error.filename} is damaged: it is a folder") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
        raise DamagedCheckpointError(f"{folder} is damaged: {error!r}") from None
    if folder.name != f"step-{step:06d}":
        raise DamagedCheckpointError(f"{folder} is damaged: it says it is of step {step}")
    return Checkpoint(step=step, tensors=tensors, state=state)


def latest_checkpoint(root: Path, say: Callable[[str], None] = print) -> Checkpoint | None:
    """The newest undamaged checkpoint under ``root``, if any. Damaged ones are told of and renamed ``damaged-...``."""
    damaged = False
    for folder in reversed(checkpoint_folders(root)):
        try:
            return read_checkpoint(folder)
        except DamagedCheckpointError as error:
            say(f"{error}; it is now {set_aside(folder).name}")
            damaged = True
    if damaged:
        say(f"{root}: no checkpoint is left whole, so training starts at step 0")
    return None
