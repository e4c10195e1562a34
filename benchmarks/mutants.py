"""Which kinds of checks notice a fault: a small system, seven kinds of checks, faults drawn from all a rule can make.

The system is what one batch of the matcher passes through (``vtonlib.mutation.study.TARGETS``). A rule makes every
change of one place (an operator, a number, a method or a statement left out, ...); a draw takes some at random, and no
two draws share one. A change that leaves every bit of all that this system computes as it was is called idle, and
counted apart. Of the others, the faults, one that raises anywhere in a batch or a short training, or gives wrong
shapes or numbers that are not finite, is loud; the rest are quiet.

The draws of seeds 0 to 4 have been seen, and the checks were mended by what they had missed. They are the set on which
the checks were developed; on it the mended checks are measured too. The draws of seeds 5 to 9 judge. These hypotheses
were written, and committed, after the first and before the second; each bound leaves some room beside what the first
draws gave:

M1 More than two fifths of the faults are loud.
M2 A falling loss notices fewer than a third of the quiet ones.
M3 Formulas, written a second time, notice more than half of the quiet ones.
M4 Stored numbers notice more than two thirds of the quiet ones.
M5 Stored numbers notice more of them than formulas do.
M6 Gradients against differences notice fewer than a fifth of the quiet ones.
M7 The truth notices more of them than the falling loss.
M8 Without stored numbers, formulas, laws and the truth together notice more than three fifths of the quiet ones.
M9 Of the idle changes, all kinds together notice fewer than two thirds.

One rule for all: the changes of the five draws are counted together. Where Wilson's 95 % interval of the share lies
wholly on the side that was foretold, the hypothesis holds; wholly on the other, it is refuted; else nothing is decided.
Of two kinds (M5, M7) those faults count that one of them notices and the other does not, and the bound is one half.

The draws of seeds 5 to 9 gave 18 quiet faults, too few to decide M2 to M5 and M7. So all candidates that were left, the
draws of seeds 10 to 17, were measured after them, with the same checks and hypotheses: a second look, decided on after
the first, and given beside it.

Controls, whose outcome was known: nothing complains of the sound library, nor of three rewordings; of three other sound
choices only the stored numbers complain. And the check of gradients can see: of the places where a gradient can be cut
(``drawn_cuts``) it notices all that are quiet and not idle.

    python -m benchmarks.mutants [--seeds 18] [--runs 1] [--out results.json]

A run is a handful of changes, a quarter of a minute of a core; the seed is that of weights, people and draw. Runs in
the file are not repeated; ``--runs`` ends after so many.
"""

from __future__ import annotations

import argparse
import inspect
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import torch

from benchmarks.stored import Scores, complete
from vtonlib.mutation import bench as system
from vtonlib.mutation import checks, formulas, laws
from vtonlib.mutation.bench import Bench
from vtonlib.mutation.change import Mutant
from vtonlib.mutation.checks import CHECKS, complaints
from vtonlib.mutation.study import candidates, drawn, drawn_cuts, is_harmless, rewrites, slips

RESULTS = Path(__file__).parent / "results" / "mutants.json"
FRESH, REST = 5, 10
"""The first seed whose draws judge, and the first of those that were added."""
COUNT, CUTS, PIECE = 20, 8, 5
"""Faults that a seed draws, cuts of gradients, and changes in a run."""


def measure(mutants: Mapping[str, Mutant], seed: int) -> dict[str, float]:
    """``NAME: KIND``, 1 where the kind of check complains of the mutant, else 0; ``NAME: harmless``, 1 where no bit of
    anything is another."""
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
    found = {kind: float(bool(text)) for kind, text in said.items()} | {"harmless": 0.0}
    if not said["runs"]:
        with suppress(Exception):  # raised where no check came: no idle change
            found["harmless"] = float(is_harmless(bench, mutant))
    where.send(found)


def sound(seed: int) -> dict[str, float]:
    """What the kinds of checks say of the library as it is, and the seconds that each takes, trained or not."""
    bench = Bench.sound(seed)
    found = {f"nothing: {kind}": float(bool(text)) for kind, text in complaints(bench).items()}
    return found | {f"seconds: {kind}": median(_seconds(kind, bench) for _ in range(3)) for kind in CHECKS}


def _seconds(kind: str, bench: Bench) -> float:
    start = time.perf_counter()
    CHECKS[kind](replace(bench, memory=[]))
    return time.perf_counter() - start


def lines() -> dict[str, int]:
    """How long each kind of check is, with what it alone calls."""
    whole = {"formula": formulas, "law": laws}
    parts: dict[str, list[object]] = {kind: [check] for kind, check in CHECKS.items()}
    parts["golden"].append(system.numbers)
    parts["gradient"].append(checks._double)
    for kind, module in whole.items():
        own = [part for part in vars(module).values() if getattr(part, "__module__", "") == module.__name__]
        parts[kind] += [part for part in own if inspect.isfunction(part) or inspect.isclass(part)]
    return {kind: sum(len(inspect.getsource(part).splitlines()) for part in of) for kind, of in parts.items()}  # type: ignore[arg-type]


def pieces(seed: int) -> dict[str, dict[str, Mutant]]:
    """The runs of a seed, and the changes in each, by name."""
    faults = {f"{number}. {mutant.name}": mutant for number, mutant in enumerate(drawn(seed, COUNT))}
    found = {}
    cut = {f"{number}. {mutant.name}": mutant for number, mutant in enumerate(drawn_cuts(seed - FRESH, CUTS))}
    known = {"slips": slips(), "controls": rewrites(), "cuts": cut} if FRESH <= seed < REST else {}
    for name, mutants in (known | {"drawn": faults}).items():
        items = list(mutants.items())
        for part, start in enumerate(range(0, len(items), PIECE + 1 if name == "controls" else PIECE)):
            found[f"{name}-{seed}-{part}"] = dict(items[start : start + PIECE + (name == "controls")])
    return found


def main() -> None:
    """Measure the runs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=-(-len(candidates()) // COUNT))
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
    rest = {
        "command": "python -m benchmarks.mutants",
        "faults": COUNT,
        "fresh": FRESH,
        "rest": REST,
        "kinds": list(CHECKS),
    }
    complete(options.out, rest | {"lines": lines()}, {name: runs[name] for name in missing})


if __name__ == "__main__":
    main()
