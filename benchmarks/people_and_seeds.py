"""Two sources of chance: which people a model is tested on, and which training it is.

A matcher is trained ten times, each time with weights and an order of examples of its own, and is tested on the same
256 people after 200 steps (``short``) and after 300 (``long``). Every score of every person is kept: how alike the
garment is that is painted through its attention (garment SSIM), and the error of its places in tokens.

Two trainings of one arm are a null comparison: nothing but chance tells them apart. Written before measuring:

H1 An interval over people of the difference of two such trainings leaves 0 out far more often than in one of twenty
   comparisons: it says nothing of other trainings.
H2 An interval over trainings does so in about one of twenty.
H3 ``long`` is better than ``short`` (positive control), and over ten trainings that is seen.
H4 Differences paired by person spread less than the scores themselves, so fewer people are needed.

Found: H1 holds after 200 steps, where 0.56 of the comparisons are told apart. After 300 it is 0.44, and undecided: 45
pairs are made of ten trainings, so each share is uncertain (standard errors 0.13 and 0.19). H4 holds. H2 as measured,
over the splits of one set of ten, could hardly fail, and is no test. H3 holds for the error of places; in garment SSIM
the ten trainings do not show it.

    python -m benchmarks.people_and_seeds [--seeds 10] [--out results.json]

A training takes half a minute of a free core. Seeds that are in the file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch.optim.lr_scheduler import LinearLR

from vtonlib.attention import Grid, expected_coordinates
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.disk import replace_text
from vtonlib.evaluation import end_point_error
from vtonlib.evaluation.baselines import paste
from vtonlib.evaluation.fabrics import GARMENT_SSIM, garment_scores
from vtonlib.grids import resize_flow
from vtonlib.memory import keep_freed_memory
from vtonlib.presets import build, preset
from vtonlib.tasks.matcher import MatcherTask

RESULTS = Path(__file__).parent / "results" / "people_and_seeds.json"
PEOPLE, TOKENS = 256, Grid(16, 12)
STEPS = {"short": 200, "long": 100}
"""Of each stage; the second goes on from the first."""
Scores = dict[str, list[float]]


@torch.no_grad()
def scores(task: MatcherTask, batch: TryOnBatch) -> Scores:
    """How alike the garment is, and the error of its places in tokens, for each person."""
    flow = resize_flow(expected_coordinates(task.attend(batch)), *batch.size)
    alike = garment_scores(paste(batch, flow, batch.agnostic_mask), batch)[GARMENT_SSIM]
    error = end_point_error(flow, batch.flow, batch.flow_mask, lattice=TOKENS)
    return {"ssim": [round(x, 4) for x in alike.tolist()], "epe": [round(x, 3) for x in error.tolist()]}


def train(seed: int, batch: TryOnBatch) -> dict[str, Scores]:
    """One training: its scores after each stage."""
    config = preset("matcher")
    config = replace(config, train=replace(config.train, seed=seed))
    torch.manual_seed(seed)
    task, source = build(config)
    assert isinstance(task, MatcherTask)
    update = torch.optim.AdamW(task.parameters(), lr=config.train.learning_rate, weight_decay=0)
    warm = LinearLR(update, 1 / 20, total_iters=20)
    batches, found = task.batches(source, config.train)(0), {}
    for stage, steps in STEPS.items():
        for _ in range(steps):
            loss = sum(task.matcher_loss(next(batches)).values())
            update.zero_grad()
            loss.backward()  # type: ignore[union-attr]
            torch.nn.utils.clip_grad_norm_(task.parameters(), 1.0)
            update.step()
            warm.step()
        found[stage] = scores(task, batch)
    return found


def main() -> None:
    """Train what the file does not hold yet."""
    keep_freed_memory()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    runs = json.loads(args.out.read_text(encoding="utf8"))["runs"] if args.out.exists() else {}
    batch = World(preset("matcher").data).paired("test", torch.arange(PEOPLE))
    for seed in range(args.seeds):
        if str(seed) in runs:
            continue
        start = time.perf_counter()
        runs[str(seed)] = {**train(seed, batch), "seconds": round(time.perf_counter() - start, 1)}
        print(seed, runs[str(seed)]["seconds"], flush=True)
        replace_text(args.out, json.dumps({"people": PEOPLE, "steps": STEPS, "runs": runs}) + "\n")


if __name__ == "__main__":
    main()
