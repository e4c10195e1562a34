"""Does the matcher learn correspondence within the time limit, for every seed?

    OMP_NUM_THREADS=2 python -m benchmarks.matcher --seeds 5 --out matcher.json

For each seed: a new matcher, trained on freshly rendered examples of the built-in world until ``--steps`` or the time
limit, then the end-point error of its attention on the test split, as a share of that of uniform attention. The exit
status says whether every seed stayed below ``--target``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import torch

from vtonlib.attention import AttentionTap, expected_coordinates
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import training_batches
from vtonlib.data.world import World
from vtonlib.evaluation.correspondence import end_point_error
from vtonlib.grids import resize_flow
from vtonlib.tasks.matcher import MatcherConfig, MatcherTask

LEARNING_RATE, BATCH_SIZE, WARMUP = 3e-3, 32, 20


def train(task: MatcherTask, world: World, *, seed: int, steps: int, seconds: float) -> tuple[int, float]:
    """Steps done and seconds taken: the trainer's loop without its run folder."""
    optimizer = torch.optim.AdamW(task.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / WARMUP))
    start = time.perf_counter()
    for step, batch in enumerate(training_batches(world, batch_size=BATCH_SIZE, seed=seed)):
        if step == steps or time.perf_counter() - start > seconds:
            return step, time.perf_counter() - start
        optimizer.zero_grad()
        sum(task.matcher_loss(batch).values(), torch.zeros(())).backward()
        torch.nn.utils.clip_grad_norm_(task.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    raise AssertionError("training batches have no end")


@torch.no_grad()
def errors(task: MatcherTask, test: TryOnBatch) -> tuple[float, float]:
    """Mean end-point error in pixels of the garment: of the matcher's attention, and of uniform attention."""
    with AttentionTap(task.matcher) as tap:
        task.copy(test)
    flow = resize_flow(expected_coordinates(tap["core"]), *test.size)
    found, uniform = (
        end_point_error(f, test.flow, test.flow_mask, lattice=test.size).nanmean().item()
        for f in (flow, torch.zeros_like(flow))
    )
    return found, uniform


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=60.0, help="time limit of one training")
    parser.add_argument("--target", type=float, default=0.45, help="share of the uniform error to stay below")
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    arguments = parser.parse_args()
    world = World(DataConfig())
    test = world.paired("test", torch.arange(256))
    rows: list[dict[str, Any]] = []
    for seed in range(arguments.seeds):
        torch.manual_seed(seed)
        task, processor = MatcherTask(MatcherConfig()), time.process_time()
        steps, seconds = train(task, world, seed=seed, steps=arguments.steps, seconds=arguments.seconds)
        processor = time.process_time() - processor
        found, uniform = errors(task, test)
        rows.append(
            {
                "seed": seed,
                "steps": steps,
                "seconds": seconds,
                "cpu_seconds": processor,
                "epe": found,
                "uniform": uniform,
            }
        )
        ratio = f"EPE {found:.2f} of {uniform:.2f} pixels, {found / uniform:.1%} of uniform"
        print(f"seed {seed}: {ratio}, {steps} steps in {seconds:.1f} s ({processor:.1f} s of CPU)", flush=True)
    passed = sum(row["epe"] <= arguments.target * row["uniform"] for row in rows)
    print(f"{passed} of {len(rows)} seeds at or below {arguments.target:.0%}")
    if arguments.out:
        machine = {"machine": platform.processor() or platform.machine(), "threads": torch.get_num_threads()}
        result = {**machine, "torch": torch.__version__, "target": arguments.target, "passed": passed, "rows": rows}
        temporary = arguments.out.with_name(f".{arguments.out.name}.tmp")
        temporary.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, arguments.out)
    return 0 if passed == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
