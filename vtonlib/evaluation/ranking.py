"""Do two readings order methods alike? Rank correlation, pairs in disorder, and intervals over seeds and people.

Book: sec-comparison.
"""

from __future__ import annotations

import itertools

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.evaluation.bootstrap import Interval


def ranks(values: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch n"]:
    """1 for the smallest value; equal values share the mean of their ranks.

    Book: sec-comparison.
    """
    less = (values[..., None, :] < values[..., None]).sum(-1)
    same = (values[..., None, :] == values[..., None]).sum(-1)
    return (less + (same + 1) / 2).to(values.dtype)


def rank_correlation(x: Float[Tensor, "*batch n"], y: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch"]:
    """Spearman's rank correlation of two readings of the same methods: 1 alike, -1 reversed; NaN where one is constant.

    Raises:
        ValueError: where shapes differ, or for fewer than three methods.

    Equation: eq-rank-correlation. Book: sec-comparison.
    """
    if x.shape != y.shape or x.shape[-1] < 3:
        raise ValueError(f"readings are {tuple(x.shape)} and {tuple(y.shape)}: expected two alike, of three or more")
    first, second = (r - r.mean(-1, keepdim=True) for r in (ranks(x.double()), ranks(y.double())))
    return (first * second).sum(-1) / (first.square().sum(-1) * second.square().sum(-1)).sqrt()


def discordant_pairs(x: Float[Tensor, " n"], y: Float[Tensor, " m"]) -> list[tuple[int, int]]:
    """The pairs of methods (i, j), i < j, that two readings order the one way and the other; ties are no disorder.

    Raises:
        ValueError: where the readings are not of as many methods.

    Book: sec-comparison.
    """
    if x.shape != y.shape:
        raise ValueError(f"readings are {tuple(x.shape)} and {tuple(y.shape)}: expected two of the same methods")
    pairs = itertools.combinations(range(len(x)), 2)
    return [(i, j) for i, j in pairs if float((x[i] - x[j]) * (y[i] - y[j])) < 0]


def draws(seeds: int, people: int, resamples: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Which seeds and which people each resample draws, with repetition: [resamples, seeds] and [resamples, people].

    Book: sec-comparison.
    """
    generator = torch.Generator().manual_seed(seed)
    picked = torch.randint(seeds, (resamples, seeds), generator=generator)
    return picked, torch.randint(people, (resamples, people), generator=generator)


def seeds_and_people(values: Float[Tensor, "s p"], *, resamples: int = 1000, seed: int = 0) -> Interval:
    """The mean of a reading and its 95 % bootstrap interval, seeds and people both drawn anew in every resample.

    NaN values, people of whom a reading is not defined, are left out. ``n`` is the number of people. With three seeds
    the interval knows little of training: what three trainings have in common it takes for certain.

    Raises:
        ValueError: where no value is a number.

    Book: sec-comparison.
    """
    if bool(values.isnan().all()):
        raise ValueError(f"values are {tuple(values.shape)}, all NaN: expected some numbers")
    values = values.double()
    which, who = draws(len(values), values.shape[1], resamples, seed)
    means = values[which[:, :, None], who[:, None, :]].flatten(1).nanmean(1)
    low, high = means.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return Interval(float(values.nanmean()), low, high, values.shape[1])
