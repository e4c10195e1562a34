"""Exercises on mask normalization: a region by hand, soft and empty regions, and what eps does to small ones."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand

SIZES = ((2, 3, 4, 5), (1, 4, 6, 3), (3, 2, 5, 7))
"""Batch, channels, height, width of the cases: no two alike."""
EPS = 0.02
"""Large enough to see where it stands."""


def _maps() -> list[Arguments]:
    """Feature maps and soft masks with weights of 0, quarters and 1."""
    g = torch.Generator().manual_seed(4)
    return [
        (2 * torch.randn(b, c, h, w, generator=g) + 1, (4 * torch.rand(b, 1, h, w, generator=g)).round() / 4)
        for b, c, h, w in SIZES
    ]


def _with_empty() -> list[Arguments]:
    """The same with masks among them that are empty, or hold a single pixel of weight 0.25."""
    cases = _maps()
    cases[0][1][0], cases[2][1][1] = 0, 0
    faint = torch.zeros_like(cases[1][1])
    faint[:, :, 0, 1] = 0.25
    cases[1] = cases[1][0], faint
    return cases


def _binary() -> list[Arguments]:
    return [((mask > 0.5).to(x.dtype), EPS) for x, mask in _maps()]


def _mean(x: Tensor, w: Tensor) -> Tensor:
    return (w * x).sum((2, 3), keepdim=True) / w.sum((2, 3), keepdim=True)


def _norm(x: Tensor, m: Tensor, *, power: int = 2, factor: bool = True, blend: int = 1, sides: int = 2) -> Tensor:
    """Mask normalization in closed form with eps = EPS, and the wrong turns that one can take."""
    y = torch.zeros_like(x)
    for w in (m, 1 - m)[:sides]:
        d = x - _mean(x, w)
        spread = (w**power * d.square()).mean((2, 3), keepdim=True)
        share = w.mean((2, 3), keepdim=True).sqrt() if factor else 1.0
        y = y + w**blend * d * share / (spread + EPS).sqrt()
    return y


def _norm_of_regions(x: Tensor, m: Tensor) -> Tensor:
    """Mask normalization by each region's own variance, with eps beside it as it is."""
    y = torch.zeros_like(x)
    for w in (m, 1 - m):
        d = x - _mean(x, w)
        variance = (w**2 * d.square()).sum((2, 3), keepdim=True) / w.sum((2, 3), keepdim=True)
        y = y + w * d / (variance + EPS).sqrt()
    return y


def _safe_mean(x: Tensor, m: Tensor) -> Tensor:
    n = m.sum((2, 3))
    return (m * x).sum((2, 3)) / torch.where(n == 0, 1.0, n)


def _shares(m: Tensor) -> Tensor:
    """n / P of the region and of the rest, [b 2]."""
    inside = m.mean((1, 2, 3))
    return torch.stack((inside, 1 - inside), 1)


by_hand_4_1 = by_hand(
    "by_hand_4_1",
    1.6330,
    "what the value 7 becomes: a region of 4 pixels with the values 1, 1, 3, 7 in a map of 16, eps = 0, one number",
    {
        3.2660: "That is the value after instance norm of the filled map. One step is left.",
        0.8165: "Your factor is n/P. The one that undoes the filling is its square root.",
        6.5320: "You divided by the factor sqrt(n/P). It makes values smaller.",
        1.4142: "You divided the squares by n - 1. The normalizations of this book divide by n.",
        0.6667: "You divided by the variance. What is wanted is its root.",
        4.0: "That is the distance from the region's mean. Divide it by the standard deviation.",
    },
)

fill_with_mean = Exercise(
    name="fill_with_mean",
    signature="x [b c h w], mask [b 1 h w], soft -> the region, filled with its own mean elsewhere, [b c h w]",
    reference=lambda x, m: m * x + (1 - m) * _mean(x, m),
    cases=_maps,
    mistakes=(
        Mistake(
            "mean of the map",
            lambda x, m: m * x + (1 - m) * x.mean((2, 3), keepdim=True),
            "You fill with the mean of the whole map. Then the other region still has a say.",
        ),
        Mistake(
            "divided by the map",
            lambda x, m: m * x + (1 - m) * (m * x).mean((2, 3), keepdim=True),
            "Your mean is too small: the sum over the region is divided by all pixels of the map.",
        ),
        Mistake("filled with zero", lambda x, m: m * x, "Outside the region your map is 0: it is not filled yet."),
        Mistake(
            "mean of the rest",
            lambda x, m: m * x + (1 - m) * _mean(x, 1 - m),
            "You fill with the mean of what is replaced. The fill is the mean of what stays.",
        ),
        Mistake(
            "mean everywhere",
            lambda x, m: m * x + _mean(x, m),
            "You add the mean inside the region too. Where the mask is 1, x stays as it is.",
        ),
        Mistake(
            "one mean for all channels",
            lambda x, m: (
                m * x + (1 - m) * (m * x).mean(1, keepdim=True).sum((2, 3), keepdim=True) / m.sum((2, 3), keepdim=True)
            ),
            "You use one mean for all channels. Each channel has its own.",
        ),
    ),
)

