"""Kills, damaged runs, full disks: how often training answered as it must, by the stored benchmarks of faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"


def stored(name: str) -> dict[str, Any]:
    """What a benchmark measured."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf8"))["measured"]


def measure(seed: int) -> dict[str, float]:
    """Of kills ``random_`` (at any moment) and ``aimed_`` (at operations on files, and in the middle of a file): how
    many, and how many ended with the bits of a run that was not killed; of damages, full disks and pairs of trainings
    in one folder: how many, and how many were answered in one clear line; and the tracebacks.
    """
    kinds, damages, disk = stored("kills")["kinds"], stored("damages"), stored("full_disk")
    aimed = [kind[way] for kind in kinds.values() for way in ("operations", "files")]
    found = {
        "kinds": len(kinds),
        "each": min(kind["random"]["kills"] for kind in kinds.values()),
        "random_kills": sum(kind["random"]["kills"] for kind in kinds.values()),
        "random_survived": sum(kind["random"]["survived"] for kind in kinds.values()),
        "random_writing": sum(kind["random"]["while_writing"] for kind in kinds.values()),
        "aimed_kills": sum(way["kills"] for way in aimed),
        "aimed_survived": sum(way["survived"] for way in aimed),
        "damages": damages["damages"],
        "damages_clear": damages["clear"],
        "tracebacks": damages["tracebacks"],
    }
    found |= {name: disk[name] for name in ("full", "full_clear", "at_once", "at_once_clear")}
    found |= {
        "random_share": found["random_survived"] / found["random_kills"],
        "aimed_share": found["aimed_survived"] / found["aimed_kills"],
        "clear_share": found["damages_clear"] / found["damages"],
        "disk_share": (disk["full_clear"] + disk["at_once_clear"]) / (disk["full"] + disk["at_once"]),
    }
    return {name: float(value) for name, value in found.items()}
