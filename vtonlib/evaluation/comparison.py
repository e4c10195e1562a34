"""Is a difference more than chance: paired or not, over people, over trainings, and among many tries.

Book: sec-honest-differences.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.evaluation.bootstrap import Interval, bootstrap_interval

_NORMAL = torch.distributions.Normal(0.0, 1.0)


def difference_interval(
    x: Float[Tensor, " n"], y: Float[Tensor, " m"], *, paired: bool = True, level: float = 0.95, seed: int = 0
) -> Interval:
    """The mean of x minus that of y, and its bootstrap interval over people.

    Paired, the two hold the same people in the same order, and people are drawn with both their scores; what makes a
    person hard for both then cancels. Unpaired, each is drawn by itself.

    Raises:
        ValueError: where paired scores are not equally many.

    Book: sec-honest-differences.
    """
    if paired:
        if len(x) != len(y):
            raise ValueError(f"paired scores are of the same people: found {len(x)} and {len(y)}")
        return bootstrap_interval(x - y, level=level, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    means = [v.double()[torch.randint(len(v), (2000, len(v)), generator=generator)].mean(1) for v in (x, y)]
    ends = (means[0] - means[1]).quantile(torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64))
    difference = x.double().mean() - y.double().mean()
    return Interval(float(difference), float(ends[0]), float(ends[1]), min(len(x), len(y)))


class Parts(NamedTuple):
    """Variances of a score by training and person."""

    seeds: float
    """From training to training, for all people alike."""
    people: float
    """From person to person, for all trainings alike."""
    both: float
    """What is left: who is hard for which training."""


def variance_parts(scores: Float[Tensor, "s n"]) -> Parts:
    """Parts of the variance of scores of the same people by several trainings; none is taken below 0.

    The score is modelled as ``mean + a_s + b_n + e_sn``, its terms independent: the method of moments.

    Raises:
        ValueError: for fewer than two trainings or two people.

    Source: Searle, Casella & McCulloch 1992, "Variance components", section 4.3. Equation: eq-variance-parts.
    Book: sec-honest-differences.
    """
    trainings, count = scores.shape
    if min(trainings, count) < 2:
        raise ValueError(f"scores are {trainings} trainings of {count} people: expected two of each at least")
    scores = scores.double()
    by_training, by_person = scores.mean(1), scores.mean(0)
    rest = scores - by_training[:, None] - by_person + scores.mean()
    both = float(rest.square().sum() / ((trainings - 1) * (count - 1)))
    seeds = float(by_training.var()) - both / count
    people = float(by_person.var()) - both / trainings
    return Parts(max(seeds, 0.0), max(people, 0.0), both)


def standard_error(parts: Parts, seeds: int, people: int) -> float:
    """Of a mean over so many trainings and people; for parts of differences, that of a mean difference.

    Equation: eq-two-chances. Book: sec-honest-differences.
    """
    return math.sqrt(parts.seeds / seeds + parts.people / people + parts.both / (seeds * people))


def power(difference: float, error: float, *, level: float = 0.05) -> float:
    """The chance that a true difference is seen: that its estimate, normal with this error, leaves the level's bounds.

    Equation: eq-power. Book: sec-honest-differences.
    """
    bound = float(_NORMAL.icdf(torch.tensor(1 - level / 2, dtype=torch.float64)))
    ends = torch.tensor([difference / error - bound, -difference / error - bound], dtype=torch.float64)
    return float(_NORMAL.cdf(ends).sum())


def any_of(arms: int, *, level: float = 0.05) -> float:
    """The chance that of so many independent arms that change nothing at least one looks different at ``level``.

    Equation: eq-any-arm. Book: sec-many-arms.
    """
    return 1 - (1 - level) ** arms


def holm(p_values: Sequence[float]) -> list[float]:
    """P values mended for their number: below a level, the chance of even one false find stays below it.

    The smallest counts as often as there are values, the next once less, and none may fall below one before it.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure". Book: sec-many-arms.
    """
    found, least = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        found[place] = least
    return found


def sign_flip(differences: Float[Tensor, " n"], *, flips: int = 4096, seed: int = 0) -> float:
    """The share of signs by chance under which the mean difference is as far from 0 as the one found: a p value.

    All signs are tried where there are at most 12 differences.

    Source: Fisher 1935, "The design of experiments", section 21. Book: sec-many-arms.
    """
    n, values = len(differences), differences.double()
    if n <= 12:
        signs = 2.0 * ((torch.arange(2**n)[:, None] >> torch.arange(n)) & 1) - 1
    else:
        signs = 2.0 * torch.randint(2, (flips, n), generator=torch.Generator().manual_seed(seed)) - 1
        signs[0] = 1  # what was found is one of them
    means = (signs.double() * values).mean(1).abs()
    return float((means >= values.mean().abs() - 1e-12).double().mean())
