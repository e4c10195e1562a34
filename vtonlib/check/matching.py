"""Exercises on cross-attention read as a matching: the map, its temperature, where it looks, how sure it is."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake
from vtonlib.grids import coordinate_grid

SIZES = ((2, 3, 5, (3, 4), 6), (1, 2, 7, (2, 5), 4), (3, 4, 6, (4, 2), 3))
"""Batch, heads, queries, lattice of the keys, width of a head: no two of one case alike."""


def _query_key_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(7)
    return [
        (torch.randn(b, n, q, d, generator=g), torch.randn(b, n, h * w, d, generator=g), d**-0.5)
        for b, n, q, (h, w), d in SIZES
    ]


def _maps() -> list[Tensor]:
    g = torch.Generator().manual_seed(8)
    return [(3 * torch.randn(b, n, q, h * w, generator=g)).softmax(-1) for b, n, q, (h, w), _ in SIZES]


def _coordinate_cases() -> list[Arguments]:
    return [(a, coordinate_grid(*size[3]).flatten(0, 1)) for a, size in zip(_maps(), SIZES, strict=True)]


def _entropy_cases() -> list[Arguments]:
    """Maps; the third also has rows with zeros, as masks and hard attention make them, the last has very many keys."""
    maps = _maps()
    maps[-1][:, :, ::2] = torch.eye(maps[-1].shape[-1])[0]
    g = torch.Generator().manual_seed(10)
    return [(a,) for a in (*maps, torch.randn(1, 2, 3, 64 * 48, generator=g).softmax(-1))]


def _entropy(a: Tensor) -> Tensor:
    """-sum a ln a, with a finite gradient where a is 0."""
    return -(a * a.clamp_min(torch.finfo(a.dtype).tiny).log()).sum(-1)


def _logit_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(9)
    return [
        (torch.randn(q, h * w, generator=g), tau)
        for (_, _, q, (h, w), _), tau in zip(SIZES, (2.0, 0.5, 0.1), strict=True)
    ]


def _nearest(attention: Tensor, width: int) -> Tensor:
    best = attention.mean(1).argmax(-1)
    return torch.stack((best % width, best // width), dim=-1)


attention_map = Exercise(
    name="attention_map",
    signature="query [b heads nq d], key [b heads nk d], scale -> the map [b heads nq nk], each row of which sums to 1",
    reference=lambda q, k, s: (s * q @ k.mT).softmax(-1),
    cases=_query_key_cases,
    mistakes=(
        Mistake(
            "softmax over queries",
            lambda q, k, s: (s * q @ k.mT).softmax(-2),
            "Your columns sum to 1, not your rows: the keys compete for a query, not the queries for a key.",
        ),
        Mistake(
            "softmax over heads",
            lambda q, k, s: (s * q @ k.mT).softmax(1),
            "Your heads compete with one another. Each head has a map of its own.",
        ),
        Mistake("no scale", lambda q, k, s: (q @ k.mT).softmax(-1), "Your map is too sharp: what is the scale for?"),
        Mistake(
            "divided by the scale",
            lambda q, k, s: (q @ k.mT / s).softmax(-1),
            "Your map is far too sharp: the scale is a factor, below 1 here.",
        ),
        Mistake(
            "scale after softmax",
            lambda q, k, s: s * (q @ k.mT).softmax(-1),
            "The rows should sum to 1; yours sum to the scale. Does it belong before or after the softmax?",
        ),
        Mistake("logits", lambda q, k, s: s * q @ k.mT, "These are logits: some are negative, and no row sums to 1."),
        Mistake(
            "not normalised",
            lambda q, k, s: (s * q @ k.mT).exp(),
            "Your weights are positive but no row sums to 1.",
        ),
    ),
)

with_temperature = Exercise(
    name="with_temperature",
    signature="logits [nq nk], temperature -> the map [nq nk] at that temperature",
    reference=lambda logits, tau: (logits / tau).softmax(-1),
    cases=_logit_cases,
    mistakes=(
        Mistake(
            "multiplied",
            lambda logits, tau: (logits * tau).softmax(-1),
            "Yours gets sharper as it gets hotter. A high temperature should make the map more uniform.",
        ),
        Mistake(
            "no temperature",
            lambda logits, tau: logits.softmax(-1),
            "Your answer does not depend on the temperature.",
        ),
        Mistake(
            "map divided",
            lambda logits, tau: logits.softmax(-1) / tau,
            "The rows no longer sum to 1: the temperature acts on the logits.",
        ),
        Mistake(
            "not renormalised",
            lambda logits, tau: logits.softmax(-1) ** (1 / tau),
            "A power of the map is the right idea, but then the rows no longer sum to 1.",
        ),
        Mistake(
            "softmax over queries",
            lambda logits, tau: (logits / tau).softmax(-2),
            "Your columns sum to 1 instead of your rows.",
        ),
    ),
)

expected_coordinates = Exercise(
    name="expected_coordinates",
    signature="attention [b heads nq nk], grid [nk 2] -> where the head-mean map looks on average, [b nq 2]",
    reference=lambda a, g: a.mean(1) @ g,
    cases=_coordinate_cases,
    mistakes=(
        Mistake(
            "sum over heads",
            lambda a, g: a.sum(1) @ g,
            "You add the heads up. Their mean is a map again; the rows of their sum add up to the number of heads.",
        ),
        Mistake(
            "the code of the exercise",
            lambda a, g: (a.sum(1) @ g).flip(-1),
            "This still has both mistakes: by which factor are the rows of the map too large, and which coordinate "
            "comes first?",
        ),
        Mistake("one head", lambda a, g: a[:, 0] @ g, "You read the first head only: what of the others?"),
        Mistake("heads kept", lambda a, g: a @ g, "You have one place for each head: their mean is missing."),
        Mistake(
            "x and y exchanged",
            lambda a, g: (a.mean(1) @ g).flip(-1),
            "Your x and y are exchanged: the first column of the grid is x, to the right.",
        ),
        Mistake(
            "mean over keys",
            lambda a, g: a.mean(1) @ g / a.shape[-1],
            "You divide by the number of keys, but a row already sums to 1: your places all lie near the centre.",
        ),
        Mistake(
            "argmax",
            lambda a, g: g[a.mean(1).argmax(-1)],
            "This is the place of the strongest key. The expectation weighs all keys.",
        ),
    ),
)

row_entropy = Exercise(
    name="row_entropy",
    signature="attention [b heads nq nk] -> the entropy of every row, in nats, [b heads nq]",
    reference=_entropy,
    cases=_entropy_cases,
    gradient=(
        "But where a weight is 0 the gradient is infinite, and NaN once it has passed a softmax: -ln 0 is infinite, "
        "whatever stands before it. What is under the logarithm must not be 0 while the gradient is computed."
    ),
    mistakes=(
        Mistake(
            "logarithm of zero",
            lambda a: -(a * a.log()).sum(-1),
            "Right but for rows that hold a zero: 0 log 0 counts as 0, yet a computer says NaN.",
        ),
        Mistake(
            "a little added",
            lambda a: -(a * (a + 1e-6).log()).sum(-1),
            "No NaN any more, but every value changes: with thousands of keys the little that you add to each weight "
            "adds up. Change what stands under the logarithm at zeros alone.",
        ),
        Mistake("sign", lambda a: -torch.special.entr(a).sum(-1), "An entropy is never negative: look at the sign."),
        Mistake(
            "bits",
            lambda a: torch.special.entr(a).sum(-1) / torch.log(torch.tensor(2.0)),
            "Yours is in bits; nats were asked for: which logarithm is that?",
        ),
        Mistake(
            "mean over keys",
            lambda a: torch.special.entr(a).mean(-1),
            "You average over the keys. An entropy is a sum; uniform attention to n keys has log n.",
        ),
        Mistake(
            "over queries",
            lambda a: torch.special.entr(a).sum(-2),
            "You sum over the queries: a column is no distribution, a row is.",
        ),
        Mistake(
            "entropy of the head mean",
            lambda a: torch.special.entr(a.mean(1)).sum(-1),
            "This is the entropy of the head-mean map, where heads that disagree look undecided. Take each head alone.",
        ),
    ),
)

nearest_key = Exercise(
    name="nearest_key",
    signature=(
        "attention [b heads nq nk], width of the keys' lattice -> (column, row) of the strongest key of the "
        "head-mean map, [b nq 2]"
    ),
    reference=_nearest,
    cases=lambda: [(a, size[3][1]) for a, size in zip(_maps(), SIZES, strict=True)],
    mistakes=(
        Mistake(
            "row and column exchanged",
            lambda a, w: _nearest(a, w).flip(-1),
            "Column first, then row: as everywhere in this book x comes first.",
        ),
        Mistake(
            "height for width",
            lambda a, w: _nearest(a, a.shape[-1] // w),
            "Tokens are numbered row by row: how many of them make a row, the width or the height?",
        ),
        Mistake(
            "one head",
            lambda a, w: _nearest(a[:, :1], w),
            "You look at the first head only. The head mean may prefer another key.",
        ),
        Mistake(
            "over queries",
            lambda a, w: _nearest(a.mT, w),
            "You ask which query looks most at a key. Each query was to name its key.",
        ),
        Mistake(
            "index",
            lambda a, w: a.mean(1).argmax(-1),
            "That is the number of the token: which column and row?",
        ),
    ),
)
