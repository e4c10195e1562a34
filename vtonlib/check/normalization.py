"""Exercises on normalization: which numbers share a mean, what the small constant does, and what is stored."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand
from vtonlib.models.normalization import group_standardize, standardize, weight_norm

SIZES = ((2, 6, 3, 5), (3, 4, 5, 2), (4, 8, 2, 3))
"""Batch, channels, height, width of the cases: no two alike."""


def _activations(seed: int) -> list[Tensor]:
    """Activations whose channels and samples have means and sizes of their own."""
    g = torch.Generator().manual_seed(seed)

    def one(b: int, c: int, h: int, w: int) -> Tensor:
        size = 0.5 + torch.rand(b, c, 1, 1, generator=g)
        return torch.randn(b, c, h, w, generator=g) * size + torch.randn(b, c, 1, 1, generator=g)

    return [one(*size) for size in SIZES]


def _standardize_cases() -> list[Arguments]:
    axes = ((2, 3), (0, 2, 3), (1, 2, 3))
    return [(x, dims, eps) for x, dims, eps in zip(_activations(1), axes, (0.1, 0.3, 0.2), strict=True)]


def _group_cases() -> list[Arguments]:
    return [(x, groups) for x, groups in zip(_activations(2), (3, 2, 2), strict=True)]


def _time_cases() -> list[Arguments]:
    """Time embeddings; in the first case every channel is a group of its own."""
    g = torch.Generator().manual_seed(4)
    return [(x, torch.randn(*x.shape[:2], generator=g), n) for x, n in zip(_activations(3), (6, 2, 4), strict=True)]


def _running_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(5)
    return [
        (1 + torch.rand(x.shape[1], generator=g), x, momentum)
        for x, momentum in zip(_activations(6), (0.1, 0.25, 0.4), strict=True)
    ]


def _weight_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(7)
    return [(torch.randn(*size, generator=g), 0.5 + torch.rand(size[0], generator=g)) for size in SIZES]


def _variance(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    return x.var(dims, correction=0, keepdim=True)


def _centred(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    return x - x.mean(dims, keepdim=True)


def _interleaved(x: Tensor, groups: int) -> Tensor:
    """Channels 0, g, 2 g, ... as one group."""
    grouped = x.unflatten(1, (-1, groups))
    return standardize(grouped.transpose(1, 2).flatten(2, 3), (2, 3)).view(
        x.shape[0], groups, -1, *x.shape[2:]
    ).transpose(1, 2).reshape(x.shape)  # fmt: skip


def _each(vector: Tensor) -> Tensor:
    return vector[:, :, None, None]


def _update(running: Tensor, new: Tensor, momentum: float) -> Tensor:
    return (1 - momentum) * running + momentum * new


by_hand_2_1 = by_hand(
    "by_hand_2_1",
    -1.3416,
    "what layer norm without eps makes of the number 1 in a sample with channels (1, 3) and (5, 7), one number",
    {
        -1.0: "That is instance norm: you used the mean and the variance of channel 0 alone.",
        1.3416: "The number lies below the mean: look at the sign.",
        -1.1619: "You divided the sum of squares by 3. All normalizations divide by the number of values.",
        -0.6: "You divided by the variance. The standard deviation is its root.",
        -3.0: "You only subtracted the mean.",
    },
)

weak_channel = by_hand(
    "weak_channel",
    0.6882,
    "the standard deviation, after instance norm with eps = 1e-5, of a map whose standard deviation is 0.003",
    {
        1.0: "That would be so without eps. Compare it with the variance of the map.",
        0.4737: "That is the share of the variance in variance + eps. The formula divides by the root.",
        0.9967: "You added eps to the standard deviation. It is added to the variance.",
        0.003: "That is the standard deviation before.",
        300.0: "You divided by eps in place of the root of variance + eps.",
    },
    tolerance=1e-3,
)

standardized = Exercise(
    name="standardized",
    signature="x [b c h w], dims (a tuple of axes), eps -> (x - mean) / sqrt(variance + eps) over them, [b c h w]",
    reference=lambda x, dims, eps: standardize(x, dims, eps=eps),
    cases=_standardize_cases,
    mistakes=(
        Mistake(
            "n - 1",
            lambda x, dims, eps: _centred(x, dims) / (x.var(dims, keepdim=True) + eps).sqrt(),
            "Nearly: your variance divides by n - 1, torch's default. Normalizations divide by n.",
        ),
        Mistake(
            "eps outside",
            lambda x, dims, eps: _centred(x, dims) / (_variance(x, dims).sqrt() + eps),
            "You add eps to the standard deviation; the formula adds it to the variance.",
        ),
        Mistake(
            "no eps",
            lambda x, dims, eps: _centred(x, dims) / _variance(x, dims).sqrt(),
            "Your result does not depend on eps.",
        ),
        Mistake(
            "variance",
            lambda x, dims, eps: _centred(x, dims) / (_variance(x, dims) + eps),
            "You divide by the variance: doubling the input would halve the output.",
        ),
        Mistake(
            "instance norm always",
            lambda x, dims, eps: standardize(x, (2, 3), eps=eps),
            "Your axes are always those of instance norm. They are an argument.",
        ),
    ),
)

group_norm = Exercise(
    name="group_norm",
    signature="x [b c h w], groups (how many) -> x standardized over each run of c / groups channels, eps 1e-5",
    reference=group_standardize,
    cases=_group_cases,
    mistakes=(
        Mistake(
            "interleaved",
            _interleaved,
            "Your groups hold channels that are not neighbours. Which comes first when the axis is split, the group or "
            "the place in it?",
        ),
        Mistake(
            "group size",
            lambda x, groups: group_standardize(x, x.shape[1] // groups),
            "You read the argument as the number of channels in a group. It is the number of groups.",
        ),
        Mistake("layer norm", lambda x, groups: group_standardize(x, 1), "All your channels are in one group."),
        Mistake(
            "instance norm",
            lambda x, groups: standardize(x, (2, 3)),
            "Each of your channels is alone: the channels of a group share their mean.",
        ),
        Mistake(
            "over the batch",
            lambda x, groups: standardize(x.unflatten(1, (groups, -1)).flatten(3), (0, 2, 3)).view_as(x),
            "Your result for one sample depends on the others. Group norm looks at one sample alone.",
        ),
    ),
)

after_the_norm = Exercise(
    name="after_the_norm",
    signature="x [b c h w], time embedding [b c], groups -> [b c h w], in which the embedding survives unchanged",
    reference=lambda x, t, groups: group_standardize(x, groups) + _each(t),
    cases=_time_cases,
    mistakes=(
        Mistake(
            "before",
            lambda x, t, groups: group_standardize(x + _each(t), groups),
            "The embedding is still added before the norm. What does the norm do to a constant in each channel?",
        ),
        Mistake(
            "not normalized",
            lambda x, t, groups: x + _each(t),
            "The embedding survives because nothing is normalized. The norm is still wanted.",
        ),
        Mistake(
            "normalized as well",
            lambda x, t, groups: group_standardize(x, groups) + _each(t - t.mean(1, keepdim=True)),
            "Your embedding has lost its mean over the channels: it was to survive unchanged.",
        ),
        Mistake(
            "twice",
            lambda x, t, groups: group_standardize(x + _each(t), groups) + _each(t),
            "You add the embedding before the norm and after it. Once is enough, but where?",
        ),
    ),
)

running_variance = Exercise(
    name="running_variance",
    signature="running variance [c], x [b c h w], momentum -> the running variance after this training step, [c]",
    reference=lambda r, x, m: _update(r, x.var((0, 2, 3)), m),
    cases=_running_cases,
    mistakes=(
        Mistake(
            "biased",
            lambda r, x, m: _update(r, x.var((0, 2, 3), correction=0), m),
            "Nearly. What is normalized with divides by n, but what is stored is the estimate for unseen data.",
        ),
        Mistake(
            "momentum",
            lambda r, x, m: _update(r, x.var((0, 2, 3)), 1 - m),
            "Your average forgets too fast. In torch the momentum is the weight of the new value.",
        ),
        Mistake(
            "per sample",
            lambda r, x, m: _update(r, x.var((2, 3)).mean(0), m),
            "You average the variances of single samples: the spread between the samples is missing.",
        ),
        Mistake("replaced", lambda r, x, m: x.var((0, 2, 3)), "You keep nothing of the old value."),
    ),
)

weight_length = Exercise(
    name="weight_length",
    signature="direction [o i kh kw], magnitude [o] -> the weight: each output's row has that length, [o i kh kw]",
    reference=weight_norm,
    cases=_weight_cases,
    mistakes=(
        Mistake(
            "one length for all",
            lambda v, g: g[:, None, None, None] * v / v.norm(),
            "You divide by the length of the whole tensor. Each output has a length of its own.",
        ),
        Mistake(
            "inputs only",
            lambda v, g: g[:, None, None, None] * v / v.norm(dim=1, keepdim=True),
            "You normalize each place of the kernel apart. An output's row is all of its numbers.",
        ),
        Mistake("no magnitude", lambda v, g: weight_norm(v, torch.ones_like(g)), "All your rows have the length 1."),
        Mistake(
            "squared",
            lambda v, g: g[:, None, None, None] * v / v.square().sum((1, 2, 3), keepdim=True),
            "You divide by the squared length.",
        ),
        Mistake("not normalized", lambda v, g: g[:, None, None, None] * v, "The direction still has its own length."),
    ),
)
