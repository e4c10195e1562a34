# budget: the mistakes that readers make and their hints are data, and stand beside the exercise that they belong to
"""Exercises on query selection: entropies by hand, who is chosen, windows, routing, and contrastive losses."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand

SIZES = ((9, 4, 3), (12, 5, 7), (7, 3, 2))
"""Patches, channels, chosen patches."""

by_hand_13_1 = by_hand(
    "by_hand_13_1",
    1.475076,
    "the entropy of the lamp's row in nats, one number",
    {
        1.464816: "That is the entropy of a row of the wall. Which of the five is the lamp's?",
        1.609438: "That is the entropy of five equal weights. The lamp's own weight is three times another.",
        0.682908: "You took the exponential of 3 and of 1. These are the weights already; only their sum is not 1.",
        2.128097: "That is a logarithm of base 2. In nats it is the natural one.",
        -1.475076: "Entropy is not negative: mind the sign of the logarithm of a share.",
    },
    tolerance=2e-3,
)

preferred_share = by_hand(
    "preferred_share",
    1 / (math.e - 1) ** 2,
    "the share of the patches whose group has the least entropy where the ratio is e, one number",
    {
        1 / (math.e - 1): "You divided by r - 1. It is squared.",
        1 / math.e: "That is 1/r. Put r = e into the formula, with ln r = 1.",
        0.5: "That holds where r is near 1. Put in r = e.",
        (math.e + 1) / (math.e - 1) ** 2: "One of your signs is wrong: r ln r is e, and r is subtracted from it.",
    },
    tolerance=2e-3,
)


def _patches(size: tuple[int, int, int], seed: int) -> Tensor:
    return torch.randn(size[:2], generator=torch.Generator().manual_seed(seed))


def _entropy(logits: Tensor, axis: int = -1) -> Tensor:
    weights = logits.softmax(axis)
    return torch.special.entr(weights).sum(axis)


def _choose(x: Tensor, count: int) -> Tensor:
    return _entropy(x @ x.mT).argsort(stable=True)[:count]


chosen_patches = Exercise(
    name="chosen_patches",
    signature="features [n c], count -> numbers of the patches of the lowest entropy, the lowest first, [count]",
    reference=_choose,
    cases=lambda: [*((_patches(size, 13 + k), size[2]) for k, size in enumerate(SIZES)), (torch.ones(11, 3), 4)],
    mistakes=(
        Mistake(
            "the last of equals",
            lambda x, n: len(x) - 1 - _entropy(x @ x.mT).flip(0).argsort(stable=True)[:n],
            "Right, but for patches that are equal: there the first in the map comes first.",
        ),
        Mistake(
            "the highest",
            lambda x, n: _entropy(x @ x.mT).argsort(descending=True)[:n],
            "You take the patches that attend to everything alike. Wanted are those that attend to few.",
        ),
        Mistake(
            "entropies returned",
            lambda x, n: _entropy(x @ x.mT).sort().values[:n],
            "These are entropies. Asked are the numbers of the patches that have them.",
        ),
        Mistake(
            "in the order of the map",
            lambda x, n: _entropy(x @ x.mT).argsort()[:n].sort().values,
            "The right patches, sorted by their number. The patch of the lowest entropy comes first.",
        ),
        Mistake(
            "the longest",
            lambda x, n: x.norm(dim=-1).argsort(descending=True)[:n],
            "These are the longest features. They often have a low entropy, and not always.",
        ),
        Mistake(
            "scaled",
            lambda x, n: _entropy(x @ x.mT / x.shape[-1] ** 0.5).argsort()[:n],
            "You divide by the root of the width, as transformers do. QS-Attn takes the products as they are.",
        ),
        Mistake(
            "length 1",
            lambda x, n: _entropy(F.normalize(x, dim=-1) @ F.normalize(x, dim=-1).mT).argsort()[:n],
            "You bring features to length 1. QS-Attn takes the products as they are.",
        ),
    ),
)


def _pictures() -> list[Arguments]:
    g = torch.Generator().manual_seed(31)
    sizes = ((3, 4, 5, 3), (2, 6, 3, 3), (4, 5, 7, 5))
    return [(torch.randn(c, h, w, generator=g), window) for c, h, w, window in sizes]


def _unfolded(x: Tensor, window: int, padding: int) -> Tensor:
    """[channels * places, patches], channels slowest."""
    return F.unfold(x[None], window, padding=padding)[0]


def _windows(x: Tensor, window: int) -> Tensor:
    return _unfolded(x, window, window // 2).unflatten(0, (len(x), window**2)).permute(2, 1, 0)


window_patches = Exercise(
    name="window_patches",
    signature="features [c h w], window -> what lies in the window around every patch, [h*w window*window c]",
    reference=_windows,
    cases=_pictures,
    mistakes=(
        Mistake(
            "the line of the exercise",
            lambda x, w: _unfolded(x, w, w // 2).mT.reshape(-1, w * w, len(x)),
            "The shape is right, and each row mixes channels and places. Which axis of an unfolded map runs fastest?",
        ),
        Mistake(
            "rows and columns exchanged",
            lambda x, w: _windows(x, w).unflatten(1, (w, w)).transpose(1, 2).flatten(1, 2),
            "You go through each window column by column. It is row by row, as everywhere.",
        ),
        Mistake(
            "axes left as they were",
            lambda x, w: _windows(x, w).mT,
            "Channels and places are told apart now, but the channels come last: [h*w places c].",
        ),
        Mistake(
            "no border",
            lambda x, w: _unfolded(x, w, 0).unflatten(0, (len(x), w * w)).permute(2, 1, 0),
            "Patches at the edge are missing: beyond it lie zeros.",
        ),
        Mistake(
            "edges mirrored",
            lambda x, w: (
                _unfolded(F.pad(x, (w // 2,) * 4, "reflect"), w, 0).unflatten(0, (len(x), w * w)).permute(2, 1, 0)
            ),
            "Beyond the edge you mirror the map. In the released code there are zeros.",
        ),
    ),
)


def _pairs() -> list[Arguments]:
    return [(F.normalize(_patches(s, k), dim=-1), F.normalize(_patches(s, 7 + k), dim=-1)) for k, s in enumerate(SIZES)]


TEMPERATURE = 0.2
"""That of the exercise on PatchNCE."""


def _nce(q: Tensor, k: Tensor) -> Tensor:
    logits = q @ k.mT / TEMPERATURE
    return logits.logsumexp(-1) - logits.diagonal()


def _negatives_only(q: Tensor, k: Tensor) -> Tensor:
    logits = q @ k.mT / TEMPERATURE
    return logits.masked_fill(torch.eye(len(q)).bool(), -torch.inf).logsumexp(-1) - logits.diagonal()


patch_loss = Exercise(
    name="patch_loss",
    signature="query [m c] and key [m c] of length 1 -> the loss of every patch at temperature 0.2, [m]",
    reference=_nce,
    cases=_pairs,
    mistakes=(
        Mistake(
            "keys look for queries",
            lambda q, k: _nce(k, q),
            "You let each key find its query. Each query, of the translation, is to find its key among all keys.",
        ),
        Mistake(
            "no temperature",
            lambda q, k: (q @ k.mT).logsumexp(-1) - (q @ k.mT).diagonal(),
            "The products are divided by the temperature.",
        ),
        Mistake("mean", lambda q, k: _nce(q, k).mean(), "That is the mean. Asked is the loss of every patch."),
        Mistake(
            "negatives only",
            _negatives_only,
            "Your denominator lacks the own key. (Such a loss exists, and is called decoupled.)",
        ),
        Mistake(
            "likelihood",
            lambda q, k: (-_nce(q, k)).exp(),
            "That is the share that the own key has. The loss is minus its logarithm.",
        ),
    ),
)


def _route_cases() -> list[Arguments]:
    cases = []
    for k, size in enumerate(SIZES):
        ids = torch.randperm(size[0], generator=torch.Generator().manual_seed(k))[: size[2]]
        cases.append((0.7 * _patches(size, k), 0.7 * _patches(size, 5 + k), ids))
    return cases


def _read(attending: Tensor, read: Tensor, ids: Tensor) -> Tensor:
    return (attending @ attending.mT).softmax(-1)[ids] @ read


routed_pair = Exercise(
    name="routed_pair",
    signature=(
        "source [n c], translation [n c], ids [m] -> keys and queries as QS-Attn compares them, in one tensor [2 m c]"
    ),
    reference=lambda x, y, ids: torch.stack([_read(x, x, ids), _read(x, y, ids)]),
    cases=_route_cases,
    mistakes=(
        Mistake(
            "each its own attention",
            lambda x, y, ids: torch.stack([_read(x, x, ids), _read(y, y, ids)]),
            "You give the translation an attention of its own. Both are read through the source's.",
        ),
        Mistake(
            "attention across",
            lambda x, y, ids: torch.stack([_read(x, x, ids), (x @ y.mT).softmax(-1)[ids] @ y]),
            "You let the source look at the translation. The attention is that of the source to itself.",
        ),
        Mistake(
            "not routed",
            lambda x, y, ids: torch.stack([x[ids], y[ids]]),
            "These are the patches themselves, as CUT compares them. Where is what their rows read?",
        ),
        Mistake(
            "softmax over queries",
            lambda x, y, ids: torch.stack([(x @ x.mT).softmax(0)[ids] @ z for z in (x, y)]),
            "Your weights sum to one over the patches that ask. Over the patches that are read they should.",
        ),
        Mistake(
            "rows chosen first",
            lambda x, y, ids: torch.stack([(x[ids] @ x[ids].mT).softmax(-1) @ z[ids] for z in (x, y)]),
            "Your chosen patches look only at each other. Rows are chosen, not columns: each reads the whole map.",
        ),
        Mistake(
            "the other way round",
            lambda x, y, ids: torch.stack([_read(x, y, ids), _read(x, x, ids)]),
            "Keys come first, and they are the source's.",
        ),
    ),
)


def _apart(p: Tensor, q: Tensor) -> Tensor:
    """The Jensen-Shannon divergence of the rows of two maps."""
    mean = (p + q) / 2
    return ((p * (p / mean).log()).sum(-1) + (q * (q / mean).log()).sum(-1)) / 2


def _divergence(z: Tensor, w: Tensor) -> Tensor:
    return _apart((z @ z.mT).softmax(-1), (w @ w.mT).softmax(-1))


def _kullback(z: Tensor, w: Tensor) -> Tensor:
    p, q = ((x @ x.mT).log_softmax(-1) for x in (z, w))
    return (p.exp() * (p - q)).sum(-1)


relation_divergence = Exercise(
    name="relation_divergence",
    signature="source [m c], translation [m c] -> the divergence of every patch's relations, [m]",
    reference=_divergence,
    cases=lambda: [(0.8 * _patches(s, k), 0.8 * _patches(s, 3 + k)) for k, s in enumerate(SIZES)],
    mistakes=(
        Mistake(
            "one direction",
            _kullback,
            "That is the divergence of one from the other. Each is to be compared with their mean.",
        ),
        Mistake(
            "both directions, no mean",
            lambda z, w: (_kullback(z, w) + _kullback(w, z)) / 2,
            "You compare each with the other, which grows without a bound. Compare each with the mean of the two.",
        ),
        Mistake("not halved", lambda z, w: 2 * _divergence(z, w), "Too large by a factor of 2: it is a mean of two."),
        Mistake("its root", lambda z, w: _divergence(z, w).sqrt(), "That is its root, the Jensen-Shannon distance."),
        Mistake(
            "across",
            lambda z, w: _apart((z @ z.mT).softmax(-1), (z @ w.mT).softmax(-1)),
            "Your second distribution compares the two images. It is the translation's relations among themselves.",
        ),
    ),
)
