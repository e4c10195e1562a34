"""One small system to try checks on: people, a matcher, a short training of it, and the numbers that it gives.

Book: sec-who-notices.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

import torch
from torch import Tensor

from vtonlib.attention import Grid, expected_coordinates
from vtonlib.config import DataConfig, TrainConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.evaluation import end_point_error, truth_on_lattice
from vtonlib.tasks.matcher import MatcherConfig, MatcherTask
from vtonlib.tasks.supervision import Supervision
from vtonlib.training.ema import EMA
from vtonlib.training.phase import PhaseOptimizer
from vtonlib.training.precision import choose_precision

CPU = torch.device("cpu")
ROWS, STEPS = 8, 60
TRAIN = TrainConfig(steps=STEPS, learning_rate=1e-2, warmup_steps=5, schedule="cosine", ema_decay=0.9)
MODEL = MatcherConfig(
    channels=16, head_dim=8, layers=1, supervision=Supervision(layers="matcher.core", coordinates=1.0)
)


@dataclass(frozen=True, slots=True)
class Trained:
    """What a short training left."""

    task: MatcherTask
    """With averaged weights."""
    losses: Tensor
    """[steps] of the training."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What the checks work on: people of the world, and numbers that the sound library gave.

    Book: sec-who-notices.
    """

    seed: int
    """Of weights, and of the tensors that checks draw."""
    pool: TryOnBatch
    """People to train on."""
    test: TryOnBatch
    """Others."""
    stored: dict[str, Tensor] = field(default_factory=dict)
    """Numbers of the sound library, for the golden check."""
    memory: list[Trained] = field(default_factory=list)
    """The training that several checks look at, once it is done."""

    @classmethod
    def sound(cls, seed: int) -> Bench:
        """A bench whose numbers are stored now, so of a library that has not been changed."""
        bench = cls(seed, *_people(seed))
        return replace(bench, stored=numbers(bench))

    def task(self, dtype: torch.dtype = torch.float32) -> MatcherTask:
        """A new matcher, always with the same weights."""
        torch.manual_seed(self.seed)
        return MatcherTask(MODEL).to(dtype)

    def trained(self) -> Trained:
        """A short training, done once."""
        if not self.memory:
            self.memory.append(train(self))
        return self.memory[0]

    def draw(self, *shape: int) -> Tensor:
        """Normal numbers, the same at every call of a shape."""
        return torch.randn(*shape, generator=torch.Generator().manual_seed(self.seed), dtype=torch.float64)


@cache
def _people(seed: int) -> tuple[TryOnBatch, TryOnBatch]:
    world = World(DataConfig(height=32, width=24, laid="anyhow", seed=seed))
    return world.paired("train", torch.arange(128)), world.paired("test", torch.arange(24))


def train(bench: Bench, steps: int = STEPS) -> Trained:
    """A short training by the library's own parts: its phase, its optimizer, its average."""
    task = bench.task()
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    optimizer = PhaseOptimizer(task, task.phases[0], TRAIN, choose_precision("no", CPU), scaler)
    ema, losses = EMA(task, TRAIN.ema_decay), []
    for step in range(steps):
        first = ROWS * step % len(bench.pool)
        losses.append(optimizer.update(bench.pool[first : first + ROWS], step)["loss"])
        ema.update(step)
    task.set_submodule("matcher", ema.twins["matcher"])  # for good; a trainer lends it: `EMA.applied`
    return Trained(task, torch.tensor(losses))


def error(task: MatcherTask, batch: TryOnBatch, shown: Tensor | None = None) -> Tensor:
    """The end-point error of the attention, in tokens: one number."""
    record = task.attend(batch, shown=shown)
    return score(expected_coordinates(record), batch, record.query_grid)


def score(places: Tensor, batch: TryOnBatch, grid: Grid) -> Tensor:
    """The end-point error of places [b h w 2] on a grid of tokens, in tokens: one number."""
    flow, known = truth_on_lattice(batch.flow, batch.flow_mask, *grid)
    return end_point_error(places, flow, known, lattice=grid).nanmean()


def numbers(bench: Bench) -> dict[str, Tensor]:
    """What a golden test stores: outputs, losses, gradients, weights after three updates, a score."""
    task, batch = bench.task(), bench.pool[:4]
    terms = task.matcher_loss(batch)
    torch.stack([*terms.values()]).sum().backward()
    few = train(bench, 3)
    stored = {name: term.detach() for name, term in terms.items()}
    stored |= {"gradient": torch.stack([p.grad.norm() for p in task.parameters() if p.grad is not None])}
    stored |= {"copy": task.copy(batch).detach(), "places": expected_coordinates(task.attend(batch))}
    weights = torch.cat([p.flatten() for p in few.task.parameters()]).detach()
    return stored | {"error": error(task, bench.test), "losses": few.losses, "weights": weights}


def footprint(bench: Bench) -> list[Tensor]:
    """All that the system computes: outputs, losses, gradients, the weights of a short training, its score."""
    trained = train(bench)
    return [*numbers(bench).values(), trained.losses, *trained.task.parameters(), error(trained.task, bench.test)]
