"""Runs that are kept in a file of results: what is missing is measured, and the file written anew after every one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vtonlib.disk import replace_text

Scores = dict[str, float]


def complete(out: Path, rest: Mapping[str, Any], wanted: Mapping[str, Callable[[], Scores]]) -> None:
    """Measure the runs that the file does not hold yet; it keeps ``rest``, and all runs with their seconds.

    Args:
        out: the file of results, ``{..., "runs": {name: scores}}``; made where it is missing.
        rest: what it holds beside the runs.
        wanted: what measures a run, by the run's name.
    """
    runs = json.loads(out.read_text(encoding="utf8"))["runs"] if out.exists() else {}
    for name, measure in wanted.items():
        if name in runs:
            continue
        start = time.perf_counter()
        found = measure()
        runs[name] = {"seconds": round(time.perf_counter() - start, 1)}
        runs[name] |= {reading: round(value, 5) for reading, value in found.items()}
        print(name, runs[name]["seconds"], flush=True)
        replace_text(out, json.dumps({**rest, "runs": runs}, indent=1) + "\n")
    print(json.dumps({"runs": len(runs)}))
