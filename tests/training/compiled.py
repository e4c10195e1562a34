"""A matcher that learns to place a garment, as it is and compiled; run by test_compile.py, without checks of types."""

from __future__ import annotations

import json
from functools import partialmethod

import torch
from torch._dynamo.utils import counters

from vtonlib.config import DataConfig, TrainConfig
from vtonlib.data.source import training_batches
from vtonlib.data.world import World
from vtonlib.tasks.matcher import MatcherConfig, MatcherTask
from vtonlib.training.phase import PhaseOptimizer
from vtonlib.training.precision import choose_precision


def main() -> None:
    """Print losses and weights of both, and what the compiler met."""
    torch.nn.Module.compile = partialmethod(torch.nn.Module.compile, backend="aot_eager")  # no C++ compiler is needed
    precision, scaler = choose_precision("no", torch.device("cpu")), torch.amp.GradScaler("cpu", enabled=False)
    batch = next(iter(training_batches(World(DataConfig(height=32, width=24)), batch_size=2, seed=0)))
    found = []
    for compiled in (False, True):
        torch.manual_seed(0)
        task = MatcherTask(MatcherConfig(channels=8, layers=1))
        learner = PhaseOptimizer(task, task.phases[0], TrainConfig(compile=compiled), precision, scaler)
        losses = [learner.update(batch, step)["loss"] for step in range(3)]
        found.append({"losses": losses, "weights": {n: v.tolist() for n, v in task.state_dict().items()}})
    graphs = {"graphs": counters["stats"]["unique_graphs"], "breaks": len(counters["graph_break"])}
    print(json.dumps({"plain": found[0], "compiled": found[1], **graphs}))


if __name__ == "__main__":
    main()
