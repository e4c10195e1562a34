"""Which kinds of checks notice which faults, by benchmarks/mutants.py, which holds the hypotheses and the rule too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from vtonlib.mutation.study import wilson

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "mutants.json"
KINDS = ("learns", "formula", "gradient", "law", "golden", "truth")
REWORDINGS = ("attention some rows at a time", "a square as a product", "a distance as a root")
Said = dict[str, float]
SETS = {"": range(5, 10), "seen_": range(5), "every_": range(5, 18)}
"""The seeds of the draws that judge, of those that had been seen, and of all that had not."""


@cache
def _stored() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf8"))
    return stored


def _of(name: str, seeds: Iterable[int]) -> list[tuple[str, Said]]:
    """Mutants of a kind of run, with what was said of each."""
    found: dict[tuple[int, str], Said] = {}
    for seed in seeds:
        for run, readings in _stored()["runs"].items():
            if run.rsplit("-", 1)[0] == f"{name}-{seed}":
                for key, value in readings.items():
                    mutant, _, reading = key.rpartition(": ")
                    if mutant:
                        found.setdefault((seed, mutant), {})[reading] = value
    return [(mutant, said) for (_, mutant), said in found.items()]


def _counted(name: str, of: list[Said], seen: Callable[[Said], Any]) -> dict[str, float]:
    """A count, and the ends of Wilson's interval of its share."""
    count = sum(bool(seen(said)) for said in of)
    low, high = wilson(count, len(of))
    return {name: count, f"{name}_low": low, f"{name}_high": high}


def _any(*kinds: str) -> Callable[[Said], bool]:
    return lambda said: any(said[kind] for kind in kinds)


def _pair(name: str, of: list[Said], one: str, other: str) -> dict[str, float]:
    """Of the faults that one of two kinds notices alone, those that the first does."""
    alone = [said for said in of if said[one] != said[other]]
    return _counted(name, alone, _any(one)) | {f"{name}_of": len(alone)}


def pooled(seeds: Iterable[int]) -> dict[str, float]:
    """Counts over the draws of some seeds: ``KIND`` of the ``quiet`` faults, ``loud`` of the ``faults``, ``idle_seen``
    of the ``idle`` changes; ``_low`` and ``_high`` are the ends of their shares' intervals."""
    drawn = [said for _, said in _of("drawn", seeds)]
    idle, faults = ([said for said in drawn if bool(said["harmless"]) == same] for same in (True, False))
    quiet = [said for said in faults if not said["runs"]]
    found = {"drawn": len(drawn), "idle": len(idle), "faults": len(faults), "quiet": len(quiet)}
    counts = _counted("loud", faults, _any("runs")) | _counted("idle_seen", idle, _any(*KINDS))
    for kind in KINDS:
        counts |= _counted(kind, quiet, _any(kind))
    counts |= _counted("together", quiet, _any("formula", "law", "truth"))
    counts |= _counted("nobody", quiet, lambda said: not _any(*KINDS)(said))
    counts |= _counted("golden_alone", quiet, lambda said: [k for k in KINDS if said[k]] == ["golden"])
    counts |= _pair("golden_first", quiet, "golden", "formula") | _pair("truth_first", quiet, "truth", "learns")
    return found | counts


def measure(seed: int) -> dict[str, float]:
    """Of all seeds together, so the same at every seed: counts of :func:`pooled` of each of ``SETS``, and of the cut
    gradients. Of one seed: ``slips_KIND`` of ten, ``seconds_KIND``, and complaints of sound libraries."""
    found = {f"{words}{name}": value for words, seeds in SETS.items() for name, value in pooled(seeds).items()}
    cuts = [said for _, said in _of("cuts", SETS[""])]
    quiet = [said for said in cuts if not said["runs"] and not said["harmless"]]
    found |= {"cuts": len(cuts), "cuts_quiet": len(quiet)}
    found |= {"cuts_seen": sum(said["gradient"] for said in quiet)}
    found["cuts_missed"] = len(quiet) - found["cuts_seen"]
    found |= {f"lines_{kind}": lines for kind, lines in _stored()["lines"].items()}
    slips, controls = _of("slips", [seed]), _of("controls", [seed])
    for kind in ("runs", *KINDS):
        found[f"slips_{kind}"] = sum(said[kind] for _, said in slips)
        found[f"seconds_{kind}"] = _stored()["runs"][f"sound-{seed}"][f"seconds: {kind}"]
    same, other = ([said for name, said in controls if (name in REWORDINGS) == kept] for kept in (True, False))
    others = [kind for kind in ("runs", *KINDS) if kind != "golden"]
    sound = _stored()["runs"][f"sound-{seed}"]
    found["sound"] = sum(value for key, value in sound.items() if key.startswith("nothing: "))
    found["reworded"] = sum(said[kind] for said in same for kind in ("runs", *KINDS))
    found["choice_golden"] = sum(said["golden"] for said in other) / len(other)
    found["choice_others"] = sum(said[kind] for said in other for kind in others)
    return found
