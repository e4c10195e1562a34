"""The folder of final weights of a run, and the file in it by which a finished run is known to be whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from vtonlib.disk import checksum
from vtonlib.training.checkpoint import set_aside

FINAL = "final"
"""Where in its run folder a trainer leaves what it trained."""
FINISHED = "trained.json"
"""The file that says for how many steps the weights were trained, and which files there must be."""


def mark_finished(final: Path, steps: int) -> None:
    """Write into a folder of final weights for how many steps they were trained, and the checksum of each file."""
    files = sorted(file for file in final.rglob("*") if file.is_file())
    digests = {file.relative_to(final).as_posix(): checksum(file) for file in files}
    (final / FINISHED).write_text(json.dumps({"steps": steps, "sha256": digests}, indent=1) + "\n", encoding="utf-8")


def _marker(final: Path) -> tuple[int, dict[str, str]] | None:
    """Steps and checksums as :func:`mark_finished` wrote them; None where there is no such file."""
    try:
        marker = json.loads((final / FINISHED).read_text(encoding="utf-8"))
        return int(marker["steps"]), dict(marker.get("sha256", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def damage(final: Path) -> str:
    """Which file of a folder of final weights is not what training wrote, and how; empty where none is known to be."""
    _, digests = _marker(final) or (0, {})
    for name, digest in digests.items():
        file = final / name
        if not file.is_file():
            return f"{file} is missing"
        if checksum(file) != digest:
            return f"{file} is damaged: its checksum differs"
    return ""


def refuse_damaged(final: Path) -> None:
    """Make sure that final weights are those that training wrote: of a wrong bit nobody would know later.

    Raises:
        ValueError: naming the file that is not.
    """
    if fault := damage(final):
        raise ValueError(f"{fault}; `train` with the run's settings writes it anew from the run's checkpoint")


def is_finished(final: Path, steps: int, say: Callable[[str], None] = print) -> bool:
    """Whether a folder holds the final weights after ``steps`` steps. Where one of its files is not what was written,
    that is told, and the folder renamed ``damaged-...``."""
    marker = _marker(final)
    if marker is None or marker[0] != steps:
        return False  # then it is written anew
    if fault := damage(final):
        say(f"{fault}; the folder is now {set_aside(final).name}, and written anew from the checkpoint")
        return False
    return True
