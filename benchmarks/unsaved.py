"""What is lost when a checkpoint leaves something out? A small matcher, stopped half way and resumed without it.

    OMP_NUM_THREADS=1 python -m benchmarks.unsaved [--seeds 0 1 2 3 4] [--out FILE]

The matcher learns for 300 steps, with noise on its pictures, cosine schedule and averaged weights. At step 150 it is
stopped and goes on with all of its state (the control), with every weight changed in its last bit (how far chance alone
leads), or without one part: the optimizer's moments, the generator's state (which starts again from the seed), the
place in the data (which starts again from the first batch), the averages (which start from the weights), the number of
steps (so that the schedule starts again). ``often`` loses the same part every 15 steps.

Of every arm: how far the weights end from those of the run that was never stopped, as a share of how far that run moved
in its second half; the loss on people it never saw 2 and 5 steps after the stop, of the weights and of the averages;
and the error of both at the end, in tokens.
"""

from __future__ import annotations

import argparse
import copy
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.stored import Scores, complete
from vtonlib.attention import expected_coordinates
from vtonlib.config import DataConfig, TrainConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.evaluation.correspondence import end_point_error, truth_on_lattice
from vtonlib.tasks.matcher import MatcherConfig, MatcherTask
from vtonlib.training.ema import EMA
from vtonlib.training.phase import learning_rate

DATA = DataConfig(height=32, width=24, laid="anyhow")
MODEL = MatcherConfig(channels=16, head_dim=8, layers=1, patch_size=4)
TRAIN = TrainConfig(steps=300, batch_size=16, learning_rate=4e-3, warmup_steps=20, schedule="cosine", ema_decay=0.98)
HALF, OFTEN, POOL, NOISE = 150, 15, 1024, 0.1
PARTS = ("optimizer", "random", "place", "average", "step")
ARMS: dict[str, tuple[tuple[str, ...], int]] = {
    "all": ((), HALF),
    "nudged": (("bit",), HALF),
    **{part: ((part,), HALF) for part in PARTS},
    "random_often": (("random",), OFTEN),
    "place_often": (("place",), OFTEN),
    "all_often": ((), OFTEN),
}
"""What is lost, and after how many steps each time."""


class Run:
    """A training whose whole state is in plain sight."""

    def __init__(self, seed: int, pool: TryOnBatch) -> None:
        torch.manual_seed(seed)
        self.seed, self.pool, self.step, self.place = seed, pool, 0, 0
        self.task = MatcherTask(MODEL)
        self.ema = EMA(self.task, TRAIN.ema_decay)
        self.adamw = torch.optim.AdamW(self.task.parameters(), weight_decay=0.0)

    def advance(self, steps: int) -> None:
        """So many updates."""
        for _ in range(min(steps, TRAIN.steps - self.step)):
            batch = self.batch()
            noisy = {name: getattr(batch, name) for name in ("agnostic", "garment")}
            batch = replace(batch, **{name: x + NOISE * torch.randn_like(x) for name, x in noisy.items()})
            for group in self.adamw.param_groups:
                group["lr"] = learning_rate(TRAIN, self.step)
            self.adamw.zero_grad()
            sum(self.task.matcher_loss(batch).values(), torch.zeros(())).backward()
            torch.nn.utils.clip_grad_norm_(self.task.parameters(), 1.0)
            self.adamw.step()
            self.ema.update(self.step)
            self.step, self.place = self.step + 1, self.place + 1

    def batch(self) -> TryOnBatch:
        """The batch at this place: every example once an epoch, in an order of its own."""
        per_epoch = POOL // TRAIN.batch_size
        epoch, number = divmod(self.place, per_epoch)
        order = torch.randperm(POOL, generator=torch.Generator().manual_seed(1000 * self.seed + epoch))
        return self.pool[order[TRAIN.batch_size * number :][: TRAIN.batch_size]]

    def state(self) -> dict[str, Any]:
        """Everything the rest of the training depends on."""
        parts = {"task": self.task.state_dict(), "average": self.ema.state(), "optimizer": self.adamw.state_dict()}
        rest = {"random": torch.get_rng_state(), "place": self.place, "step": self.step}
        return copy.deepcopy(parts | rest)

    @classmethod
    def resumed(cls, seed: int, pool: TryOnBatch, state: dict[str, Any], without: tuple[str, ...]) -> Run:
        """A run that goes on from a state of which some parts were not saved."""
        run, state = cls(seed, pool), copy.deepcopy(state)  # optimizers go on in the tensors that they are given
        run.task.load_state_dict(state["task"])
        run.ema = EMA(run.task, TRAIN.ema_decay)  # from the weights, unless there is better
        loads: dict[str, Callable[[Any], Any]] = {
            "optimizer": run.adamw.load_state_dict,
            "random": torch.set_rng_state,
            "average": run.ema.load,
            "place": partial(setattr, run, "place"),
            "step": partial(setattr, run, "step"),
        }
        torch.manual_seed(seed)
        for part, load in loads.items():
            if part not in without:
                load(state[part])
        if "bit" in without:
            for weight in run.task.parameters():
                weight.data = torch.nextafter(weight.data, torch.tensor(math.inf))
        return run

    def weights(self) -> Tensor:
        """All weights in a row."""
        return torch.cat([p.detach().flatten() for p in self.task.parameters()])

    @torch.no_grad()
    def scores(self, test: TryOnBatch) -> dict[str, float]:
        """Loss and error on people never seen, of the weights and of the averages."""
        found = {}
        for name in ("last", "average"):
            with self.ema.applied() if name == "average" else torch.no_grad():
                record = self.task.attend(test)
                loss = float(sum(self.task.matcher_loss(test).values(), torch.zeros(())))
            grid = record.query_grid
            flow, known = truth_on_lattice(test.flow, test.flow_mask, *grid)
            error = end_point_error(expected_coordinates(record), flow, known, lattice=grid).nanmean()
            found |= {f"{name}_loss": loss, f"{name}_epe": float(error)}
        return found


