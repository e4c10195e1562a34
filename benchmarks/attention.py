"""Reading an attention with and without its map: time and memory of forward and backward, side by side in one run.

    python -m benchmarks.attention --out attention.json

Every variant runs in a process of its own, so that one's peak of memory does not hide another's. Time on a CPU is CPU
time, which does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.grids import coordinate_grid, to_pixels, total_variation
from vtonlib.losses.entropy import attention_entropy
from vtonlib.losses.total_variation import attention_total_variation

GRIDS = (Grid(32, 24), Grid(64, 48))


def coordinates_by_read(record: AttentionRecord) -> Tensor:
    return expected_coordinates(record)


def coordinates_by_map(record: AttentionRecord) -> Tensor:
    keys = coordinate_grid(*record.key_grids[0], device=record.key.device).flatten(0, 1)
    return record.weights().mean(1) @ keys


def entropy_by_read(record: AttentionRecord) -> Tensor:
    return record.entropy()


def entropy_by_map(record: AttentionRecord) -> Tensor:
    weights = record.weights()
    return -torch.special.xlogy(weights, weights).sum(-1)


def worn(record: AttentionRecord) -> Tensor:
    """A mask that covers 38 % of the queries, as a garment does."""
    height, width = record.query_grid
    mask = torch.zeros(1, 1, height, width, device=record.query.device)
    mask[..., height // 4 : -height // 8, width // 5 : -width // 5] = 1
    return mask


def output_and_variation_by_read(record: AttentionRecord) -> Tensor:
    """As in training: the layer's output, its keys serving as values, and the loss on the garment's queries."""
    return record.read(record.key).sum() + attention_total_variation(record, worn(record))


def output_and_variation_by_map(record: AttentionRecord) -> Tensor:
    weights = record.weights()
    keys = to_pixels(
        coordinate_grid(*record.key_grids[0], device=record.key.device).flatten(0, 1), *record.key_grids[0]
    )
    centres = (weights.mean(1) @ keys).unflatten(1, record.query_grid)
    return (weights @ record.key).sum() + total_variation(centres, worn(record))


def output_by_read(record: AttentionRecord) -> Tensor:
    """The layer's output alone, as a model computes it with no loss on its attention."""
    return record.read(record.key).sum()


def output_by_map(record: AttentionRecord) -> Tensor:
    return (record.weights() @ record.key).sum()


def at_once_by_read(record: AttentionRecord) -> Tensor:
    """Output and centres of all queries in one pass over the keys: what a layer could do that knew of the loss."""
    steps = record.key_grid
    places = to_pixels(coordinate_grid(*steps, device=record.key.device).flatten(0, 1), *steps)
    values = torch.cat((record.key, places.expand(*record.key.shape[:2], -1, -1)), dim=-1)
    output, centres = record.read(values).split((record.key.shape[-1], 2), dim=-1)
    return output.sum() + total_variation(centres.mean(1).unflatten(1, record.query_grid), worn(record))


def at_once_by_map(record: AttentionRecord) -> Tensor:
    return output_and_variation_by_map(record)


def entropy_loss_by_read(record: AttentionRecord) -> Tensor:
    return attention_entropy(record, worn(record))


def entropy_loss_by_map(record: AttentionRecord) -> Tensor:
    inside = worn(record).flatten()
    return (entropy_by_map(record).mean(1) * inside).sum() / inside.sum()


WHAT = ("coordinates", "entropy", "output", "output_and_variation", "at_once", "entropy_loss")
VARIANTS = {f"{what}_by_{way}": globals()[f"{what}_by_{way}"] for what in WHAT for way in ("read", "map")}


def new_record(grid: Grid, heads: int, width: int, device: str) -> AttentionRecord:
    generator = torch.Generator().manual_seed(0)
    query, key = (torch.randn(1, heads, grid.tokens, width, generator=generator).to(device) for _ in range(2))
    return AttentionRecord(query.requires_grad_(), key.requires_grad_(), width**-0.5, grid, (grid,))


def measure(name: str, grid: Grid, heads: int, width: int, device: str, repeats: int) -> dict[str, float]:
    """Least seconds and peak bytes of one forward and backward."""

    def once(size: Grid) -> float:
        record = new_record(size, heads, width, device)
        start = clock(device)
        VARIANTS[name](record).square().sum().backward()
        return clock(device) - start

    once(Grid(4, 3))  # loads the kernels
    before = peak(device)
    first = once(grid)
    return {"bytes": peak(device) - before, "seconds": min([first, *(once(grid) for _ in range(repeats - 1))])}


def clock(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def peak(device: str) -> int:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def in_a_fresh_process(name: str, grid: Grid, arguments: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--only", name, "--grid", f"{grid.height}x{grid.width}"]
    for key in ("heads", "width", "device", "repeats"):
        command += [f"--{key}", str(getattr(arguments, key))]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for grid in GRIDS:
        for what in WHAT:
            read, explicit = (in_a_fresh_process(f"{what}_by_{way}", grid, arguments) for way in ("read", "map"))
            ratios = {f"{unit}_ratio": explicit[unit] / max(read[unit], 1e-9) for unit in ("seconds", "bytes")}
            rows.append(
                {"what": what, "tokens": f"{grid.height}x{grid.width}", "read": read, "map": explicit, **ratios}
            )
            print(describe(rows[-1]))
    machine = torch.cuda.get_device_name() if arguments.device == "cuda" else platform.processor() or platform.machine()
    settings = {key: getattr(arguments, key) for key in ("heads", "width", "device", "repeats")}
    return {"machine": machine, "torch": torch.__version__, "threads": 1, **settings, "rows": rows}


def describe(row: dict[str, Any]) -> str:
    ways = (f"{way} {row[way]['seconds'] * 1e3:.1f} ms {row[way]['bytes'] / 2**20:.0f} MiB" for way in ("read", "map"))
    ratios = f"ratio {row['seconds_ratio']:.2f} in time, {row['bytes_ratio']:.1f} in memory"
    return f"{row['what']} {row['tokens']}: {', '.join(ways)}, {ratios}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--width", type=int, default=40, help="width of a head")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--grid", default="32x24", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.only:
        grid = Grid(*map(int, arguments.grid.split("x")))
        numbers = (arguments.heads, arguments.width, arguments.device, arguments.repeats)
        print(json.dumps(measure(arguments.only, grid, *numbers)))
        return
    result = compare(arguments)
    if arguments.out:
        temporary = arguments.out.with_name(f".{arguments.out.name}.tmp")
        temporary.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, arguments.out)


if __name__ == "__main__":
    main()
