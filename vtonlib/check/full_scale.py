"""Exercises on what the published sizes cost, and on the map from person to garment inside a joined attention."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand

by_hand_20_1 = by_hand(
    "by_hand_20_1",
    9_437_184,
    "bytes of one sample's explicit attention map, 32x24 queries on as many keys, 8 heads, 16 bits a number",
    {
        1_179_648: "That is the map of one head. Every head has its own.",
        18_874_368: "That is in 32 bits. 16 bits are two bytes.",
        75_497_472: "16 is the number of bits. A byte has eight.",
        12_288: "A map has an entry for each PAIR of a query and a key.",
        4_718_592: "That is how many numbers there are. How many bytes has one?",
    },
)

frozen_memory = by_hand(
    "frozen_memory",
    6.4,
    "GB of weights, gradients and AdamW's states, 32 bits, of 1 billion weights of which 0.2 billion are trained",
    {
        16.0: "You train all of them. A frozen weight needs neither a gradient nor a state.",
        3.2: "You forgot the frozen ones: they need no gradient, and still lie in memory.",
        4.8: "AdamW keeps two numbers for each trained weight, the means of the gradient and of its square.",
        5.6: "Weights, gradients and two states of AdamW: one of the four is missing.",
        2.4: "That is gradients and states. The weights themselves take memory too.",
    },
)


def _attentions() -> list[Arguments]:
    return [
        tuple(torch.zeros(shape) for shape in shapes)
        for shapes in (
            ((2, 4, 12, 8), (2, 4, 20, 8), (2, 4, 20, 6)),
            ((1, 2, 7, 16), (1, 2, 9, 16), (1, 2, 9, 16)),
            ((3, 1, 30, 4), (3, 1, 5, 4), (3, 1, 5, 10)),
        )
    ]


def _flop(q: Tensor, k: Tensor, v: Tensor) -> float:
    return 2.0 * q.shape[:3].numel() * k.shape[2] * (q.shape[3] + v.shape[3])


counted_attention = Exercise(
    name="counted_attention",
    signature="query [b heads n d], key [b heads m d], value [b heads m e] -> operations of both products, one number",
    reference=_flop,
    cases=_attentions,
    mistakes=(
        Mistake(
            "logits alone",
            lambda q, k, v: 2.0 * q.shape[:3].numel() * k.shape[2] * q.shape[3],
            "You count the logits. The weights are multiplied with the values too.",
        ),
        Mistake(
            "products alone",
            lambda q, k, v: _flop(q, k, v) / 2,
            "You count products. Each of them is also added to a sum.",
        ),
        Mistake(
            "keys as wide as values",
            lambda q, k, v: 4.0 * q.shape[:3].numel() * k.shape[2] * q.shape[3],
            "The values need not be as wide as queries and keys: coordinates have two numbers.",
        ),
        Mistake(
            "heads forgotten",
            lambda q, k, v: _flop(q, k, v) / q.shape[1],
            "You count one head.",
        ),
        Mistake(
            "queries squared",
            lambda q, k, v: _flop(q, k, v) / k.shape[2] * q.shape[2],
            "There may be more keys than queries, or fewer: pairs are queries times keys.",
        ),
    ),
)


def _counts() -> list[Arguments]:
    g = torch.Generator().manual_seed(21)
    return [tuple((10 * torch.rand(k, generator=g) + 1).double() for _ in range(3)) for k in (2, 3, 5)]


crossing_tokens = Exercise(
    name="crossing_tokens",
    signature=(
        "tokens [k] of k networks, attention's operations there [k], all others' there [k] -> the tokens at which the "
        "two are equal [k]"
    ),
    reference=lambda n, a, r: n * r / a,
    cases=_counts,
    mistakes=(
        Mistake(
            "upside down",
            lambda n, a, r: n * a / r,
            "Where attention is the smaller part, MORE tokens are needed until it has caught up.",
        ),
        Mistake(
            "root",
            lambda n, a, r: n * (r / a) ** 0.5,
            "The other operations grow too, with tokens: attention catches up by one power of n, not by two.",
        ),
        Mistake(
            "no tokens",
            lambda n, a, r: r / a,
            "That is by which factor tokens must grow. How many are there then?",
        ),
    ),
)


def _memories() -> list[Arguments]:
    g = torch.Generator().manual_seed(22)
    return [tuple((9 * torch.rand(k, generator=g) + 1).round().double() for _ in range(4)) for k in (2, 3, 5)]


training_bytes = Exercise(
    name="training_bytes",
    signature=(
        "trained weights [k] of k networks, frozen weights [k], bytes kept for one sample [k], batch size [k] -> bytes "
        "[k], 32 bits and AdamW"
    ),
    reference=lambda t, f, k, b: 16 * t + 4 * f + b * k,
    cases=_memories,
    mistakes=(
        Mistake(
            "the code of the exercise",
            lambda t, f, k, b: 16 * (t + f) + k,
            "Try it with frozen weights alone, then with two samples: neither should do what it does.",
        ),
        Mistake(
            "batch forgotten",
            lambda t, f, k, b: 16 * t + 4 * f + k,
            "Every sample of the batch keeps what its own backward pass reads.",
        ),
        Mistake(
            "frozen ones learn",
            lambda t, f, k, b: 16 * (t + f) + b * k,
            "Frozen weights have no gradient, so AdamW keeps nothing for them.",
        ),
        Mistake(
            "frozen ones are gone",
            lambda t, f, k, b: 16 * t + b * k,
            "Frozen weights are used, so they lie in memory.",
        ),
        Mistake(
            "batch of everything",
            lambda t, f, k, b: b * (16 * t + 4 * f + k),
            "Weights are there once, whatever the batch.",
        ),
    ),
)


def _joined() -> list[Arguments]:
    g = torch.Generator().manual_seed(20)
    cases: list[Arguments] = []
    for b, heads, text, (h, w) in ((1, 2, 3, (2, 4)), (2, 1, 5, (3, 6)), (2, 3, 2, (4, 2))):
        n = text + h * w
        cases.append((torch.randn(b, heads, n, n, generator=g).mul(2).softmax(-1), h, w))
    return cases


def _halves(h: int, w: int) -> tuple[Tensor, Tensor]:
    left, right = torch.arange(h * w).view(h, w).chunk(2, dim=1)
    return left.flatten(), right.flatten()


def _block(weights: Tensor, asks: Tensor, answers: Tensor, *, scale: bool = True) -> Tensor:
    part = weights[:, :, asks][..., answers]
    return part / part.sum(-1, keepdim=True) if scale else part


def _runs(weights: Tensor, h: int, w: int) -> Tensor:
    half = h * w // 2
    return _block(weights, torch.arange(half, 2 * half), torch.arange(half))


def _text_first(weights: Tensor, h: int, w: int) -> Tensor:
    left, right = (places + weights.shape[2] - h * w for places in _halves(h, w))
    return _block(weights, right, left)


person_to_garment = Exercise(
    name="person_to_garment",
    signature=(
        "joined weights [b heads N N] of a picture's tokens and then a text's, rows and columns of the picture's "
        "tokens, whose left half is the garment -> the map [b heads n n] from the person's to the garment's tokens, "
        "n = rows columns / 2, rows that sum to 1"
    ),
    reference=lambda weights, h, w: _block(weights, _halves(h, w)[1], _halves(h, w)[0]),
    cases=_joined,
    mistakes=(
        Mistake(
            "halves that run on",
            _runs,
            "Tokens are numbered row by row, and every row has a left and a right half: the garment's are not the "
            "first half of the numbers.",
        ),
        Mistake(
            "not renormalized",
            lambda weights, h, w: _block(weights, _halves(h, w)[1], _halves(h, w)[0], scale=False),
            "Your rows do not sum to 1: the rest of their weight is on the text and on the person. Read as places, "
            "they would all be drawn to the middle.",
        ),
        Mistake(
            "from garment to person",
            lambda weights, h, w: _block(weights, _halves(h, w)[0], _halves(h, w)[1]),
            "You let the garment ask. Asked is where the person looks.",
        ),
        Mistake(
            "text first",
            _text_first,
            "You take the text's tokens for the first ones. Here the picture's come first.",
        ),
    ),
)
