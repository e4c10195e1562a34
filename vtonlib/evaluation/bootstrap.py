"""Confidence intervals of a mean over samples."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Interval(NamedTuple):
    """A mean over ``n`` samples and the ends of its confidence interval; NaN where there is none."""

    mean: float
    """The mean."""
    low: float = math.nan
    """Lower end."""
    high: float = math.nan
    """Upper end."""
    n: int = 0
    """How many samples."""


def bootstrap_interval(
    values: Float[Tensor, " n"], *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """The mean of per-sample ``values`` and its percentile bootstrap interval.

    NaN values (samples on which a metric is not defined) are dropped; when none is left, all is NaN and ``n`` 0.
    The interval speaks of other *samples*, not of other training seeds.

    Raises:
        ValueError: if ``values`` is not a vector or ``level`` is not between 0 and 1.

    Source: Efron & Tibshirani 1993, section 13.3. Book: sec-evaluation.
    """
    if values.ndim != 1:
        raise ValueError(f"values must be one number per sample, a vector; found the shape {tuple(values.shape)}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, found {level}")
    known = values[~values.isnan()].double().cpu()
    n = len(known)
    if n == 0:
        return Interval(math.nan)
    picks = torch.randint(n, (resamples, n), generator=torch.Generator().manual_seed(seed))
    ends = known[picks].mean(1).quantile(torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64))
    return Interval(known.mean().item(), ends[0].item(), ends[1].item(), n)
