"""The folder of final weights of a run, and the file in it by which a finished run is known to be whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from vtonlib.disk import checksum
from vtonlib.training.checkpoint import set_aside

FINISHED = "trained.json"
"""The file that says for how many steps the weights were trained, and which files there must be."""


def mark_finished(final: Path, steps: int) -> None:
    """Write into a folder of final weights for how many steps they were trained, and the checksum of each file."""
    files = sorted(file for file in final.rglob("*") if file.is_file())
    digests = {file.relative_to(final).as_posix(): checksum(file) for file in files}
    (final / FINISHED).write_text(json.dumps({"steps": steps, "sha256": digests}, indent=1) + "\n", encoding="utf-8")


def is_finished(final: Path, steps: int, say: Callable[[str], None] = print) -> bool:
    """Whether a folder holds the final weights after ``steps`` steps. Where one of its files is not what was written,
    that is told, and the folder renamed ``damaged-...``."""
    try:
        marker = json.loads((final / FINISHED).read_text(encoding="utf-8"))
        if marker["steps"] != steps:
            return False
        digests = dict(marker.get("sha256", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False  # then it is written anew
    for name, digest in digests.items():
        file = final / name
        if not file.is_file() or checksum(file) != digest:
            fault = "is damaged: its checksum differs" if file.is_file() else "is missing"
            say(f"{file} {fault}; the folder is now {set_aside(final).name}, and written anew from the checkpoint")
            return False
    return True
