"""Exercises on how a library is built: layers, reading in pieces, a loss of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

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


def _pieces_added(query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
    parts = zip(key.split(rows), value.split(rows), strict=True)
    return torch.stack([_read(query, k, v, len(query)) for k, v in parts]).sum(0)


def _without_rest(query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
    return _read(query[: len(query) // rows * rows], key, value, rows)


def _read_cases() -> list[Arguments]:
    """More queries than the square of ``rows``, so that that many pieces are too long; and no width is above it."""
    g = torch.Generator().manual_seed(16)
    sizes = ((13, 11, 2, 1, 3), (19, 8, 3, 2, 4), (29, 7, 4, 3, 5))
    return [
        (torch.randn(n, d, generator=g), torch.randn(k, d, generator=g), torch.randn(k, e, generator=g), rows)
        for n, k, d, e, rows in sizes
    ]


class _Rows(TorchFunctionMode):
    """The most rows as long as ``keys`` that any call of the block makes."""

    def __init__(self, keys: int) -> None:
        super().__init__()
        self.keys, self.most = keys, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and made.ndim > 1 and made.shape[-1] == self.keys:
            self.most = max(self.most, made.numel() // self.keys)
        return made


def _read_without_map(function: Callable[..., Any], arguments: Arguments) -> Any:
    """What is returned; infinite where more rows of the map were held than are allowed."""
    _, key, _, rows = arguments
    with _Rows(len(key)) as held:
        result = function(*arguments)
    return torch.full_like(result, torch.inf) if isinstance(result, Tensor) and held.most > rows else result


piecewise_read = Exercise(
    name="piecewise_read",
    signature="query [nq d], key [nk d], value [nk e], rows -> softmax(q k^T / sqrt(d)) v, [nq e], some rows at a time",
    reference=_read,
    cases=_read_cases,
    mistakes=(
        Mistake(
            "whole map",
            lambda q, k, v, rows: _read(q, k, v, len(q)),
            "At some time you hold more rows of the map than `rows`. That is how LONG a piece may be, not how many.",
        ),
        Mistake("other axis", _over_queries, "Your weights sum to 1 over the queries of a piece, not over the keys."),
        Mistake("no scale", _without_scale, "The logits are divided by the root of the width d."),
        Mistake(
            "divided by the width",
            lambda q, k, v, rows: _read(q / q.shape[-1] ** 0.5, k, v, rows),
            "You divide the logits by the width d. It should be by its root.",
        ),
        Mistake(
            "keys in pieces",
            _keys_in_pieces,
            "A mean of softmaxes over pieces is not the softmax over all keys. Cut the queries; or, of pieces of keys, "
            "keep the largest logit and the sum so far.",
        ),
        Mistake(
            "pieces added",
            _pieces_added,
            "The weights of every piece sum to 1, so all together to the number of pieces. Cut the queries; or, of "
            "pieces of keys, keep the largest logit and the sum so far.",
        ),
        Mistake("rest lost", _without_rest, "The last piece may be shorter than the others: its rows are missing."),
    ),
    observe=_read_without_map,
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
