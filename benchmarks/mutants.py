"""Which kinds of checks notice a fault: a small system, seven kinds of checks, faults drawn from all a rule can make.

The system is what one batch of the matcher passes through (``vtonlib.mutation.study.TARGETS``). A rule makes every
change of one place (an operator, a number, a method or a statement left out, ...); a draw takes some at random. A fault
that runs, with right shapes and finite numbers, is called quiet. Faults that change no bit of anything are left out.
Written before the draws were made (the ten slips of the chapter had been looked at, with one seed):

M1 Fewer than half of the faults stop anything from running: most are quiet.
M2 A falling loss notices fewer than a third of the quiet ones.
M3 Formulas, written a second time, notice more than half of the quiet ones.
M4 Stored numbers notice most of the quiet ones: more than four fifths, and more than any other kind.
M5 Gradients against differences notice fewer than a fifth of the quiet ones.
M6 The truth notices more of the quiet ones than the falling loss.
M7 Without stored numbers, formulas, laws and the truth together notice four fifths of the quiet ones.
M8 Controls: nothing complains of the sound library, nor of three rewordings; of three sound choices only the stored
   numbers complain.

    python -m benchmarks.mutants [--seeds 5] [--runs 1] [--out results.json]

A run is a handful of changes, a quarter of a minute of a core; seven runs a seed, which is that of weights, people and
draw. Runs in the file are not repeated; ``--runs`` ends after so many.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from benchmarks.stored import Scores, complete
from vtonlib.mutation.change import Mutant
from vtonlib.mutation.checks import CHECKS, Bench, complaints
from vtonlib.mutation.study import drawn, is_harmless, rewrites, slips

RESULTS = Path(__file__).parent / "results" / "mutants.json"
COUNT, PIECE = 20, 5
"""Faults that a seed draws, and changes in a run."""


def measure(mutants: Mapping[str, Mutant], seed: int) -> dict[str, float]:
    """``NAME: KIND``, 1 where the kind of check complains of the mutant, else 0; ``NAME: harmless``, 1 where nothing
    complains and no bit of anything is another."""
    bench, found = Bench.sound(seed), dict[str, float]()
    for name, mutant in mutants.items():
        found |= {f"{name}: {reading}": value for reading, value in apart(bench, mutant).items()}
    return found


def apart(bench: Bench, mutant: Mutant) -> dict[str, float]:
    """The readings of one mutant, in a process of its own: where that dies, all kinds have noticed."""
    fork = get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    child = fork.Process(target=_answer, args=(bench, mutant, theirs))
    child.start()
    theirs.close()
    try:
        found: dict[str, float] = ours.recv()
    except EOFError:
        found = dict.fromkeys(CHECKS, 1.0) | {"harmless": 0.0}
    child.join()
    return found


def _answer(bench: Bench, mutant: Mutant, where: Connection) -> None:
    said = complaints(bench, mutant)
    found = {kind: float(bool(text)) for kind, text in said.items()}
    where.send(found | {"harmless": float(not any(said.values()) and is_harmless(bench, mutant))})


def sound(seed: int) -> dict[str, float]:
    """What the kinds of checks say of the library as it is."""
    return {f"nothing: {kind}": float(bool(text)) for kind, text in complaints(Bench.sound(seed)).items()}


def pieces(seed: int) -> dict[str, dict[str, Mutant]]:
    """The runs of a seed, and the changes in each, by name."""
    faults = {f"{number}. {mutant.name}": mutant for number, mutant in enumerate(drawn(seed, COUNT))}
    found = {}
    for name, mutants in {"slips": slips(), "controls": rewrites(), "drawn": faults}.items():
        items = list(mutants.items())
        for part, start in enumerate(range(0, len(items), PIECE + 1 if name == "controls" else PIECE)):
            found[f"{name}-{seed}-{part}"] = dict(items[start : start + PIECE + (name == "controls")])
    return found


def main() -> None:
    """Measure the runs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)  # a process that has computed with several cannot be forked to compute
    runs: dict[str, Callable[[], Scores]] = {}
    for seed in range(options.seeds):
        runs[f"sound-{seed}"] = partial(sound, seed)
        runs |= {name: partial(measure, mutants, seed) for name, mutants in pieces(seed).items()}
    done = json.loads(options.out.read_text(encoding="utf8"))["runs"] if options.out.exists() else {}
    missing = [name for name in runs if name not in done][: options.runs]
    rest = {"command": "python -m benchmarks.mutants", "faults": COUNT, "kinds": list(CHECKS)}
    complete(options.out, rest, {name: runs[name] for name in missing})


if __name__ == "__main__":
    main()
