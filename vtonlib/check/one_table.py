# budget: the mistakes that readers make and their hints are data, and stand beside the exercise that they belong to
"""Exercises on a table of methods: a budget and ranks by hand; rank correlation, paired differences, ratios in code."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand
from vtonlib.evaluation.ranking import rank_correlation as _rank_correlation
from vtonlib.evaluation.ranking import ranks

equal_steps = by_hand(
    "equal_steps",
    1500,
    "how many steps of 12 GFLOP the budget of 500 steps of 36 GFLOP buys, one number",
    {
        500: "That would be as many steps. Equal is what they cost.",
        166.666667: "The wrong way round: a cheaper step buys more steps.",
        18000: "That is the budget, in GFLOP. How many steps is it?",
        3: "That is how much more one step costs than the other. How many steps does 500 times that buy?",
    },
)

ranked_by_hand = by_hand(
    "ranked_by_hand",
    -0.8,
    "the rank correlation of likeness 0.55, 0.60, 0.70, 0.65 and error 3, 9, 10, 5, turned so that 1 means they agree",
    {
        0.8: "The ranks rise together, but an error is better when it is small: agreement needs the other sign.",
        -0.666667: "That counts pairs in order and in disorder (Kendall's). Here squared differences of ranks count.",
        0.666667: "That counts pairs, and an error is better when it is small.",
        -1.0: "Not all pairs are reversed: compare the second method with the last.",
        1.0: "They do not order all four alike.",
    },
)


def _two_readings() -> list[Arguments]:
    g = torch.Generator().manual_seed(15)
    cases: list[Arguments] = []
    for n in (4, 7, 13):
        x = torch.randn(n, generator=g, dtype=torch.float64)
        cases.append((x, (x + torch.randn(n, generator=g, dtype=torch.float64)).exp()))
    return cases


def _pearson(x: Tensor, y: Tensor) -> Tensor:
    x, y = x - x.mean(), y - y.mean()
    return (x * y).sum() / (x.square().sum() * y.square().sum()).sqrt()


def _kendall(x: Tensor, y: Tensor) -> Tensor:
    signs = ((x[:, None] - x) * (y[:, None] - y)).sign()
    return signs.sum() / (len(x) * (len(x) - 1))


rank_correlation = Exercise(
    name="rank_correlation",
    signature="two readings of the same methods, [n] and [n], no two alike -> Spearman's rank correlation, one number",
    reference=_rank_correlation,
    cases=_two_readings,
    mistakes=(
        Mistake(
            "of the values",
            _pearson,
            "That is the correlation of the values themselves: a reading on another scale would change it. Take ranks.",
        ),
        Mistake(
            "argsort once",
            lambda x, y: _pearson(x.argsort().double(), y.argsort().double()),
            "argsort tells which method has a rank, not which rank a method has. Sort once more.",
        ),
        Mistake(
            "not centred",
            lambda x, y: (ranks(x) * ranks(y)).sum() / (ranks(x).square().sum() * ranks(y).square().sum()).sqrt(),
            "You multiply ranks without taking their mean away: the result can hardly be negative.",
        ),
        Mistake(
            "reversed",
            lambda x, y: -_rank_correlation(x, y),
            "The sign is the other way: two readings that order alike have a positive one.",
        ),
        Mistake(
            "Kendall's",
            _kendall,
            "That counts pairs in order and in disorder, which is Kendall's. Spearman's is a correlation of the ranks.",
        ),
    ),
)


def _two_methods() -> list[Arguments]:
    g = torch.Generator().manual_seed(16)
    # rounded, so that some people are ties
    return [tuple((4 * torch.rand(2, n, generator=g, dtype=torch.float64)).round().unbind(0)) for n in (9, 20, 61)]


better_share = Exercise(
    name="better_share",
    signature="errors of two methods on the same people, [p] and [p] -> the share of people on whom the first errs "
    "less, a tie counting half, one number",
    reference=lambda a, b: ((a < b).double() + (a == b).double() / 2).mean(),
    cases=_two_methods,
    mistakes=(
        Mistake(
            "ties won",
            lambda a, b: (a <= b).double().mean(),
            "You give every tie to the first method. Exchange the two: the shares should add up to 1.",
        ),
        Mistake(
            "ties lost",
            lambda a, b: (a < b).double().mean(),
            "You give every tie to the second method. Exchange the two: the shares should add up to 1.",
        ),
        Mistake(
            "of the means",
            lambda a, b: (a.mean() < b.mean()).double(),
            "That compares the means. Asked is on how many people, one by one.",
        ),
        Mistake(
            "more is better",
            lambda a, b: ((a > b).double() + (a == b).double() / 2).mean(),
            "These are errors: less is better.",
        ),
    ),
)


def _ratios() -> list[Arguments]:
    g = torch.Generator().manual_seed(17)
    return [(torch.randn(n, generator=g, dtype=torch.float64).exp(),) for n in (4, 9, 31)]


mean_ratio = Exercise(
    name="mean_ratio",
    signature="painted over true texture of each person, [p] -> the mean ratio, one number",
    reference=lambda r: r.log().mean().exp(),
    cases=_ratios,
    mistakes=(
        Mistake(
            "arithmetic",
            lambda r: r.mean(),
            "Half of the people at 1/2 and half at 2 would give 1.25: blur and noise do not cancel. Means of ratios "
            "are taken elsewhere.",
        ),
        Mistake(
            "harmonic",
            lambda r: 1 / (1 / r).mean(),
            "Half at 1/2 and half at 2 would give 0.8. Twice and half should be equally far from 1.",
        ),
        Mistake(
            "median", lambda r: r.median(), "That is a middle, not a mean: it does not hear how far the others are."
        ),
        Mistake("still a logarithm", lambda r: r.log().mean(), "Nearly: bring it back from logarithms."),
    ),
)


def _disordered(x: Tensor, y: Tensor, wrong: float = 0.0) -> Tensor:
    product = (x[:, None] - x) * (y[:, None] - y)
    return ((product < wrong).triu(1)).sum()


pairs_in_disorder = Exercise(
    name="pairs_in_disorder",
    signature="two readings of the same methods, [n] and [n] -> how many pairs they order differently, one number",
    reference=_disordered,
    cases=lambda: [*_two_readings(), (torch.tensor([1.0, 1, 2, 3, 2]), torch.tensor([2.0, 1, 2, 2, 5]))],
    mistakes=(
        Mistake(
            "ties too",
            lambda x, y: _disordered(x, y, 1e-9),
            "You count pairs that one reading does not order at all. A tie is no disorder.",
        ),
        Mistake(
            "every pair twice",
            lambda x, y: 2 * _disordered(x, y),
            "You count (i, j) and (j, i). Each pair is one.",
        ),
        Mistake(
            "pairs in order",
            lambda x, y: len(x) * (len(x) - 1) // 2 - _disordered(x, y),
            "Those are the pairs that both order alike.",
        ),
        Mistake(
            "places that differ",
            lambda x, y: (ranks(x) != ranks(y)).sum(),
            "That counts methods whose rank differs. Asked are pairs.",
        ),
        Mistake(
            "neighbours alone",
            lambda x, y: ((x.diff() * y.diff()) < 0).sum(),
            "You compare each method with the next alone. All pairs count.",
        ),
    ),
)
