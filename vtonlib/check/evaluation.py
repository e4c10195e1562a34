# budget: the mistakes that readers make and their hints are data, and stand beside the exercise that they belong to
"""Exercises on evaluating: paired differences, many arms, the bias of FID and of a kernel, people and trainings."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand
from vtonlib.evaluation import squared_mmd
from vtonlib.evaluation.comparison import holm
from vtonlib.evaluation.sample_size import at_infinity

by_hand_19_1 = by_hand(
    "by_hand_19_1",
    math.sqrt(2 / 3) / 200,
    "the standard error of the mean of four paired differences, one number",
    {
        math.sqrt(2 / 3) / 100: "That is how far single differences spread. A mean of four spreads less.",
        math.sqrt(0.5) / 200: "You divided by n. Where the mean is taken from the same numbers, it is n - 1.",
        0.02: "That is the mean difference. How sure is it?",
        0.09046: "You treated the two methods as if other people had been scored. Take each person's difference first.",
        math.sqrt(2 / 3) / 400: "You divided by n. A standard error has the root of n.",
        math.sqrt(2 / 3) / 2: "Right in hundredths. In which unit are the scores?",
        0.004: "Nearly. One digit is too few here: give three.",
    },
    tolerance=1e-2,
)

null_arms = by_hand(
    "null_arms",
    1 - 0.95**20,
    "the chance that at least one of twenty arms that change nothing looks different, one number",
    {
        1.0: "That is how many you expect, twenty times a twentieth, and no chance. What is the chance of none?",
        0.05: "That is the chance of one arm alone.",
        0.95**20: "That is the chance that none does.",
        1 - 0.95**19: "You counted nineteen arms.",
        20 * 0.05 * 0.95**19: "That is the chance of exactly one.",
    },
    tolerance=1e-2,
)


def _sizes(sizes: tuple[int, ...]) -> Tensor:
    return torch.tensor(sizes, dtype=torch.float64)


def _curves() -> list[Arguments]:
    g = torch.Generator().manual_seed(19)
    cases: list[Arguments] = []
    for sizes, (a, b) in (((50, 100, 200), (3.0, 80.0)), ((64, 96, 256, 512), (0.5, 300.0)), ((20, 30), (1.0, 15.0))):
        noise = 0.2 * torch.randn(len(sizes), 5, generator=g, dtype=torch.float64)
        cases.append((_sizes(sizes), a + b / _sizes(sizes)[:, None] + noise))
    return cases


def _line(x: Tensor, values: Tensor) -> Tensor:
    design = torch.stack((torch.ones_like(x), x), 1)
    return torch.linalg.lstsq(design, values.mean(1, keepdim=True)).solution[:, 0]


endless_frechet = Exercise(
    name="endless_frechet",
    signature="sizes [s], FIDs [s r] of r subsets of each size -> FID for endlessly many pictures, one number",
    reference=lambda sizes, values: at_infinity([int(n) for n in sizes], values)[0],
    cases=_curves,
    mistakes=(
        Mistake(
            "line in n",
            lambda s, v: _line(s, v)[0],
            "Your line runs over n, and ends at no pictures at all. Over which quantity is the bias straight?",
        ),
        Mistake("largest", lambda s, v: v[-1].mean(), "That is FID at the largest size. Some bias is left there too."),
        Mistake("slope", lambda s, v: _line(1 / s, v)[1], "That is the slope: how fast the bias grows."),
        Mistake("mean", lambda s, v: v.mean(), "That is the mean over all sizes: each has another bias."),
        Mistake(
            "root",
            lambda s, v: _line(s.rsqrt(), v)[0],
            "Your line runs over the root of 1/n, as an uncertainty would. A bias of a mean shrinks faster.",
        ),
    ),
    tolerance=1e-3,
)


def _features() -> list[Arguments]:
    g = torch.Generator().manual_seed(20)
    return [
        (torch.randn(n, d, generator=g, dtype=torch.float64), torch.randn(m, d, generator=g, dtype=torch.float64) + 0.3)
        for n, m, d in ((6, 9, 4), (11, 5, 3), (7, 8, 5))
    ]


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3


def _off(kernel: Tensor) -> Tensor:
    return (kernel.sum() - kernel.trace()) / (len(kernel) * (len(kernel) - 1))


unbiased_mmd = Exercise(
    name="unbiased_mmd",
    signature="features x [n d], y [m d] -> the unbiased squared distance by the kernel (x . y / d + 1)^3, one number",
    reference=squared_mmd,
    cases=_features,
    mistakes=(
        Mistake(
            "with the diagonal",
            lambda x, y: _kernel(x, x).mean() + _kernel(y, y).mean() - 2 * _kernel(x, y).mean(),
            "Each picture is compared with itself too, and is most like itself. That is a bias, and shrinks with n.",
        ),
        Mistake(
            "diagonal out, counted in",
            lambda x, y: (
                (_kernel(x, x).sum() - _kernel(x, x).trace()) / len(x) ** 2
                + (_kernel(y, y).sum() - _kernel(y, y).trace()) / len(y) ** 2
                - 2 * _kernel(x, y).mean()
            ),
            "You left each picture's pair with itself out of the sum, but divide by as many as if it were in.",
        ),
        Mistake(
            "no d",
            lambda x, y: _off((x @ x.T + 1) ** 3) + _off((y @ y.T + 1) ** 3) - 2 * ((x @ y.T + 1) ** 3).mean(),
            "The product of features is divided by their number.",
        ),
        Mistake(
            "square",
            lambda x, y: (
                _off((x @ x.T / x.shape[1] + 1) ** 2)
                + _off((y @ y.T / x.shape[1] + 1) ** 2)
                - 2 * ((x @ y.T / x.shape[1] + 1) ** 2).mean()
            ),
            "Your kernel is a square. This one is a cube.",
        ),
        Mistake(
            "once across",
            lambda x, y: _off(_kernel(x, x)) + _off(_kernel(y, y)) - _kernel(x, y).mean(),
            "Pairs across the sets count twice: expand the square of a difference.",
        ),
        Mistake("root", lambda x, y: max(squared_mmd(x, y), 0.0) ** 0.5, "That is a root: KID is a squared distance."),
    ),
)


def _scores() -> list[Arguments]:
    g = torch.Generator().manual_seed(21)
    cases: list[Arguments] = []
    for n in (5, 12, 30):
        hard = torch.randn(n, generator=g, dtype=torch.float64)
        noise = 0.1 * torch.randn(2, n, generator=g, dtype=torch.float64)
        cases.append((hard + noise[0] + 0.2, hard + noise[1]))
    return cases


paired_error = Exercise(
    name="paired_error",
    signature="scores x [n] and y [n] of the same people -> the standard error of the mean of x minus y, one number",
    reference=lambda x, y: (x - y).std() / len(x) ** 0.5,
    cases=_scores,
    mistakes=(
        Mistake(
            "unpaired",
            lambda x, y: ((x.var() + y.var()) / len(x)).sqrt(),
            "You add two variances, as if other people had been scored. What is hard for both cancels.",
        ),
        Mistake("deviation", lambda x, y: (x - y).std(), "That is how single differences spread, and not their mean."),
        Mistake(
            "by n",
            lambda x, y: (x - y).std() / len(x),
            "You divide by n. Variances of a mean shrink with n; this is the root of one.",
        ),
        Mistake("variance", lambda x, y: (x - y).var() / len(x), "That is the mean's variance. Its root is asked."),
        Mistake(
            "divided by n in the variance",
            lambda x, y: (x - y).std(correction=0) / len(x) ** 0.5,
            "Nearly. The mean is taken from the same numbers, so squares are divided by n - 1.",
        ),
    ),
)


def _plans() -> list[Arguments]:
    plans = (
        ([0.011, 0.02], [0.0666, 0.05], 0.01, 256),
        ([0.004, 0.012, 0.03], [0.09, 0.08, 0.07], 0.01, 64),
        ([0.02], [0.05], 0.015, 96),
    )
    return [(torch.tensor(between), torch.tensor(rest), *last) for between, rest, *last in plans]


def _exact(between: Tensor, rest: Tensor, difference: float, people: int, arms: int = 2, bound: float = 2.8) -> Tensor:
    return arms * (between**2 + rest**2 / people) / (difference / bound) ** 2


def _seeds(between: Tensor, rest: Tensor, difference: float, people: int, arms: int = 2, bound: float = 2.8) -> Tensor:
    return _exact(between, rest, difference, people, arms, bound).ceil()


needed_seeds = Exercise(
    name="needed_seeds",
    signature="deviations between trainings [k] and of what is left [k], of k measures, difference, people -> how many "
    "trainings of each of two arms make the difference 2.8 standard errors, whole numbers [k]",
    reference=_seeds,
    cases=_plans,
    mistakes=(
        Mistake(
            "one arm",
            lambda s, b, d, n: _seeds(s, b, d, n, arms=1),
            "You have the error of one arm's mean. The other arm's is as large, and both are in the difference.",
        ),
        Mistake(
            "twice its error",
            lambda s, b, d, n: _seeds(s, b, d, n, bound=1.96),
            "At 1.96 errors a true difference is seen in half of the cases only.",
        ),
        Mistake(
            "no seeds",
            lambda s, b, d, n: _seeds(0 * s, b, d, n),
            "You left out how trainings differ for everybody alike. That does not shrink with the number of people.",
        ),
        Mistake(
            "people forgotten",
            lambda s, b, d, n: _seeds(s, b, d, 1),
            "Who is hard for which training averages out over people: divide it by their number.",
        ),
        Mistake(
            "rounded down",
            lambda s, b, d, n: _seeds(s, b, d, n) - 1,
            "One fewer than needed: round up.",
        ),
        Mistake(
            "to the nearest",
            lambda s, b, d, n: _exact(s, b, d, n).round(),
            "You rounded to the nearest. Where that is down, the power stays below four in five.",
        ),
    ),
)


def _p_values() -> list[Arguments]:
    return [
        (torch.tensor(p),)
        for p in ([0.01, 0.04, 0.03, 0.005], [0.5, 0.02, 0.2], [0.6, 0.7], [0.001, 0.012, 0.011, 0.6, 0.3])
    ]


def _stepwise(p: Tensor, factors: Tensor, *, rising: bool) -> Tensor:
    order = p.argsort()
    values = (factors * p[order]).clamp_max(1)
    found = torch.empty_like(p)
    found[order] = values.cummax(0).values if rising else values
    return found


def _false_share(p: Tensor) -> Tensor:
    """Benjamini and Hochberg's values."""
    order = p.argsort()
    values = len(p) * p[order] / torch.arange(1, len(p) + 1)
    return torch.zeros_like(p).scatter(0, order, values.flip(0).cummin(0).values.flip(0))


