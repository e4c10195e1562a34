"""Exercises on training: averaged weights, learning rates, pieces of a batch, the place in the data, and power cuts."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand

by_hand_17_1 = by_hand(
    "by_hand_17_1",
    0.348678,
    "the weight that the start has in an average of decay 0.9 after ten updates, one number",
    {
        0.387420: "That is after nine updates.",
        0.313811: "That is after eleven updates: the first update already multiplies the start by 0.9.",
        0.651322: "That is the weight of everything else. Asked is what the start keeps.",
        1e-10: "You multiplied what an update gives to the new weights. The start keeps the other share each time.",
        0.1: "That is what the newest weights get. The start is the oldest.",
    },
    tolerance=2e-3,
)

torn_moments = by_hand(
    "torn_moments",
    1,
    "after how many of the four operations of writing beside and renaming a power cut can leave a torn file, a number",
    {
        0: "You thought of a kill: there the system still writes what it was given. A power cut takes that away.",
        2: "Until the name changes, the old name leads to the old file, however little there is of the new one.",
        3: "Until the name changes, the old name leads to the old file, however little there is of the new one.",
        4: "Until the name changes, the old name leads to the old file, however little there is of the new one.",
    },
)


def _warm(update: int, decay: float) -> float:
    return min(decay, (1 + update) / (10 + update))


def _average(weights: Tensor, decays: list[float]) -> Tensor:
    found = weights[0]
    for new, decay in zip(weights[1:], decays, strict=True):
        found = decay * found + (1 - decay) * new
    return found


def _updates(weights: Tensor) -> range:
    return range(len(weights) - 1)


def _weight_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(17)
    return [(torch.randn(n, c, generator=g), decay) for n, c, decay in ((5, 3, 0.99), (40, 4, 0.7), (12, 2, 0.5))]


averaged_weights = Exercise(
    name="averaged_weights",
    signature="weights [n c], the start and those after each update, decay -> their average after the last, [c]",
    reference=lambda w, d: _average(w, [_warm(u, d) for u in _updates(w)]),
    cases=_weight_cases,
    mistakes=(
        Mistake(
            "constant decay",
            lambda w, d: _average(w, [d for _ in _updates(w)]),
            "That is the plain average: after few updates it is mostly the random start. The decay begins small.",
        ),
        Mistake(
            "shares exchanged",
            lambda w, d: _average(w, [1 - _warm(u, d) for u in _updates(w)]),
            "You keep the share that belongs to the new weights.",
        ),
        Mistake(
            "counted from 1",
            lambda w, d: _average(w, [_warm(u + 1, d) for u in _updates(w)]),
            "Your updates are counted from 1; the formula's first is number 0.",
        ),
        Mistake("plain mean", lambda w, d: w.mean(0), "That is the mean of all. Later weights count more."),
    ),
)


def _rate(step: int, steps: int, warmup: int, largest: float) -> float:
    if step < warmup:
        return largest * (step + 1) / warmup
    return largest * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


def _curve(step: Tensor, steps: int, warmup: int, largest: float) -> Tensor:
    return torch.tensor([_rate(int(s), steps, warmup, largest) for s in step])


warm_cosine = Exercise(
    name="warm_cosine",
    signature="step [n], steps, warmup, largest -> the learning rate of each step, [n]",
    reference=_curve,
    cases=lambda: [(torch.arange(20), 20, 4, 1.0), (torch.arange(50), 50, 7, 0.003), (torch.arange(9), 9, 1, 0.1)],
    mistakes=(
        Mistake(
            "rise from 0",
            lambda s, n, w, r: torch.where(s < w, r * s / w, _curve(s, n, w, r)),
            "Your first step has the rate 0 and changes nothing: at step 0 one share of the rise is done already.",
        ),
        Mistake(
            "no rise",
            lambda s, n, w, r: r * (1 + torch.cos(math.pi * (s - w).clamp_min(0) / (n - w))) / 2,
            "The first steps have the largest rate already. It should rise over the warm-up.",
        ),
        Mistake(
            "cosine from step 0",
            lambda s, n, w, r: torch.where(s < w, _curve(s, n, w, r), r * (1 + torch.cos(math.pi * s / n)) / 2),
            "Your cosine begins at step 0, so the rate jumps down where the rise ends.",
        ),
        Mistake(
            "a whole cosine",
            lambda s, n, w, r: torch.where(
                s < w, _curve(s, n, w, r), r * (1 + torch.cos(2 * math.pi * (s - w) / (n - w))) / 2
            ),
            "Your rate falls to 0 and rises again: half a cosine is wanted.",
        ),
    ),
)


def _piece_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(18)
    shapes, chances = ((3, 10), (2, 7), (4, 5)), ((0.9, 0.2, 0.5), (0.2, 0.8), (0.5, 0.1, 0.9, 0.4))
    return [
        (torch.rand(shape, generator=g), (torch.rand(shape, generator=g) < torch.tensor(chance)[:, None]).float())
        for shape, chance in zip(shapes, chances, strict=True)
    ]


pieces_loss = Exercise(
    name="pieces_loss",
    signature="errors [pieces n], masks [pieces n] -> the masked mean of the whole batch, a number",
    reference=lambda e, m: (e * m).sum() / m.sum(),
    cases=_piece_cases,
    mistakes=(
        Mistake(
            "mean of means",
            lambda e, m: ((e * m).sum(1) / m.sum(1).clamp_min(1)).mean(),
            "You average the pieces' means: a pixel of a piece that counts few pixels weighs more than others.",
        ),
        Mistake("all pixels", lambda e, m: (e * m).mean(), "You divide by all pixels, not by those that count."),
        Mistake("no mask", lambda e, m: e.mean(), "Pixels outside the masks count too."),
        Mistake(
            "sum of means",
            lambda e, m: ((e * m).sum(1) / m.sum(1).clamp_min(1)).sum(),
            "You add the pieces' means: the gradient grows with the number of pieces.",
        ),
    ),
)


def _place(order: Tensor, size: int, step: int, per_epoch: int | None = None) -> Tensor:
    per_epoch = per_epoch or order.shape[1] // size
    epoch, number = divmod(step, per_epoch)
    return order[min(epoch, len(order) - 1)][size * number :][:size]


def _in_a_row(order: Tensor, size: int, step: int) -> Tensor:
    return order.flatten()[size * step :][:size]


def _place_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(19)
    return [
        (torch.stack([torch.randperm(count, generator=g) for _ in range(5)]), size, step)
        for count, size, step in ((10, 3, 5), (12, 4, 7), (11, 2, 14), (9, 4, 2))
    ]


batch_at = Exercise(
    name="batch_at",
    signature="order [epochs count], batch_size, step -> the examples of that step's batch, [batch_size]",
    reference=_place,
    cases=_place_cases,
    mistakes=(
        Mistake(
            "always the first epoch",
            lambda o, b, s: o[0][b * (s % (o.shape[1] // b)) :][:b],
            "You read every epoch in the first one's order.",
        ),
        Mistake(
            "the rest is used too",
            _in_a_row,
            "You go on through the end of an epoch. What does not fill a batch is left out, or batches mix epochs.",
        ),
        Mistake(
            "a step late",
            lambda o, b, s: _place(o, b, s + 1),
            "That is the batch after it: step 0 takes the first.",
        ),
        Mistake(
            "from the start",
            lambda o, b, s: o[0][:b],
            "That is the first batch of all, which is what a resumed run sees if its place is not known.",
        ),
    ),
)
