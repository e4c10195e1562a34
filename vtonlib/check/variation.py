"""Exercises on total variation: of signals and of centres, with masks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand
from vtonlib.grids import total_variation

SIZES = ((2, 5, 4), (3, 4, 6), (1, 7, 3))
"""Batch, rows and columns of a case: no two axes alike."""

by_hand_11_1 = by_hand(
    "by_hand_11_1",
    5.0,
    "the middle of (0, 9, 0) after denoising with 1/2 sum of squares + 2 times the variation, one number",
    {
        7.0: "You count one of its two neighbours: both draw it down, each by the strength.",
        2.0: "That is where its neighbours go. Asked is the middle.",
        3.0: "That is the mean, where everything ends up once the strength is 3 or more.",
        1.0: "A pair draws by the strength, once: a half in front of the squares takes the 2 of their derivative away.",
        9.0: "That is where it began. Its two neighbours draw it down.",
    },
)

squeezed = by_hand(
    "squeezed",
    5.387,
    "the mean error, in steps of 32 x 24, of the identity's centres drawn half-way to the middle of the lattice",
    {
        1.0: "That is its variation, half of the truth's. Asked is how far its centres lie from the truth.",
        10.7739: "That is the mean distance from the middle, which is how far one key errs. Half-way is half of that.",
        5.7699: "That is the root of the mean squared distance; asked is the mean distance.",
        0.3969: "That is in units of [-1, 1]. Asked are steps of the lattice.",
        7.0: "Half of the mean |dx| + |dy|: total variation measures so, the end-point error is the straight distance.",
    },
    tolerance=1e-2,
)


def _fields() -> list[Arguments]:
    g = torch.Generator().manual_seed(11)
    cases = []
    for b, h, w in SIZES:
        share = torch.linspace(0.5, 0.9, b).view(b, 1, 1)
        cases.append((3 * torch.randn(b, h, w, 2, generator=g), (torch.rand(b, h, w, generator=g) < share).float()))
    return cases


def _variation(centres: Tensor, mask: Tensor) -> Tensor:
    return total_variation(centres, mask[:, None])


def _pairs(centres: Tensor, mask: Tensor, size: Callable[[Tensor], Tensor], *, one_end: bool = False) -> list[Tensor]:
    """Sum and number of the pairs down, then of those across, of each sample."""
    found = []
    for d in (1, 2):
        n = centres.shape[d] - 1
        both = mask.narrow(d, 1, n) * (1 if one_end else mask.narrow(d, 0, n))
        steps = size(centres.diff(dim=d))
        found += [(steps * both).flatten(1).sum(1), both.flatten(1).sum(1)]
    return found


def _length(steps: Tensor) -> Tensor:
    return steps.abs().sum(-1)


def _of_all(found: list[Tensor]) -> Tensor:
    down, below, across, beside = (each.sum() for each in found)
    return down / below + across / beside


def _every_sample(centres: Tensor, mask: Tensor) -> Tensor:
    down, below, across, beside = _pairs(centres, mask, _length)
    return (down / below + across / beside).mean()


def _together(centres: Tensor, mask: Tensor) -> Tensor:
    down, below, across, beside = (each.sum() for each in _pairs(centres, mask, _length))
    return (down + across) / (below + beside)


pair_variation = Exercise(
    name="pair_variation",
    signature="centres [b h w 2], mask [b h w] of 0 and 1 -> one number",
    reference=_variation,
    cases=_fields,
    mistakes=(
        Mistake(
            "one end",
            lambda c, m: _of_all(_pairs(c, m, _length, one_end=True)),
            "You count pairs of which one end lies outside: a pair counts by the product of its two mask values.",
        ),
        Mistake(
            "no mask",
            lambda c, m: _of_all(_pairs(c, torch.ones_like(m), _length)),
            "You count pairs outside the mask too.",
        ),
        Mistake(
            "masked centres",
            lambda c, m: _of_all(_pairs(c * m[..., None], torch.ones_like(m), _length)),
            "You multiply the centres by the mask: at its border they jump to 0, and that jump counts.",
        ),
        Mistake(
            "mean of samples",
            _every_sample,
            "Close: you divide in every sample and average then. The released code sums over the batch before it "
            "divides, so large garments weigh more.",
        ),
        Mistake(
            "one mean",
            _together,
            "You take one mean over all pairs. There are two, down and across, and they are added.",
        ),
        Mistake(
            "mean of coordinates",
            lambda c, m: _of_all(_pairs(c, m, lambda d: d.abs().mean(-1))),
            "Half of what it should be: |dx| and |dy| are added, not averaged.",
        ),
        Mistake(
            "squares",
            lambda c, m: _of_all(_pairs(c, m, lambda d: d.square().sum(-1))),
            "You square the differences. Their absolute values are meant.",
        ),
        Mistake(
            "straight lengths",
            lambda c, m: _of_all(_pairs(c, m, lambda d: d.norm(dim=-1))),
            "You take the straight length of a difference. The loss adds |dx| and |dy|.",
        ),
        Mistake(
            "a sum",
            lambda c, m: sum(each.sum() for each in _pairs(c, m, _length)[::2]),
            "That is a sum over pairs. The released code divides each of its two sums by its number of pairs.",
        ),
    ),
)


def _pulls(
    centres: Tensor, mask: Tensor, pulled: Callable[[Tensor], Tensor] = torch.sign, *, one_side: bool = False
) -> Tensor:
    """What the plain sum over pairs does to each centre, downhill."""
    pull = torch.zeros_like(centres)
    for d in (1, 2):
        n = centres.shape[d] - 1
        towards = pulled(centres.diff(dim=d)) * (mask.narrow(d, 1, n) * mask.narrow(d, 0, n))[..., None]
        pull.narrow(d, 0, n).add_(towards)
        pull.narrow(d, 1, n).sub_(0 if one_side else towards)
    return pull


neighbour_pulls = Exercise(
    name="neighbour_pulls",
    signature="centres [b h w 2], mask [b h w] of 0 and 1 -> the pull on each centre, [b h w 2]",
    reference=lambda c, m: _pulls(c, m),
    cases=_fields,
    mistakes=(
        Mistake(
            "springs",
            lambda c, m: _pulls(c, m, lambda d: d),
            "Your neighbours pull the stronger the farther they are, as squared differences do. The derivative of |d| "
            "is its sign.",
        ),
        Mistake(
            "the wrong way",
            lambda c, m: -_pulls(c, m),
            "Your sign is wrong: asked is the way downhill, and neighbours draw together.",
        ),
        Mistake(
            "one neighbour of two",
            lambda c, m: _pulls(c, m, one_side=True),
            "You count the neighbour below and to the right alone. A pair has two ends, and both are drawn.",
        ),
        Mistake(
            "no mask",
            lambda c, m: _pulls(c, torch.ones_like(m)),
            "Neighbours outside the mask pull as well in yours.",
        ),
    ),
)


def _shared(centres: Tensor, mask: Tensor) -> Tensor:
    """The share of queries inside whose centre has its nearest key in common with another's, over the batch."""
    alike = counted = 0
    for one, inside in zip(centres, mask > 0.5, strict=True):
        keys = (one[inside] + 0.5).floor()
        _, back, often = keys.unique(dim=0, return_inverse=True, return_counts=True)
        alike, counted = alike + int((often[back] > 1).sum()), counted + len(keys)
    return torch.tensor(alike / counted)


