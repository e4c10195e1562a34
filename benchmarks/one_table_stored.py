"""Packs what benchmarks/one_table.py measured for the chapter: readings of every person, and a few people's pictures.

    python -m benchmarks.one_table_stored --models FOLDER

writes vtonlib/weights/attention/one-table.safetensors. The pictures are those of the first seed; where these are not at
hand, what is stored of the row is kept, and a new row has those of the first seed that is. Seconds of the rows that
benchmarks/shaping.py and benchmarks/leffa.py trained are wall-clock seconds of those runs, with their scoring.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from benchmarks.one_table import RESULTS, TESTS, people, untrained
from benchmarks.one_table_rows import OTHERS, ROWS, SHAPED
from vtonlib.viz.compared import STORED, Compared, load_compared, save_compared

SHOWN = (("unpaired", 2), ("unpaired", 8), ("street", 3), ("street", 9))
"""Test, and number in its split, of those whose pictures are stored."""
FOLDER = Path(__file__).parent / "results"


def seeds_of(stored: dict[str, Any], row: str) -> list[int]:
    """The seeds of which a row has been measured."""
    return sorted(int(name.rpartition("-")[2]) for name in stored["runs"] if name.rpartition("-")[0] == row)


def readings_of(run: dict[str, Any]) -> Tensor:
    """[tests, readings, people]; NaN where a reading was kept of another test alone."""
    names, count = list(run["unpaired"]["people"]), len(run["unpaired"]["people"]["error"])
    return torch.tensor([[run[test]["people"].get(name, [math.nan] * count) for name in names] for test in TESTS])


def shaped_seconds(row: str, seed: int) -> float:
    """What benchmarks/shaping.py or benchmarks/leffa.py took for a row and its base."""
    files = [
        json.loads((FOLDER / name).read_text(encoding="utf8"))["runs"]
        for name in ("shaping.json", "leffa_stableviton.json")
    ]
    arm, base = SHAPED[row], "moved" if "moved" in row else "none"
    known = {
        **{k.removeprefix("anyhow-"): v for k, v in files[0].items()},
        **{k: v for k, v in files[1].items() if "leffa" in k},
    }
    return sum(known[f"{name}-{seed}"]["seconds"] for name in (base, arm) if f"{name}-{seed}" in known)


def cost_of(stored: dict[str, Any], row: str) -> dict[str, Any]:
    """Steps, and seconds of a core, the mean over seeds."""
    seeds = seeds_of(stored, row)
    if row in SHAPED:
        known = [seconds for seed in seeds if (seconds := shaped_seconds(row, seed))]
        return {"steps": 500, "seconds": sum(known) / len(known) if known else 0.0, "clock": "wall"}
    costs = [stored["runs"][f"{row}-{seed}"]["cost"].values() for seed in seeds]
    steps = sum(part["steps"] for part in costs[0])
    return {
        "steps": steps,
        "seconds": sum(p["seconds"] for parts in costs for p in parts) / len(seeds),
        "clock": "core",
    }


def painted(models: Path, row: str, seeds: list[int], before: Compared | None) -> Tensor:
    """[shown, 3, h, w]: what a trained row painted of those who are shown.

    Raises:
        FileNotFoundError: where neither pictures of a seed are at hand, nor any are stored.
    """
    files = [models / f"worn-{row}-{seed}.safetensors" for seed in seeds]
    if not files[0].exists() and before and row in before.rows and before.shown == SHOWN:
        return before.images[before.rows.index(row)]
    found = next((file for file in files if file.exists()), None)
    if not found:
        raise FileNotFoundError(f"{files[0]}: no such file, and no pictures of {row!r} are stored")
    with safe_open(found, "pt") as opened:
        kept = {test: opened.get_tensor(f"{test}.image").float() / 127.5 - 1 for test, _ in SHOWN}
    return torch.stack([kept[test][number] for test, number in SHOWN])


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--out", type=Path, default=STORED)
    options = parser.parse_args()
    stored = json.loads(options.results.read_text(encoding="utf8"))
    trained = [row for row in (*SHAPED, *ROWS, *OTHERS) if seeds_of(stored, row)]
    rows = (*trained, *stored["untrained"])
    values = {
        row: torch.stack([readings_of(stored["runs"][f"{row}-{s}"]) for s in seeds_of(stored, row)]) for row in trained
    }
    values |= {row: readings_of(run)[None] for row, run in stored["untrained"].items()}
    batches = {test: people(test) for test in {test for test, _ in SHOWN}}
    plain = {test: untrained(batch) for test, batch in batches.items()}
    before = load_compared(options.out) if options.out.exists() else None
    images = []
    for row in rows:
        if row in trained:
            images.append(painted(options.models, row, seeds_of(stored, row), before))
        else:
            images.append(torch.stack([plain[test][row][0][number] for test, number in SHOWN]))
    some = stored["runs"][f"{trained[0]}-{seeds_of(stored, trained[0])[0]}"]
    costs = {row: cost_of(stored, row) for row in trained} | {"budget": {"flops": stored["flops"]}}
    found = tuple(some["unpaired"]["people"])
    save_compared(options.out, Compared(rows, tuple(TESTS), found, values, torch.stack(images), SHOWN, costs))
    print({row: len(values[row]) for row in rows}, options.out.stat().st_size)


if __name__ == "__main__":
    main()
