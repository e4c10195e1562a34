"""Exercises on how a library is built and tested: layers, reading in pieces, checks that can fail, sets of checks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand

by_hand_16_1 = by_hand(
    "by_hand_16_1",
    9.6,
    "how many times more numbers a map has than its queries and keys, for 32x24 tokens of width 40, one number",
    {
        19.2: "You counted queries or keys. A record keeps both.",
        76.8: "Heads multiply the map, and the queries and keys as well.",
        4.8: "Queries and keys are two tensors: n times d each, not twice that.",
        768.0: "That is how long a row of the map is. A query has a length too.",
        0.104167: "That is the other way round: what is kept, as a share of the map.",
    },
)


def layer_numbers(imports: Tensor) -> Tensor:
    """The layer of every module; imports [m m], 1 where the module of the row imports that of the column -> [m].

    Equation: eq-layer.
    """
    layers = torch.zeros(len(imports), dtype=torch.long)
    for _ in range(len(imports)):
        layers = torch.where(imports > 0, layers + 1, 0).amax(1)
    return layers


def _import_cases() -> list[Arguments]:
    chain = torch.eye(5).roll(-1, 1).tril(-1)
    short = torch.eye(6).roll(-1, 1).tril(-1)
    short[5, 0] = short[2, 0] = 1
    g = torch.Generator().manual_seed(16)
    drawn = torch.rand(7, 7, generator=g).lt(0.4).float().tril(-1)
    order = torch.randperm(7, generator=g)
    return [(chain,), (short,), (drawn[order][:, order],)]


def _nearest_layers(imports: Tensor) -> Tensor:
    layers = torch.zeros(len(imports))
    for _ in range(len(imports)):
        below = torch.where(imports > 0, layers + 1, torch.inf).amin(1)
        layers = torch.where(imports.sum(1) > 0, below, 0)
    return layers


layers = Exercise(
    name="layers",
    signature="imports [m m], 1 where the module of the row imports that of the column -> the layer of each, [m]",
    reference=layer_numbers,
    cases=_import_cases,
    mistakes=(
        Mistake(
            "shortest way down",
            _nearest_layers,
            "You take the shortest way down. A module lies above ALL that it imports, so the longest counts.",
        ),
        Mistake("one step", lambda m: m.any(1), "You look one import deep. What is imported imports too."),
        Mistake(
            "upside down",
            lambda m: layer_numbers(m.mT),
            "Your layers are counted from the top. Modules that import nothing are at the bottom.",
        ),
        Mistake("imports counted", lambda m: m.sum(1), "That is how many modules each imports, not how deep they lie."),
    ),
)


def _read(query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
    scale = query.shape[-1] ** -0.5
    return torch.cat([(scale * part @ key.mT).softmax(-1) @ value for part in query.split(rows)])


def _over_queries(query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
    scale = query.shape[-1] ** -0.5
    return torch.cat([(scale * part @ key.mT).softmax(0) @ value for part in query.split(rows)])


def _without_scale(query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
    return _read(query * query.shape[-1] ** 0.5, key, value, rows)


def _keys_in_pieces(query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
    parts = [_read(query, k, v, len(query)) for k, v in zip(key.split(rows), value.split(rows), strict=True)]
    return torch.stack(parts).mean(0)


def _without_rest(query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
    return _read(query[: len(query) // rows * rows], key, value, rows)


def _read_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(16)
    sizes = ((7, 5, 4, 2, 3), (10, 12, 3, 1, 4), (6, 9, 8, 5, 4))
    return [
        (torch.randn(n, d, generator=g), torch.randn(k, d, generator=g), torch.randn(k, e, generator=g), rows)
        for n, k, d, e, rows in sizes
    ]


piecewise_read = Exercise(
    name="piecewise_read",
    signature="query [nq d], key [nk d], value [nk e], rows -> softmax(q k^T / sqrt(d)) v, [nq e], some rows at a time",
    reference=_read,
    cases=_read_cases,
    mistakes=(
        Mistake("other axis", _over_queries, "Your weights sum to 1 over the queries of a piece, not over the keys."),
        Mistake("no scale", _without_scale, "The logits are divided by the root of the width d."),
        Mistake("keys in pieces", _keys_in_pieces, "A softmax needs all keys at once. Cut the queries into pieces."),
        Mistake("rest lost", _without_rest, "The last piece may be shorter than the others: its rows are missing."),
    ),
)


def _is_attention(function: Callable[[Tensor], Tensor]) -> bool:
    weights = function(torch.randn(3, 5, generator=torch.Generator().manual_seed(1)))
    return bool(torch.allclose(weights.sum(-1), torch.ones(3), atol=1e-5) and (weights >= 0).all())


def _on_symmetric(function: Callable[[Tensor], Tensor]) -> bool:
    return bool(torch.allclose(function(torch.eye(4)).sum(-1), torch.ones(4), atol=1e-5))


def _by_columns(function: Callable[[Tensor], Tensor]) -> bool:
    weights = function(torch.randn(3, 5, generator=torch.Generator().manual_seed(1)))
    return bool(torch.allclose(weights.sum(0), torch.ones(5), atol=1e-5))


def _function_cases() -> list[Arguments]:
    return [
        (lambda x: x.softmax(-1),),
        (lambda x: x.softmax(-2),),
        (lambda x: (3 * x).softmax(-1),),
        (lambda x: x.sigmoid(),),
        (lambda x: x / x.sum(-1, keepdim=True),),
    ]


row_check = Exercise(
    name="row_check",
    signature="a function of logits [nq nk] -> True where its results are weights of an attention, else False",
    reference=_is_attention,
    cases=_function_cases,
    mistakes=(
        Mistake(
            "symmetric input",
            _on_symmetric,
            "Your input is the same when rows and columns are exchanged, so a softmax over either passes.",
        ),
        Mistake("columns", _by_columns, "You ask whether columns sum to 1. Each query's weights do: the rows."),
        Mistake("always true", lambda _: True, "Your check passes whatever it is given. Let it fail once."),
    ),
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
        Mistake("of one", lambda s: int(s.sum(0).max()), "That is how many faults the best single kind notices."),
    ),
)


def _off_cloth(weights: Tensor, covered: Tensor, worn: Tensor) -> Tensor:
    off = weights.mean(1) @ (1 - covered)[..., None]
    return (off[..., 0] * worn).sum() / worn.sum()


def _off_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(16)
    found: list[Arguments] = []
    for b, heads, nq, nk in ((2, 3, 5, 7), (3, 2, 6, 4)):
        worn = (torch.rand(b, nq, generator=g) > 0.4).float()
        worn[0, 0] = 1
        logits = torch.randn(b, heads, nq, nk, generator=g)
        found.append((logits.softmax(-1), (torch.rand(b, nk, generator=g) > 0.5).float(), worn))
    return found


off_cloth = Exercise(
    name="off_cloth",
    signature="weights [b heads nq nk], covered [b nk], worn [b nq] -> the share of attention off the cloth, a number",
    reference=_off_cloth,
    cases=_off_cases,
    mistakes=(
        Mistake(
            "on the cloth",
            lambda a, c, w: 1 - _off_cloth(a, c, w),
            "That is the share on the cloth. A loss is what shall become small.",
        ),
        Mistake(
            "all queries",
            lambda a, c, w: _off_cloth(a, c, torch.ones_like(w)),
            "Every query counts in yours. Only those where the garment is worn should.",
        ),
        Mistake(
            "divided by all",
            lambda a, c, w: _off_cloth(a, c, w) * w.mean(),
            "You divide by all queries, also by those that do not count: with fewer worn the loss becomes small.",
        ),
        Mistake(
            "heads added",
            lambda a, c, w: _off_cloth(a, c, w) * a.shape[1],
            "You add the heads up. Their mean is again an attention.",
        ),
    ),
)
