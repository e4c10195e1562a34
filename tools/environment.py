"""The interpreter that the jobs run with: ``.venv``, made and filled when needed, with a torch already present kept."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tools.shell import ROOT, call, fingerprint, output, write

VENV = ROOT / ".venv"
PIN_FILES = [ROOT / name for name in ("requirements.txt", "constraints.txt", "pyproject.toml")]
OLDEST_PYTHON, OLDEST_TORCH = (3, 11), (2, 5)
Action = Literal["reuse", "install", "create"]


@dataclass(frozen=True)
class Torch:
    """A torch that the invoking interpreter can import, and the folder it lies in."""

    version: str
    folder: str


def usable(torch: Torch | None) -> Torch | None:
    """``torch`` if it is new enough to be kept."""
    if torch is None:
        return None
    numbers = tuple(int(n) for n in re.findall(r"\d+", torch.version)[:2])
    return torch if numbers >= OLDEST_TORCH else None


def choose(*, runs: str, wanted: str, stamp: str, wanted_stamp: str) -> Action:
    """What to do about ``.venv``.

    ``runs`` is the Python version that it runs ("" if there is none or it is broken), ``wanted`` the invoking
    interpreter's. A stamp is "<torch> <hash of the pins>"; a folder without a stamp, or with one of older pins, is
    brought up to date in place; another Python, or a torch that was kept and is kept no more, needs a new one.
    """
    if runs != wanted:
        return "create"
    if stamp == wanted_stamp:
        return "reuse"
    made_for, now_for = (text.partition(" ")[0] for text in (stamp, wanted_stamp))
    return "install" if made_for == now_for or (not stamp and now_for == "pinned") else "create"


def requirement_lines(text: str, torch: Torch | None) -> list[str]:
    """The lines of a requirements or constraints file to install: without torch's pin where torch is kept."""
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith(("#", "-c"))]
    return [line for line in kept if torch is None or not re.match(r"torch\s*[=<>~!]", line)]


def present_torch() -> Torch | None:
    """The torch of the invoking interpreter, asked for in a process of its own so that this one stays light."""
    code = "import pathlib, torch; print(torch.__version__, pathlib.Path(torch.__file__).parents[1])"
    version, _, folder = output(sys.executable, "-c", code).rpartition("\n")[-1].partition(" ")
    return usable(Torch(version, folder)) if folder else None


def python() -> str:
    """The interpreter of ``.venv``, created and filled first where needed; or VTON_PYTHON, as it is."""
    if os.environ.get("VTON_PYTHON"):
        return os.environ["VTON_PYTHON"]
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    exe, stamp_file = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python"), VENV / "installed.txt"
    stamp, pins = stamp_file.read_text(encoding="utf8") if stamp_file.exists() else "", fingerprint((), PIN_FILES)
    if Path(sys.prefix).resolve() == VENV.resolve():
        return inside(stamp, pins)
    torch = present_torch()
    wanted_stamp = f"{torch.version if torch else 'pinned'} {pins}"
    action = choose(
        runs=output(exe, "-c", "import sys; print(sys.version)") if exe.exists() else "",
        wanted=sys.version.replace("\r", "").strip(),
        stamp=stamp,
        wanted_stamp=wanted_stamp,
    )
    if action == "reuse":
        print("set-up: .venv is up to date, reused" + (f" (with torch {torch.version}, kept)" if torch else ""))
        return str(exe)
    if action == "create":
        create(exe, torch)
    install(exe, torch)
    write(stamp_file, wanted_stamp)
    return str(exe)


def inside(stamp: str, pins: str) -> str:
    """The running interpreter, where that is the one of ``.venv`` itself, which cannot make itself anew."""
    if stamp.endswith(pins):
        return sys.executable
    sys.exit("set-up: .venv is out of date; run this with the Python that it was made from (first: deactivate)")


def create(exe: Path, torch: Torch | None) -> None:
    """Make ``.venv``, which sees the packages of the invoking interpreter only where those hold a torch to keep."""
    ensurepip = can_import("ensurepip")
    if not ensurepip and not can_import("pip"):
        sys.exit("This Python has neither ensurepip nor pip. On Debian or Ubuntu: sudo apt install python3-venv")
    print(f"set-up: making .venv ({f'torch {torch.version} is present and kept' if torch else 'a minute or two'})")
    options = [*([] if ensurepip else ["--without-pip"]), *(["--system-site-packages"] if torch else [])]
    call(sys.executable, "-m", "venv", "--clear", *options, VENV)
    if torch:  # also where torch lies in a virtual environment or in the user's own folder
        site = output(exe, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        write(Path(site) / "torch_present.pth", torch.folder + "\n")


def install(exe: Path, torch: Torch | None) -> None:
    """Install requirements.txt under constraints.txt, then vtonlib itself as an editable package."""
    requirements, constraints = VENV / "requirements.txt", VENV / "constraints.txt"
    write(requirements, "\n".join(requirement_lines((ROOT / "requirements.txt").read_text(), torch)) + "\n")
    pins = requirement_lines((ROOT / "constraints.txt").read_text(), torch)
    write(constraints, "\n".join([*pins, f"torch=={torch.version}"] if torch else pins) + "\n")
    index = os.environ.get("VTON_TORCH_INDEX")  # an index with CPU builds of torch
    pip = [exe, "-m", "pip"] if can_import("pip", exe) else [sys.executable, "-m", "pip", "--python", exe]
    quiet = ["install", "-qq", "--disable-pip-version-check"]
    call(*pip, *quiet, *(["--extra-index-url", index] if index else []), "-r", requirements, "-c", constraints)
    call(*pip, *quiet, "--no-deps", "-e", ".")


def can_import(module: str, exe: str | Path = sys.executable) -> bool:
    """Whether ``exe`` (by default the invoking interpreter) has ``module``."""
    return subprocess.call([str(exe), "-c", f"import {module}"], stderr=subprocess.DEVNULL) == 0
