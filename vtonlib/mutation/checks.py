# budget: seven kinds of checks side by side, to be compared
"""Seven kinds of checks on one small system: a matcher, its attention, its losses, its trainer and its score.

Each check raises where it complains. None was written with a mutant in mind: they are what a careful author of such a
library would write first, and each is short.

Book: sec-who-notices.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cache

import torch
from torch import Tensor

from vtonlib.attention import AttentionCore, AttentionRecord, AttentionTap, Grid, expected_coordinates
from vtonlib.attention.core import attend
from vtonlib.config import DataConfig, TrainConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.evaluation import end_point_error, truth_on_lattice
from vtonlib.losses.matching import colour_copying
from vtonlib.mutation.change import Mutant
from vtonlib.mutation.formulas import FORMULAS
from vtonlib.tasks.matcher import MatcherConfig, MatcherTask
from vtonlib.tasks.supervision import Supervision
from vtonlib.training.ema import EMA, ema_decay
from vtonlib.training.phase import PhaseOptimizer, learning_rate
from vtonlib.training.precision import choose_precision

CPU = torch.device("cpu")
ROWS, STEPS = 8, 40
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
    return _score(expected_coordinates(record), batch, record.query_grid)


def _score(places: Tensor, batch: TryOnBatch, grid: Grid) -> Tensor:
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


def runs(bench: Bench) -> None:
    """Nothing raises; shapes are right and numbers finite."""
    task, batch = bench.task(), bench.pool[:4]
    terms = task.matcher_loss(batch)
    torch.stack([*terms.values()]).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in task.parameters())
    assert task.copy(batch).shape == batch.person.shape
    assert expected_coordinates(task.attend(batch)).shape == (4, 8, 6, 2)
    assert error(task, bench.test).isfinite() and train(bench, 2).losses.isfinite().all()


def learns(bench: Bench) -> None:
    """The loss falls by a third within forty updates."""
    losses = bench.trained().losses
    assert losses[-5:].mean() < 2 / 3 * losses[:2].mean()


def formula(bench: Bench) -> None:
    """Each part equals its formula, written a second time with loops."""
    for agree in FORMULAS:
        agree(bench.draw)


def gradient(bench: Bench) -> None:
    """Gradients are those of finite differences: of the parts, and of the whole loss by all weights."""

    def inputs(*shapes: tuple[int, ...]) -> tuple[Tensor, ...]:
        return tuple(bench.draw(*shape).requires_grad_() for shape in shapes)

    def places(query: Tensor, key: Tensor) -> Tensor:
        return expected_coordinates(AttentionRecord(query, key, 0.7, Grid(2, 2), (Grid(2, 3),)))

    region = (bench.draw(2, 1, 3, 4) > 0).double()
    check = torch.autograd.gradcheck
    assert check(lambda q, k, v: attend(q, k, v, 0.7), inputs((1, 2, 4, 3), (1, 2, 6, 3), (1, 2, 6, 2)))
    assert check(places, inputs((1, 2, 4, 3), (1, 2, 6, 3)))
    assert check(lambda a, b: colour_copying(a, b, region), inputs((2, 3, 3, 4), (2, 3, 3, 4)))
    task, batch = bench.task(torch.float64), _double(bench.pool[:2])
    parameters = [*task.parameters()]
    torch.stack([*task.matcher_loss(batch).values()]).sum().backward()
    way = [torch.randn(p.shape, generator=torch.Generator().manual_seed(k)) for k, p in enumerate(parameters)]
    pairs = zip(parameters, way, strict=True)
    slope = torch.stack([(p.grad * w).sum() for p, w in pairs if p.grad is not None]).sum()
    found = []
    with torch.no_grad():
        for step in (1e-5, -2e-5):
            for p, w in zip(parameters, way, strict=True):
                p.add_(w, alpha=step)
            found.append(torch.stack([*task.matcher_loss(batch).values()]).sum())
    torch.testing.assert_close(slope, (found[0] - found[1]) / 2e-5, rtol=1e-4, atol=1e-6, check_dtype=False)


def _double(batch: TryOnBatch) -> TryOnBatch:
    return replace(batch, **{name: t.double() for name, t in batch.tensors().items() if t.is_floating_point()})


def law(bench: Bench) -> None:
    """What must hold whatever the numbers: invariances, bounds, and cases whose answer is known without a formula."""
    _laws_of_attention(bench)
    task, batch = bench.task(), bench.pool[:4]
    copied = task.copy(batch)
    same = torch.testing.assert_close
    same(task.copy(batch[1:3]), copied[1:3])  # people do not know of one another
    same(task.copy(replace(batch, person=-batch.person)), copied)  # the answer is not among the inputs
    same(task.matcher_loss(batch[[0, 1, 0, 1]])["copy"], task.matcher_loss(batch[:2])["copy"])
    assert copied.amin() >= batch.garment.amin() - 1e-4 and copied.amax() <= batch.garment.amax() + 1e-4
    assert not colour_copying(batch.person, batch.person, batch.garment_region).any()
    outside = torch.where(batch.garment_region > 0, copied, torch.randn_like(copied))
    same(colour_copying(outside, batch.person, batch.garment_region), task.matcher_loss(batch)["copy"])
    _laws_of_the_score(bench)
    _laws_of_training(bench)


def _laws_of_attention(bench: Bench) -> None:
    query, key = bench.draw(2, 3, 6, 5), bench.draw(2, 3, 12, 5)
    value, order = bench.draw(2, 3, 12, 2), torch.randperm(12, generator=torch.Generator().manual_seed(bench.seed))
    same, read = torch.testing.assert_close, attend(query, key, value, 0.7)
    same(attend(query, key[:, :, order], value[:, :, order], 0.7), read)  # the order of keys
    same(attend(query, key, torch.ones_like(value), 0.7), torch.ones_like(read))  # rows sum to 1
    same(attend(query, key, 2 * value + 1, 0.7), 2 * read + 1)
    core, grids = AttentionCore(), {"query_grid": Grid(2, 3), "key_grids": (Grid(4, 3),)}
    with AttentionTap(torch.nn.ModuleDict({"core": core})) as tap:
        output = core(query, key, value, scale=0.4, **grids)
    same(tap["core"].read(value), output)  # what was recorded is what was computed
    same(tap["core"].weights() @ value, output)


def _laws_of_the_score(bench: Bench) -> None:
    batch, grid = bench.test, Grid(8, 6)
    flow, _ = truth_on_lattice(batch.flow, batch.flow_mask, *grid)
    one = torch.tensor([2 / (grid.width - 1), 0.0])  # a token to the right
    same, zero = torch.testing.assert_close, torch.tensor(0.0)
    same(_score(flow, batch, grid), zero)
    same(_score(flow + one, batch, grid), zero + 1)
    same(_score(flow - one.flip(0) * 5 / 7, batch, grid), zero + 1, rtol=1e-4, atol=1e-4)
    same(_score(torch.where(flow == 0, 9.0, flow), batch, grid), zero)  # unknown places count nothing


def _laws_of_training(bench: Bench) -> None:
    rates = [learning_rate(TRAIN, step) for step in range(TRAIN.steps)]
    assert max(rates) == TRAIN.learning_rate and 0 < rates[-1] < rates[0] and min(rates) > 0
    decays = [ema_decay(update, 0.9) for update in range(200)]
    assert all(0 < decay <= 0.9 for decay in decays) and decays == sorted(decays)
    task = bench.task()
    ema = EMA(task, 0.9)
    before = {name: t.clone() for name, t in ema.state().items()}
    ema.update(7)
    torch.testing.assert_close(ema.state(), before)  # the average of what does not change


def golden(bench: Bench) -> None:
    """The numbers are those that were stored, up to rounding."""
    torch.testing.assert_close(numbers(bench), bench.stored, rtol=1e-4, atol=1e-6, equal_nan=True)


def truth(bench: Bench) -> None:
    """Trained, attention is much nearer to the true places than a look at the middle, and reads the garment."""
    task, batch, grid = bench.trained().task, bench.test, Grid(8, 6)
    middle = _score(torch.zeros(len(batch), *grid, 2), batch, grid)
    assert 0.9 < middle < 1.4  # a control whose error is known
    assert error(task, batch) < 0.75 * middle
    another = batch.garment.roll(1, 0)
    assert (error(task, batch, shown=another) - error(task, batch)).abs() > 1e-3


CHECKS: dict[str, Callable[[Bench], None]] = {
    "runs": runs,
    "learns": learns,
    "formula": formula,
    "gradient": gradient,
    "law": law,
    "golden": golden,
    "truth": truth,
}
"""The kinds of checks, by name."""


def complaints(bench: Bench, mutant: Mutant | None = None) -> dict[str, str]:
    """What each kind of check says of the library with one thing changed; empty where it passes."""
    said, fresh = {}, replace(bench, memory=[])
    with mutant.applied() if mutant else nullcontext():
        for name, check in CHECKS.items():
            try:
                check(fresh)
                said[name] = ""
            except Exception as fault:
                said[name] = f"{type(fault).__name__}: {fault}".splitlines()[0]
    return said
