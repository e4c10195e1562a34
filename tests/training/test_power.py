"""A power cut: what was not brought to the disk by fsync is gone, and still no saved checkpoint is lost.

The disk is a model of one that forgets: of a file it keeps what it held at its last fsync; of a folder the names at its
last fsync, or all names, which may arrive before the texts they lead to. Before every operation of a training the power
is cut, and what the disk kept is read, both ways.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from vtonlib.training import checkpoint as module
from vtonlib.training.checkpoint import DamagedCheckpointError, checkpoint_folders, latest_checkpoint, read_checkpoint
from vtonlib.training.log import read_log
from vtonlib.training.trainer import Trainer

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs inodes")


class ForgetfulDisk:
    """What is left of ``root`` after a power cut, by inode."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: dict[int, dict[str, int]] = {}
        self.contents: dict[int, bytes] = {}

    def flushed(self, inode: int) -> None:
        """A file or folder has been brought to the disk; the inode may have been another's before."""
        self.names.pop(inode, None), self.contents.pop(inode, None)
        for path in (self.root, *self.root.rglob("*")):
            if path.stat().st_ino == inode and path.is_dir():
                self.names[inode] = {child.name: child.stat().st_ino for child in path.iterdir()}
            elif path.stat().st_ino == inode:
                self.contents[inode] = path.read_bytes()

    def restore(self, folder: Path, inode: int | None = None) -> Path:
        """Write what the disk kept into ``folder``, names too; a file that was never flushed is empty."""
        folder.mkdir(parents=True)
        for name, child in self.names.get(inode or self.root.stat().st_ino, {}).items():
            if child in self.names:
                self.restore(folder / name, child)
            else:
                (folder / name).write_bytes(self.contents.get(child, b""))
        return folder

    def restore_all_names(self, folder: Path) -> Path:
        """The same where every name has arrived, and no text since the last fsync."""
        folder.mkdir(parents=True)
        for path in sorted(self.root.rglob("*")):  # folders before what lies in them
            copy = folder / path.relative_to(self.root)
            copy.mkdir() if path.is_dir() else copy.write_bytes(self.contents.get(path.stat().st_ino, b""))
        return folder


@pytest.fixture
def kept(tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, Path]]]:
    """Before every fsync, rename and deletion of a training: the last step saved, and what a power cut would leave."""
    root, states = tmp_path / "disk", list[tuple[int, Path]]()
    root.mkdir()
    disk, saved = ForgetfulDisk(root), 0

    def cut(*_: object) -> None:
        states.append((saved, disk.restore(tmp_path / "after" / str(len(states)))))
        states.append((saved, disk.restore_all_names(tmp_path / "after" / str(len(states)))))

    def fsync(descriptor: int) -> None:
        cut()
        disk.flushed(os.fstat(descriptor).st_ino)

    def save(*arguments: object, **keywords: object) -> Path:
        nonlocal saved
        folder = save_checkpoint(*arguments, **keywords)
        saved = int(folder.name.removeprefix("step-"))
        cut()
        return folder

    save_checkpoint = module.save_checkpoint
    rename, replace, remove = os.rename, os.replace, shutil.rmtree
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", lambda *a: (cut(), rename(*a))[1])
    monkeypatch.setattr(os, "replace", lambda *a: (cut(), replace(*a))[1])
    monkeypatch.setattr(shutil, "rmtree", lambda *a, **k: (cut(), remove(*a, **k))[1])
    monkeypatch.setattr("vtonlib.training.trainer.save_checkpoint", save)
    Trainer(tiny.TinyTask(), tiny.batches, tiny.train_config(save_every=1, steps=4), root / "runs" / "run").fit()
    monkeypatch.undo()
    yield states


def test_no_saved_checkpoint_is_lost(kept: list[tuple[int, Path]]) -> None:
    assert [saved for saved, _ in kept][-1] == 4 and len(kept) > 120
    for saved, folder in kept:
        said: list[str] = []
        found = latest_checkpoint(folder / "runs" / "run" / "checkpoints", said.append)
        assert (found.step if found else 0) >= saved and not said
        steps = [line["step"] for line in read_log(folder / "runs" / "run" / "log.jsonl")] if found else []
        assert set(range((found.step if found else 0) + 1)) <= {0, *steps}, "no line before the checkpoint is lost"


def test_the_model_of_the_disk_can_lose_a_checkpoint(
    tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without fsync of its files a checkpoint has its name and no contents."""
    disk = ForgetfulDisk(tmp_path / "disk")
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr("vtonlib.disk.flush", lambda path: disk.flushed(path.stat().st_ino) if path.is_dir() else None)
    Trainer(tiny.TinyTask(), tiny.batches, tiny.train_config(steps=2), tmp_path / "disk" / "run").fit()
    (lost,) = checkpoint_folders(disk.restore(tmp_path / "after") / "run" / "checkpoints")
    with pytest.raises(DamagedCheckpointError):
        read_checkpoint(lost)