mended_values = Exercise(
    name="mended_values",
    signature="p values [n] -> Holm's mended ones in the same order, [n]",
    reference=lambda p: torch.tensor(holm(p.tolist())),
    cases=_p_values,
    mistakes=(
        Mistake(
            "all alike",
            lambda p: (len(p) * p).clamp_max(1),
            "You multiply each by their number. That holds too, and gives away what the second and third could have.",
        ),
        Mistake(
            "falling",
            lambda p: _stepwise(p, len(p) - torch.arange(len(p)), rising=False),
            "Nearly. A larger p value must not become smaller than one before it.",
        ),
        Mistake(
            "from the largest",
            lambda p: _stepwise(p, 1.0 + torch.arange(len(p)), rising=True),
            "Your smallest value counts once and the largest most. It is the other way round.",
        ),
        Mistake(
            "sorted",
            lambda p: _stepwise(p.sort().values, len(p) - torch.arange(len(p)), rising=True),
            "Right values in another order: give each arm its own.",
        ),
        Mistake(
            "above 1",
            lambda p: torch.zeros_like(p).scatter(
                0, p.argsort(), ((len(p) - torch.arange(len(p))) * p.sort().values).cummax(0).values
            ),
            "Nearly. A p value is a chance, and none is above 1.",
        ),
        Mistake(
            "share of false finds",
            _false_share,
            "These are Benjamini and Hochberg's: they bound the share of false finds, and not the chance of even one.",
        ),
        Mistake("as they are", lambda p: p, "These are the values as they came: nothing is mended."),
    ),
)
