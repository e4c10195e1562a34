"""The bytes of a file that is one: regular, readable, inside the root. Everything else is a problem with a name."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from vtonlib.data.folders.layout import IMAGE_SUFFIXES
from vtonlib.data.folders.problem import FolderError, Problem
from vtonlib.disk import KINDS

LARGEST = 2**30
"""Bytes of the largest file that is read: twice a flow of the largest size."""
COPY_AGAIN = "Copy the file again, or remove its line from the list"


def fail(path: Path, found: str, expected: str, remedy: str = COPY_AGAIN) -> FolderError:
    """The error of one problem, to be raised."""
    return FolderError(Problem(path, found, expected, remedy))


def lies_at(path: Path) -> bool:
    """Whether there is anything of this name, even a link to nothing. Asks of any name, and never raises."""
    return os.path.lexists(path)


def instead(path: Path) -> str:
    """The name of an image that lies at ``path``, where nothing is, with another extension; empty if there is none."""
    others = (path.with_suffix(end) for suffix in IMAGE_SUFFIXES for end in (suffix, suffix.upper()))
    return next((other.name for other in others if other != path and lies_at(other)), "")


def broken_link(path: Path) -> str:
    """Where a symbolic link leads whose target is not there; empty for everything else, a link in a circle too."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return os.readlink(path) if os.path.islink(path) else ""
    except OSError:
        return ""
    return ""


def leaves_root(path: Path, root: Path) -> bool:
    """Whether ``path`` leads out of ``root`` through a symbolic link."""
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def folder_fault(path: Path, root: Path) -> tuple[str, str]:
    """What is wrong with a folder that is there, and what to do about it; two empty strings if nothing is."""
    if leaves_root(path, root):
        return "a link out of the root", "Copy the files here, or name the real folder as root"
    if not os.access(path, os.R_OK | os.X_OK):
        return "a folder without permission to read", "Change its permissions"
    return "", ""


def read_bytes(path: Path, root: Path) -> bytes:
    """All of a file that lies inside ``root``.

    Raises:
        FolderError: for nothing, a link out of the root, a folder, pipe or device (which might never end), a file
            that is empty, too large or may not be read.
    """
    if target := broken_link(path):
        raise fail(path, f"a link to nothing ({target})", "a file", "Restore what it leads to, or copy the file here")
    if leaves_root(path, root):
        raise fail(path, "a link out of the root", "a file inside the root", "Copy the file here")
    try:
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode):
            raise fail(path, f"something unreadable ({KINDS.get(stat.S_IFMT(about.st_mode), 'no file')})", "a file")
        if about.st_size > LARGEST:
            raise fail(path, f"a file of {about.st_size >> 20} MB", f"at most {LARGEST >> 20} MB")
        data = path.read_bytes()
    except FileNotFoundError:
        remedy = "Copy the file there, or remove its line from the list"
        raise fail(path, "nothing", "a file for the listed name", remedy) from None
    except PermissionError:
        raise fail(path, "a file without permission to read", "a readable file", "Change its permissions") from None
    except OSError as error:
        raise fail(path, f"something unreadable ({error.strerror})", "a file") from None
    if not data:
        raise fail(path, "an empty file (0 bytes)", "a file with content")
    return data
