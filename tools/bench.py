"""Run every benchmarks/*.py and store what it measured in benchmarks/results/.

A benchmark prints one JSON object as its last line, figures with their units in the names; this adds the machine and
the command.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path

from tools import environment
from tools.shell import ROOT, output, write

FOLDER = ROOT / "benchmarks"


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


def main(names: list[str]) -> None:
    """Run the named benchmarks (all when none is named)."""
    scripts = sorted(FOLDER.glob("*.py"))
    unknown = set(names) - {script.stem for script in scripts}
    if unknown:
        known = ", ".join(script.stem for script in scripts)
        sys.exit(f"bench: no benchmark is called {', '.join(sorted(unknown))}; there are: {known or 'none'}")
    python = environment.python()
    machine = json.loads(output(python, "-m", "tools.machine") or "null")
    for script in scripts:
        if names and script.stem not in names:
            continue
        measured = measure(python, script)
        write(
            FOLDER / "results" / f"{script.stem}.json",
            record(f"python -m tools bench {script.stem}", measured, machine),
        )
        print(f"{script.stem}: {json.dumps(measured)}")
