"""Writing to the disk: files and folders that are whole or not there, one writer at a time, nothing left behind."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def checksum(file: Path) -> str:
    """SHA-256 of a file's content, as hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def refuse_other_than_file(path: Path) -> None:
    """Raise FileExistsError if something lies at ``path`` (or where it links to) that is no file: replacing a device
    node would destroy it."""
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except OSError:
        return  # nothing there; what else is wrong, writing will say
    if kind != stat.S_IFREG:
        found = KINDS.get(kind, "something else")
        raise FileExistsError(f"{path}: found {found}, expected a file to write, or nothing. Name a file")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary file to write, which takes the name ``path`` when the block ends without an error.

    Raises:
        FileExistsError: where something lies at ``path`` that is no file.
    """
    refuse_other_than_file(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write a text file; until it is complete and on the disk, its predecessor stays."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        flush(temporary)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, so that a power failure does not undo it."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        flush(folder.parent)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder to write into, which takes the name ``folder`` when the block ends without an error.

    Its files are on the disk before it gets the name, so a folder of that name is complete even after a power failure.
    """
    temporary, previous = (folder.with_name(f".{folder.name}.{end}") for end in ("tmp", "old"))
    shutil.rmtree(temporary, ignore_errors=True)
    make_folder(temporary)
    try:
        yield temporary
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    for path in (*sorted(temporary.rglob("*")), temporary):
        flush(path)
    if folder.exists():
        shutil.rmtree(previous, ignore_errors=True)
        os.rename(folder, previous)
    os.rename(temporary, folder)
    flush(folder.parent)
    shutil.rmtree(previous, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Delete a folder that must not be met half deleted."""
    rubbish = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(rubbish, ignore_errors=True)
    os.rename(folder, rubbish)
    shutil.rmtree(rubbish, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Delete what writers that were killed left in ``folder``: ``.NAME.tmp`` and ``.NAME.old``.

    Only who holds the folder (see :func:`hold`) may: another writer's files look the same.
    """
    for path in [*folder.glob(".*.tmp"), *folder.glob(".*.old")]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def sole_writer(folder: Path, *inside: str) -> Iterator[None]:
    """Hold ``folder``, and free it and the named folders in it from what killed writers left there.

    It is freed again in the end: an interruption may fall into the middle of a deletion of the block itself.

    Raises:
        BlockingIOError: where another process holds it.
    """

    def clear() -> None:
        for name in (".", *inside):
            remove_leftovers(folder / name)

    with hold(folder):
        clear()
        try:
            yield
        finally:
            clear()


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Within the block no other process holds ``folder``, which is made if need be.

    The system lets go of it when the process ends, however it ends. Where the system or the disk has no such locks
    (Windows, some network disks) everybody holds everything.

    Raises:
        BlockingIOError: where another process (or another block of this one) holds it.
    """
    make_folder(folder)
    descriptor = _lock(folder)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(folder: Path) -> int | None:
    """A descriptor that holds ``folder`` until it is closed; None where there are no locks."""
    try:
        import fcntl
    except ImportError:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise BlockingIOError(
                f"{folder}: another process is writing there. Wait for it, stop it, or choose another folder"
            ) from None
        return None
    return descriptor


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk, where a power failure does not reach them."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open folders
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
