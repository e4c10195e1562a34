"""Steps that are done once: each has a command, what it reads and what it leaves, and is skipped while both stand."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from tools.shell import ROOT, call, fingerprint, write


@dataclass(frozen=True, kw_only=True)
class Step:
    """``python *argv``, which makes ``outputs`` from ``inputs`` (both relative to the root)."""

    name: str
    argv: tuple[str, ...]
    outputs: tuple[str, ...]
    inputs: tuple[str, ...] = ()

    @property
    def stamp(self) -> Path:
        """Where the fingerprint of the last complete run is kept."""
        return ROOT / "_build" / "steps" / self.name

    def missing(self) -> list[str]:
        """The outputs that are not there."""
        return [name for name in self.outputs if not (ROOT / name).exists()]

    def fingerprint(self) -> str:
        """A hash of the command and of everything it reads."""
        return fingerprint(self.argv, [ROOT / name for name in self.inputs])

    def done(self) -> bool:
        """Whether the outputs stand and were made by this command from these inputs."""
        stamp = self.stamp
        return not self.missing() and stamp.exists() and stamp.read_text(encoding="utf8") == self.fingerprint()


def run(step: Step, python: str) -> None:
    """Do ``step`` unless it is done; either way say so. Leaves with an error if an output is missing afterwards."""
    if step.done():
        print(f"{step.name}: up to date, reused ({step.outputs[0]})", flush=True)
        return
    start, wanted = time.monotonic(), step.fingerprint()
    call(python, *step.argv)
    if step.missing():
        raise SystemExit(f"{step.name}: the command ended well but did not write {', '.join(step.missing())}")
    write(step.stamp, wanted)
    print(f"{step.name}: done in {time.monotonic() - start:.0f} s ({step.outputs[0]})", flush=True)
