"""Run the benchmarks that need no arguments, and store what they measured in benchmarks/results/.

Such a benchmark says so, by a line ``ALONE = True``: it trains nothing and prints one JSON object as its last line,
figures with their units in the names; this adds the machine and the command. The other files of benchmarks/ are
trainings and helpers: each says in its first lines how it is called, and writes its results itself.
"""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

from tools import environment
from tools.shell import ROOT, output, write

FOLDER = ROOT / "benchmarks"
ALONE = re.compile(r"^ALONE = True$", re.MULTILINE)


def record(command: str, measured: object, machine: object) -> str:
    """One result as JSON."""
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    return json.dumps({"command": command, "date": today, "machine": machine, "measured": measured}, indent=2) + "\n"


def measure(python: str, script: Path) -> object:
    """The JSON object on the last line that ``script`` prints."""
    module = f"benchmarks.{script.stem}"  # as a module, since some read from one another
    done = subprocess.run([python, "-m", module], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"bench: {script.relative_to(ROOT)} failed with status {done.returncode}")
    try:
        return json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        sys.exit(f"bench: {script.relative_to(ROOT)}: expected one JSON object as the last line it prints")


def alone(folder: Path = FOLDER) -> dict[str, Path]:
    """The benchmarks that need no arguments, by name."""
    return {file.stem: file for file in sorted(folder.glob("*.py")) if ALONE.search(file.read_text(encoding="utf8"))}


def main(names: list[str]) -> None:
    """Run the named benchmarks (all that need no arguments when none is named)."""
    known = alone()
    if unknown := sorted(set(names) - set(known)):
        there = [name for name in unknown if (FOLDER / f"{name}.py").exists()]
        how = f"; {there[0]} needs arguments or trains: its first lines say how it is called" if there else ""
        sys.exit(f"bench: these need no arguments: {', '.join(known) or 'none'}; found {', '.join(unknown)}{how}")
    python = environment.python()
    machine = json.loads(output(python, "-m", "tools.machine") or "null")
    for name in names or known:
        measured = measure(python, known[name])
        write(FOLDER / "results" / f"{name}.json", record(f"python -m tools bench {name}", measured, machine))
        print(f"{name}: {json.dumps(measured)}")
