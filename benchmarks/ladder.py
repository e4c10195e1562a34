"""Every rung from our smallest models to the published networks, counted on the meta device: for the ladder's counts.

python -m benchmarks.ladder [--out FILE] [--anew]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vtonlib.disk import replace_text
from vtonlib.ladder import (
    COUNTS,
    LADDERS,
    TRANSFORMERS,
    Counted,
    Rung,
    count,
    narrowed,
    pose_transfer,
    transformer,
)

NARROW = ((80, 256), (80, 512), (160, 256), (160, 512), (320, 256))
"""Channels and picture rows of StableVITONs that are counted to predict the released one."""


def as_numbers(found: Counted) -> dict[str, Any]:
    """What is stored of a count."""
    return {**found._asdict(), "flop": list(found.flop)}


def rungs() -> dict[str, Rung]:
    """All that are counted, by name."""
    named = {f"{name} {number}": rung for name, ladder in LADDERS.items() for number, rung in enumerate(ladder)}
    named |= {f"width {width} rows {rows}": narrowed(width, rows, 3 * rows // 4) for width, rows in NARROW}
    return named | {"pose": pose_transfer()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Count what the file does not hold yet; it is written anew after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=COUNTS)
    parser.add_argument("--anew", action="store_true", help="count all again")
    given = parser.parse_args(arguments)
    held = {} if given.anew or not given.out.exists() else json.loads(given.out.read_text(encoding="utf8"))["runs"]
    probes = {name: rung.probe for name, rung in rungs().items()}
    probes |= {name: lambda name=name: transformer(name) for name in TRANSFORMERS}
    for name, probe in probes.items():
        if name in held:
            continue
        start = time.perf_counter()
        found = as_numbers(count(probe()))
        held[name] = {"seconds": round(time.perf_counter() - start, 1), **found}
        print(name, held[name]["seconds"], flush=True)
        replace_text(given.out, json.dumps({"runs": held}, indent=1) + "\n")
    print(json.dumps({"runs": len(held)}))


if __name__ == "__main__":
    main()
