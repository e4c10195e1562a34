"""How many examples a second the world renders: ``python -m benchmarks.render [--out results.json]``.

Prints one line of JSON: images per second of whole TryOnBatch records, by size, the median of several batches.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.memory import keep_freed_memory

SIZES = ((64, 48), (128, 96), (256, 192))


def images_per_second(
    height: int, width: int, *, batch: int, repeats: int, device: str, workers: int
) -> dict[str, float]:
    """Median and best rate over ``repeats`` rounds of one batch per worker, after one round that warms up."""
    world = World(DataConfig(height=height, width=width), device=device)

    def make(number: int) -> float:
        made = world.paired("train", torch.arange(batch) + batch * number)
        return float(made.person[-1, 0, 0, 0])  # waits for the device

    rates = []
    with ThreadPoolExecutor(workers) as pool:
        for step in range(repeats + 1):
            start = time.perf_counter()
            list(pool.map(make, range(step * workers, (step + 1) * workers)))
            rates.append(workers * batch / (time.perf_counter() - start))
    return {"median": round(statistics.median(rates[1:]), 1), "best": round(max(rates[1:]), 1)}


def main() -> None:
    """Measure every size and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=2, help="threads of torch, for each worker")
    parser.add_argument("--workers", type=int, default=1, help="batches made at the same time, as data loaders do")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    args = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    measured = {
        f"{h}x{w}": images_per_second(
            h, w, batch=args.batch, repeats=args.repeats, device=args.device, workers=args.workers
        )
        for h, w in SIZES
    }
    report = {
        "benchmark": "render",
        "unit": "images/s",
        "batch": args.batch,
        "threads": args.threads,
        "workers": args.workers,
        "device": args.device,
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "results": measured,
    }
    line = json.dumps(report)
    print(line)
    if args.out:
        args.out.write_text(line + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