soft_mask_norm = Exercise(
    name="soft_mask_norm",
    signature=f"x [b c h w], mask [b 1 h w], soft -> the map after mask normalization with eps = {EPS}, [b c h w]",
    reference=_norm,
    cases=_maps,
    mistakes=(
        Mistake(
            "binarised",
            lambda x, m: _norm(x, (m > 0.5).to(x.dtype)),
            "You round the mask. Pixels of weight 0.5 belong to both regions, half to each.",
        ),
        Mistake(
            "weights not squared",
            lambda x, m: _norm(x, m, power=1),
            "The spread is off where weights are soft: the fill scales a deviation by w. What happens to its square?",
        ),
        Mistake(
            "squared twice",
            lambda x, m: _norm(x, m, blend=2),
            "Soft pixels come out too small: in the sum of the two regions the weight stands once.",
        ),
        Mistake("no factor", lambda x, m: _norm(x, m, factor=False), "The factor sqrt(n/P) is missing."),
        Mistake(
            "eps not scaled",
            _norm_of_regions,
            "Your eps stands beside the region's own variance. In the book's three steps it stands beside the variance "
            "of the filled map, which is smaller by n/P.",
        ),
        Mistake(
            "inside alone",
            lambda x, m: _norm(x, m, sides=1),
            "Only the mask's region is there: the rest is normalized too, with the weights 1 - m.",
        ),
        Mistake(
            "unweighted",
            lambda x, m: _norm(x, m, blend=0),
            "You add both regions at every pixel. Each counts by its weight.",
        ),
    ),
)

region_mean = Exercise(
    name="region_mean",
    signature="x [b c h w], mask [b 1 h w], maybe empty -> the region's mean, 0 where it is empty, [b c]",
    reference=_safe_mean,
    cases=_with_empty,
    mistakes=(
        Mistake(
            "nought by nought",
            lambda x, m: (m * x).sum((2, 3)) / m.sum((2, 3)),
            "Where the mask is empty you divide 0 by 0. What may stand below so that 0 comes out?",
        ),
        Mistake(
            "at least one",
            lambda x, m: (m * x).sum((2, 3)) / m.sum((2, 3)).clamp_min(1),
            "A soft region may weigh less than one pixel and still have a mean: replace exact zeros only.",
        ),
        Mistake(
            "one more",
            lambda x, m: (m * x).sum((2, 3)) / (m.sum((2, 3)) + 1),
            "You add 1 to every n, and so make every mean smaller.",
        ),
        Mistake(
            "whole map",
            lambda x, m: (m * x).mean((2, 3)),
            "You divide by the pixels of the map, not by those of the region.",
        ),
        Mistake(
            "some eps",
            lambda x, m: (m * x).sum((2, 3)) / (m.sum((2, 3)) + 1e-2),
            "Almost: a small number in every denominator changes every mean. Only empty regions need a remedy.",
        ),
    ),
)

effective_eps = Exercise(
    name="effective_eps",
    signature="mask [b 1 h w] of 0 and 1, eps -> what stands beside the variance inside and outside, [b 2]",
    reference=lambda m, eps: eps / _shares(m),
    cases=_binary,
    mistakes=(
        Mistake(
            "upside down",
            lambda m, eps: eps * _shares(m),
            "Your eps is smaller than the given one. Put sqrt(n/P) under the root with the variance, and look again.",
        ),
        Mistake(
            "root",
            lambda m, eps: eps / _shares(m).sqrt(),
            "The factor is a root, but it goes below another root: there it is squared.",
        ),
        Mistake("exchanged", lambda m, eps: eps / _shares(m).flip(1), "Inside comes first, outside second."),
        Mistake(
            "one over n",
            lambda m, eps: eps / (_shares(m) * m[0].numel()),
            "You divide by n; how many pixels has the map?",
        ),
        Mistake("unchanged", lambda m, eps: eps * torch.ones(len(m), 2), "That would be so if there were no factor."),
    ),
)

smallest_region = by_hand(
    "smallest_region",
    53,
    "the smallest whole number of pixels of a region in a map of 128 x 96, standard deviation 0.1, eps = 1e-5, whose "
    "standard deviation is at least 0.9 after mask normalization",
    {
        52: "With 52 pixels it is a little less than 0.9. The question is for a whole number that reaches it.",
        111: "You asked for a variance of 0.9. Its root, the standard deviation, should be 0.9.",
        6: "You set the standard deviation 0.1 in place of the variance.",
        1: "You used eps as it is. What stands beside the variance is eps times P/n.",
        5239: "You squared the variance: the standard deviation is 0.1.",
    },
)