def _crowded() -> list[Arguments]:
    g = torch.Generator().manual_seed(12)
    return [
        (3 * torch.rand(b, h, w, 2, generator=g), mask) for (b, h, w), (_, mask) in zip(SIZES, _fields(), strict=True)
    ]


def _repeats(centres: Tensor, mask: Tensor) -> Tensor:
    """The share that would have to go until no key is shared."""
    alike = counted = 0
    for one, inside in zip(centres, mask > 0.5, strict=True):
        keys = (one[inside] + 0.5).floor()
        alike, counted = alike + len(keys) - len(keys.unique(dim=0)), counted + len(keys)
    return torch.tensor(alike / counted)


shared_keys = Exercise(
    name="shared_keys",
    signature="centres [b h w 2] in steps from the first key, mask [b h w] of 0 and 1 -> a share, one number",
    reference=_shared,
    cases=_crowded,
    mistakes=(
        Mistake(
            "repeats",
            _repeats,
            "You count how many keys are missing. Of two queries that share a key *both* share it.",
        ),
        Mistake(
            "outside too",
            lambda c, m: _shared(c, torch.ones_like(m)),
            "You count queries outside the mask.",
        ),
        Mistake(
            "across samples",
            lambda c, m: _shared(c.flatten(0, 1)[None], m.flatten(0, 1)[None]),
            "Queries of different samples look at different garments: they share nothing.",
        ),
        Mistake(
            "cut, not rounded",
            lambda c, m: _shared(c - 0.5, m),
            "A centre of 1.9 lies nearest to key 2: round it, do not cut its digits.",
        ),
        Mistake(
            "not shared",
            lambda c, m: 1 - _shared(c, m),
            "That is the share of queries that have a key for themselves.",
        ),
    ),
)
