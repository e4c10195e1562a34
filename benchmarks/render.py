"""How many examples a second the world renders: ``python benchmarks/render.py [--out results.json]``.

Prints one line of JSON: images per second of whole TryOnBatch records, by size, the median of several batches.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import torch

from vtonlib.config import DataConfig
from vtonlib.data.world import World

SIZES = ((64, 48), (128, 96), (256, 192))


def images_per_second(height: int, width: int, *, batch: int, repeats: int, device: str) -> dict[str, float]:
    """Median and best rate over ``repeats`` batches, after one that warms up."""
    world = World(DataConfig(height=height, width=width), device=device)
    rates = []
    for step in range(repeats + 1):
        start = time.perf_counter()
        made = world.paired("train", torch.arange(batch) + batch * step)
        float(made.person[-1, 0, 0, 0])  # waits for the device
        rates.append(batch / (time.perf_counter() - start))
    return {"median": round(statistics.median(rates[1:]), 1), "best": round(max(rates[1:]), 1)}


def main() -> None:
    """Measure every size and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    measured = {
        f"{h}x{w}": images_per_second(h, w, batch=args.batch, repeats=args.repeats, device=args.device)
        for h, w in SIZES
    }
    report = {
        "benchmark": "render", "unit": "images/s", "batch": args.batch, "threads": args.threads, "device": args.device,
        "machine": platform.processor() or platform.machine(), "torch": torch.__version__, "results": measured,
    }  # fmt: skip
    line = json.dumps(report)
    print(line)
    if args.out:
        args.out.write_text(line + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
