"""Calls measured alone, in a process each, so that one's peak of memory hides no other's; and training steps so."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.attention import clock, peak

ROOT = Path(__file__).resolve().parents[1]
Figures = dict[str, float]


def in_a_fresh_process(module: str, *words: object) -> Figures:
    """The JSON object that a benchmark prints when it is called with these words."""
    command = [sys.executable, "-m", module, *map(str, words)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


def measure_steps(
    loss: Callable[[], Tensor], optimizer: torch.optim.Optimizer, *, precision: str, repeats: int
) -> Figures:
    """Least seconds of a training step, and the bytes by which steps raise the peak."""
    before, seconds = peak("cpu"), []
    for _ in range(repeats):
        start = clock("cpu")
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            value = loss()
        value.backward()
        optimizer.step()
        seconds.append(clock("cpu") - start)
    return {"seconds": min(seconds), "bytes": peak("cpu") - before}


def in_turns(names: Iterable[str], measure: Callable[[str], Figures], rounds: int) -> dict[str, Figures]:
    """The least of each figure over the rounds, in which variants take turns, and ratios to the step ``none``."""
    found: dict[str, Figures] = {}
    for _ in range(rounds):
        for name in names:
            took = measure(name)
            found[name] = {key: min(value, found.get(name, took)[key]) for key, value in took.items()}
            print(f"{name}: {took}", file=sys.stderr, flush=True)
    for row in found.values():
        row |= {f"{key}_ratio": row[key] / found["none"][key] for key in ("seconds", "bytes")}
    return found