class Whole:
    """The run that is never stopped: its state half way, and where it ends."""

    def __init__(self, seed: int, pool: TryOnBatch, test: TryOnBatch) -> None:
        run = Run(seed, pool)
        run.advance(HALF)
        self.half, start = run.state(), run.weights()
        self.early = early(run, test)
        run.advance(TRAIN.steps)
        self.end, self.scores = run.weights(), run.scores(test)
        self.moved = (self.end - start).norm()

    def apart(self, run: Run) -> float:
        """How far another run ended from this one, as a share of how far this one moved in its second half."""
        return float((run.weights() - self.end).norm() / self.moved)


def early(run: Run, test: TryOnBatch) -> Scores:
    """The losses 2 and 5 steps after the stop, to which a run is brought."""
    found: Scores = {}
    for steps in (2, 3):
        run.advance(steps)
        when = "soon" if steps == 2 else "early"
        found |= {f"{when}_{name}": value for name, value in run.scores(test).items() if name.endswith("loss")}
    return found


def trained(arm: str, seed: int, pool: TryOnBatch, test: TryOnBatch, wholes: dict[int, Whole]) -> Scores:
    """Scores of one arm."""
    whole = wholes.get(seed) or wholes.setdefault(seed, Whole(seed, pool, test))
    if arm == "whole":
        return {"apart": 0.0, **whole.early, **whole.scores}
    without, every = ARMS[arm]
    if every == HALF:
        run = Run.resumed(seed, pool, whole.half, without)
    else:
        run = Run(seed, pool)
        while run.step < HALF:
            run.advance(every)
            run = Run.resumed(seed, pool, run.state(), without)
    soon = early(run, test)
    run.advance(every - 5)
    for _ in range(HALF // every - 1):
        run = Run.resumed(seed, pool, run.state(), without)
        run.advance(every)
    return {"apart": whole.apart(run), **soon, **run.scores(test)}


def main() -> None:
    """Measure the arms that the file of results does not hold yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "unsaved.json")
    arguments = parser.parse_args()
    world = World(DATA)
    pool, test = world.paired("train", torch.arange(POOL)), world.paired("test", torch.arange(128))
    wholes: dict[int, Whole] = {}
    arms = ("whole", *ARMS)
    wanted = {
        f"{arm}-{seed}": partial(trained, arm, seed, pool, test, wholes) for seed in arguments.seeds for arm in arms
    }
    complete(arguments.out, {"command": "python -m benchmarks.unsaved"}, wanted)


if __name__ == "__main__":
    main()
