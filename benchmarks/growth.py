"""How time and memory of reading an attention grow with its tokens, from 16x12 to 128x96, with and without its map.

    python -m benchmarks.growth [--out growth.json]

One forward and backward of one sample, 8 heads of width 40, on one thread, each in a process of its own
(benchmarks/attention.py); CPU time, and the bytes by which the peak rises. With the map only up to 64x48 tokens: at
128x96 one map of eight heads has 4.8 GB, and several are alive at once.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.steps import in_a_fresh_process
from vtonlib.disk import replace_text

SIZES = ((16, 12), (32, 24), (64, 48), (96, 72), (128, 96))
WHAT = ("output_and_variation", "entropy_loss")
LARGEST_MAP = 64 * 48
ALONE = True
Row = dict[str, Any]


def measure(what: str, way: str, size: tuple[int, int], repeats: int) -> Row:
    """One cell of the table."""
    height, width = size
    words = ("--only", f"{what}_by_{way}", "--grid", f"{height}x{width}", "--repeats", repeats)
    found = in_a_fresh_process("benchmarks.attention", *words)
    return {"what": what, "way": way, "size": f"{height}x{width}", "tokens": height * width, **found}


def exponent(rows: Sequence[Row], unit: str, least: int = 32 * 24) -> float:
    """The slope of a figure against the tokens, both as logarithms, from ``least`` tokens on: 1 is linear, 2 square."""
    points = [(math.log(row["tokens"]), math.log(max(row[unit], 1e-9))) for row in rows if row["tokens"] >= least]
    middle = [sum(axis) / len(points) for axis in zip(*points, strict=True)]
    across = sum((x - middle[0]) * (y - middle[1]) for x, y in points)
    return across / sum((x - middle[0]) ** 2 for x, _ in points)


def main() -> None:
    """Measure all cells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    rows = [
        measure(what, way, size, options.repeats)
        for size in SIZES
        for what in WHAT
        for way in ("read", "map")
        if way == "read" or size[0] * size[1] <= LARGEST_MAP
    ]
    growth = {
        f"{what}_by_{way}_{unit}": round(exponent([r for r in rows if (r["what"], r["way"]) == (what, way)], unit), 3)
        for what in WHAT
        for way in ("read", "map")
        for unit in ("seconds", "bytes")
    }
    result = {"heads": 8, "width": 40, "threads": 1, "torch": torch.__version__, "exponents": growth, "rows": rows}
    if options.out:
        replace_text(options.out, json.dumps(result, indent=1) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
