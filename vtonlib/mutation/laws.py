"""What must hold of the small system whatever its numbers are: invariances, bounds, cases whose answer is known.

Book: sec-who-notices.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vtonlib.attention import AttentionCore, AttentionTap, Grid, expected_coordinates
from vtonlib.attention.core import attend
from vtonlib.evaluation import truth_on_lattice
from vtonlib.losses.matching import colour_copying
from vtonlib.mutation.bench import CPU, TRAIN, Bench, score
from vtonlib.training.ema import EMA, ema_decay
from vtonlib.training.phase import PhaseOptimizer, learning_rate
from vtonlib.training.precision import choose_precision


def laws(bench: Bench) -> None:
    """Each law holds.

    Raises:
        AssertionError: for the first that does not.
    """
    _laws_of_attention(bench)
    _laws_of_the_matcher(bench)
    _laws_of_the_score(bench)
    _laws_of_training(bench)


def _laws_of_the_matcher(bench: Bench) -> None:
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
    looks, elsewhere = (expected_coordinates(task.attend(batch, shown=x)) for x in (None, -batch.garment))
    assert (looks - elsewhere).abs().amax() > 0.01  # another garment moves attention


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
    query, key, value = (bench.draw(1, 1, 64, d).float() for d in (5, 5, 2))
    with _Largest() as largest:
        attend(query, key, value, 0.7)
    assert largest.numbers < 64 * 64  # no map is made


class _Largest(TorchDispatchMode):
    """The most numbers that any operation of the block makes."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        self.numbers = max([self.numbers, *(x.numel() for x in tree_leaves(made) if isinstance(x, Tensor))])
        return made


def _laws_of_the_score(bench: Bench) -> None:
    batch, grid = bench.test, Grid(8, 6)
    flow, _ = truth_on_lattice(batch.flow, batch.flow_mask, *grid)
    one = torch.tensor([2 / (grid.width - 1), 0.0])  # a token to the right
    same, zero = torch.testing.assert_close, torch.tensor(0.0)
    same(score(flow, batch, grid), zero)
    same(score(flow + one, batch, grid), zero + 1)
    same(score(flow - one.flip(0) * 5 / 7, batch, grid), zero + 1, rtol=1e-4, atol=1e-4)
    same(score(torch.where(flow == 0, 9.0, flow), batch, grid), zero)  # unknown places count nothing


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
    pieces = [_first_update(bench, accumulate) for accumulate in (1, 2)]
    torch.testing.assert_close(pieces[1], pieces[0])  # two pieces with the same people


def _first_update(bench: Bench, accumulate: int) -> Tensor:
    """The loss and the gradient's norm of one update by two people, each there twice."""
    task, config = bench.task(), replace(TRAIN, accumulate=accumulate)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    said = PhaseOptimizer(task, task.phases[0], config, choose_precision("no", CPU), scaler).update(
        bench.pool[[0, 0, 1, 1]], 0
    )
    return torch.tensor([said["loss"], said["grad_norm"]])
