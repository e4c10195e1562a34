"""The formulas of a small system, each a second time: with loops, in float64, on lattices that are not square.

Book: sec-who-notices.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from vtonlib.attention import AttentionCore, AttentionTap, Grid, expected_coordinates
from vtonlib.attention.core import attend
from vtonlib.config import TrainConfig
from vtonlib.evaluation import end_point_error, truth_on_lattice
from vtonlib.grids import coordinate_grid, masked_mean, resize_mask
from vtonlib.losses.matching import colour_copying
from vtonlib.models.matcher import token_colours
from vtonlib.training.ema import EMA, ema_decay
from vtonlib.training.phase import learning_rate

Draw = Callable[..., Tensor]
"""Shape -> normal numbers in float64."""
same = torch.testing.assert_close


def _weights(query: Tensor, key: Tensor, scale: float) -> Tensor:
    """softmax(q k^T scale), one number after another; [nq d], [nk d] -> [nq nk]."""
    rows = []
    for q in query:
        logits = [scale * float((q * k).sum()) for k in key]
        total = sum(math.exp(x) for x in logits)
        rows.append([math.exp(x) / total for x in logits])
    return torch.tensor(rows, dtype=torch.float64)


def attention(draw: Draw) -> None:
    """attend; what the tap records of a core, with and without a scale; where it looks."""
    query, key, value = draw(2, 2, 6, 5), draw(2, 2, 12, 5), draw(2, 2, 12, 3)
    for given, scale in ((0.4, 0.4), (None, 5**-0.5)):
        maps = [[_weights(query[b, h], key[b, h], scale) for h in range(2)] for b in range(2)]
        wanted = torch.stack([torch.stack(of_heads) for of_heads in maps])
        same(attend(query, key, value, scale), wanted @ value)
        core = AttentionCore()
        with AttentionTap(nn.ModuleDict({"core": core})) as tap:
            core(query, key, value, query_grid=Grid(3, 2), key_grids=(Grid(4, 3),), scale=given)
        record = tap["core"]
        same(record.weights(), wanted)
        same(record.read(value, temperature=2.0), _halved(query, key, scale) @ value)
        torch.testing.assert_close(_in_bf16(query, key, value, scale).double(), wanted @ value, rtol=0.05, atol=0.05)
        warmer = _halved(query, key, scale).mean(1) @ coordinate_grid(4, 3).flatten(0, 1).double()
        same(expected_coordinates(record, temperature=2.0).flatten(1, 2), warmer)
        places = expected_coordinates(record)
        for b in range(2):
            for i in range(6):
                x = sum(float(wanted[b, :, i, j].mean()) * (2 * (j % 3) / 2 - 1) for j in range(12))
                y = sum(float(wanted[b, :, i, j].mean()) * (2 * (j // 3) / 3 - 1) for j in range(12))
                same(places[b, i // 2, i % 2].tolist(), [x, y])


def _halved(query: Tensor, key: Tensor, scale: float) -> Tensor:
    rows = [[_weights(query[b, h], key[b, h], scale / 2) for h in range(2)] for b in range(2)]
    return torch.stack([torch.stack(of_heads) for of_heads in rows])


def _in_bf16(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    return attend(query.bfloat16(), key.bfloat16(), value.bfloat16(), scale)


def geometry(draw: Draw) -> None:
    """Coordinates, means over masks, masks on another lattice."""
    for h, w in ((3, 5), (1, 4), (2, 1)):
        for i in range(h):
            for j in range(w):
                wanted = [2 * k / (n - 1) - 1 if n > 1 else 0.0 for k, n in ((j, w), (i, h))]
                same(coordinate_grid(h, w)[i, j], torch.tensor(wanted))
    x, mask = draw(2, 3, 4, 5), (draw(2, 1, 4, 5) > 0).double() * 0.5
    total = sum(float(mask[b, 0, i, j] * x[b, c, i, j]) for b, c, i, j in _indices(2, 3, 4, 5))
    count = 3 * sum(float(m) for m in mask.flatten())
    same(float(masked_mean(x, mask)), total / count)
    assert not masked_mean(x, mask * 0)
    small = resize_mask(mask, 2, 5)
    for b, i, j in _indices(2, 2, 5):
        same(small[b, 0, i, j], (mask[b, 0, 2 * i, j] + mask[b, 0, 2 * i + 1, j]) / 2)


def _indices(*sizes: int) -> list[list[int]]:
    return torch.cartesian_prod(*(torch.arange(n) for n in sizes)).tolist()


def copying(draw: Draw) -> None:
    """The colours of tokens, and the loss that copies them."""
    garment, mask = draw(2, 3, 4, 6), (draw(2, 1, 4, 6) > 0).double()
    colours, share = token_colours(garment, mask, Grid(2, 2))
    for b, c, i, j in _indices(2, 3, 2, 2):
        pixels = [(b, y, x) for y in (2 * i, 2 * i + 1) for x in range(3 * j, 3 * j + 3)]
        weight = {p: float(mask[p[0], 0, p[1], p[2]]) for p in pixels}
        weight = {p: m + 1e-3 * (1 - m) for p, m in weight.items()}
        total = sum(w * float(garment[p[0], c, p[1], p[2]]) for p, w in weight.items())
        same(float(colours[b, c, i, j]), total / sum(weight.values()))
        covered = sum(float(mask[p[0], 0, p[1], p[2]]) for p in pixels) / 6
        same(float(share[b, 0, i, j]), max(covered, 1e-3))
    person = draw(2, 3, 4, 6).flip(0)
    inside = [(b, c, i, j) for b, c, i, j in _indices(2, 3, 4, 6) if mask[b, 0, i, j]]
    wanted = sum(float(garment[p] - person[p]) ** 2 for p in inside) / len(inside)
    same(float(colour_copying(garment, person, mask)), wanted)


def training(draw: Draw) -> None:
    """The learning rate of every schedule, and averaged weights."""
    for schedule, at_20 in {"constant": 1.0, "cosine": 0.5 * (1 + math.cos(math.pi * 16 / 36)), "linear": 1.0}.items():
        config = TrainConfig(steps=40, learning_rate=2.0, warmup_steps=4, schedule=schedule)  # type: ignore[arg-type]
        same([learning_rate(config, step) for step in (0, 3, 20)], [0.5, 2.0, 2 * at_20])
    same(learning_rate(TrainConfig(steps=40, learning_rate=2.0, warmup_steps=4, schedule="linear"), 30), 1.0)
    same(learning_rate(TrainConfig(steps=40, learning_rate=2.0, warmup_steps=4, schedule="linear"), 10), 2.0)
    for update in range(200):
        same(ema_decay(update, 0.9), min(0.9, (1 + update) / (10 + update)))
    model = nn.BatchNorm1d(3).double()
    task = SimpleNamespace(averaged=("model",), get_submodule=lambda _: model)
    ema = EMA(task, 0.9)  # type: ignore[arg-type]
    average = model.weight.detach().clone()
    for update in range(3):
        with torch.no_grad():
            model.weight.copy_(draw(3, update + 1)[:, -1])
            model.running_mean.copy_(draw(3))  # type: ignore[union-attr]
        keeps = (1 + update) / (10 + update)
        average = keeps * average + (1 - keeps) * model.weight.detach()
        ema.update(update)
        same(ema.state()["model.weight"], average)
        same(ema.state()["model.running_mean"], model.running_mean)


def score(draw: Draw) -> None:
    """End-point errors, and the truth on a coarser lattice, which is known where all that it mixes is."""
    flow, target, mask = draw(2, 3, 4, 2), draw(2, 3, 4, 2).flip(0), (draw(2, 1, 3, 4) > -0.5).double()
    found = end_point_error(flow, target, mask, lattice=(9, 5))
    for b in range(2):
        inside = [(i, j) for i, j in _indices(3, 4) if mask[b, 0, i, j]]
        off = [(flow[b, i, j] - target[b, i, j]) * torch.tensor([2.0, 4.0]) for i, j in inside]
        same(float(found[b]), sum(math.hypot(*d.tolist()) for d in off) / len(inside))
    known = torch.ones(1, 1, 5, 5)
    known[..., 0, 1] = 0  # the coarse lattice of 3x3 reads every second pixel, and not this one
    known[..., 4, 4] = 0  # but this one
    truth, where = truth_on_lattice(coordinate_grid(5, 5)[None], known, 3, 3)
    same(truth[0], coordinate_grid(3, 3))
    assert where.flatten().tolist() == [1] * 8 + [0]
    _, between = truth_on_lattice(coordinate_grid(5, 5)[None], known, 4, 4)  # reads two pixels each way
    assert between.flatten().tolist() == [1, 0] + [1] * 13 + [0]


FORMULAS: tuple[Callable[[Draw], None], ...] = (attention, geometry, copying, training, score)
"""All of them; each raises AssertionError where the library differs."""
