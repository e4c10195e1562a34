"""Exercises on how a library is tested: a check that can fail, the fewest kinds of checks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake


def _is_attention(function: Callable[[Tensor], Tensor]) -> bool:
    weights = function(_numbers(3, 5))
    return _rows_sum_to_one(weights) and bool((weights >= 0).all())


def _by_columns(function: Callable[[Tensor], Tensor]) -> bool:
    return bool(torch.allclose(function(_numbers(3, 5)).sum(0), torch.ones(5), atol=1e-5))


def _by_total(function: Callable[[Tensor], Tensor]) -> bool:
    weights = function(_numbers(3, 5))
    return bool((weights.sum() - 3).abs() < 1e-4 and (weights >= 0).all())


def _function_cases() -> list[Arguments]:
    return [
        (lambda x: x.softmax(-1),),
        (lambda x: x.softmax(-2),),
        (lambda x: (3 * x).softmax(-1),),
        (lambda x: x.sigmoid(),),
        (lambda x: x / x.sum(-1, keepdim=True),),
        (lambda x: x.flatten().softmax(0).view_as(x) * len(x),),
    ]


def _numbers(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def _rows_sum_to_one(weights: Tensor) -> bool:
    return bool(torch.allclose(weights.sum(-1), torch.ones(len(weights)), atol=1e-5))


row_check = Exercise(
    name="row_check",
    signature="a function of logits [nq nk] -> True where its results are weights of an attention, else False",
    reference=_is_attention,
    cases=_function_cases,
    mistakes=(
        Mistake(
            "symmetric input",
            lambda f: _rows_sum_to_one(f(torch.eye(4))),
            "Your input is the same when rows and columns are exchanged, so a softmax over either passes.",
        ),
        Mistake(
            "signs",
            lambda f: _rows_sum_to_one(f(_numbers(3, 5))),
            "Your check passes something that is no attention: rows that sum to 1, with weights below 0 among them.",
        ),
        Mistake(
            "total",
            _by_total,
            "Your check passes something that is no attention: all weights together sum to the number of queries, and "
            "no row to 1.",
        ),
        Mistake(
            "one softmax",
            lambda f: torch.allclose(f(_numbers(3, 5)), _numbers(3, 5).softmax(-1)),
            "Your check refuses an attention. A softmax of another temperature is one too.",
        ),
        Mistake("columns", _by_columns, "You ask whether columns sum to 1. Each query's weights do: the rows."),
        Mistake("always true", lambda _: True, "Your check passes whatever it is given. Let it fail once."),
        Mistake("always false", lambda _: False, "Your check refuses whatever it is given: is it too exact?"),
    ),
    sides=("Your check refuses something that is an attention.", "Your check passes something that is no attention."),
)


def _smallest(seen: Tensor) -> int:
    """The least number of columns that cover every row which any covers."""
    wanted, kinds = seen.bool().any(1), range(seen.shape[1])
    for count in range(seen.shape[1] + 1):
        if any(torch.equal(seen[:, list(some)].bool().any(1), wanted) for some in combinations(kinds, count)):
            return count
    return seen.shape[1]


def _greedy(seen: Tensor) -> int:
    left, count = seen.bool().any(1), 0
    while left.any():
        left = left & ~seen[:, int((seen.bool() & left[:, None]).sum(0).argmax())].bool()
        count += 1
    return count


def _of_all_rows(seen: Tensor) -> int:
    return _smallest(seen) if seen.any(1).all() else seen.shape[1]


def _seen_cases() -> list[Arguments]:
    trap = torch.tensor([[1, 0, 1], [1, 0, 1], [1, 0, 0], [0, 1, 1], [0, 1, 1], [0, 1, 0]])
    none = torch.tensor([[1, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 1]])
    three = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [1, 1, 0, 0]])
    return [(trap,), (none,), (three,)]


smallest_set = Exercise(
    name="smallest_set",
    signature="seen [faults kinds], 1 where a kind of check notices -> the least number of kinds that notice all "
    "that any does",
    reference=_smallest,
    cases=_seen_cases,
    mistakes=(
        Mistake("greedy", _greedy, "Taking the best kind first, then the best of the rest, can take one too many."),
        Mistake("all that see", lambda s: int(s.any(0).sum()), "That is how many kinds notice anything at all."),
        Mistake("faults counted", lambda s: int(s.any(1).sum()), "That is how many faults are noticed by anyone."),
        Mistake("all rows", _of_all_rows, "A fault that nobody notices cannot be covered, and need not be."),
        Mistake("of one", lambda s: int(s.sum(0).max()), "That is how many faults the best single kind notices."),
    ),
)
