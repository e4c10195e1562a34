# budget: the mistakes that readers make and their hints are data, and stand beside the exercise that they belong to
"""Exercises on entropy as a loss: who gains, which rows count, whether heads agree; and who looks at a key."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand

SIZES = ((2, 3, 5, 12), (3, 2, 7, 10), (4, 4, 6, 8))
"""Samples or layers, heads, queries, keys."""

ZERO_WEIGHTS = (
    "But some rows have all their weight on one key, and through the softmax the gradient of your result is not a "
    "number there: -a ln a has an infinite slope at a = 0, and 0 times infinity is NaN. Keep the logarithm finite."
)

by_hand_12_1 = by_hand(
    "by_hand_12_1",
    0.363708,
    "the weight above which a key gains when entropy is lowered, of a row with weights 1/2, 1/3, 1/6, one number",
    {
        1 / 3: "That is the mean weight of three keys. The bar lies where the logarithm of a weight is minus the "
        "entropy, which is lower than that of three equal weights.",
        1.011404: "That is the entropy itself. Which weight has it as minus its logarithm?",
        2.749459: "That is the number of equal keys that would have this entropy. Each of them would have ... ?",
        0.5: "That is the largest weight. It gains, but a smaller one would too, as long as it is above the bar.",
        0.496: "You took a power of two with an entropy in nats.",
    },
    tolerance=2e-3,
)

share_ratio = by_hand(
    "share_ratio",
    1.471518,
    "how many times the share of the garment that the coarse map looks at is that of the fine one, one number",
    {
        0.679570: "That is the other way round: the fine map's share as a multiple of the coarse one's.",
        0.947760: "That is the ratio of the entropies as shares of ln n. Asked is the share of the keys, exp(H) / n.",
        0.75: "That is the ratio of the entropies in nats. They are logarithms of numbers of keys.",
        0.367879: "That is the ratio of the numbers of keys. A key of the fine lattice is a smaller piece.",
        2.718282: "That is how many times more keys the fine map looks at. Its keys are smaller.",
    },
    tolerance=2e-3,
)


def _maps(*, zeros: bool = False) -> list[Tensor]:
    g = torch.Generator().manual_seed(12)
    found = [(2 * torch.randn(size, generator=g)).softmax(-1) for size in SIZES]
    if zeros:
        found[1][:, :, ::3] = torch.eye(SIZES[1][-1])[2]
    return found


def _entropy(a: Tensor) -> Tensor:
    return -(a * a.clamp_min(torch.finfo(a.dtype).tiny).log()).sum(-1)


def _slope(a: Tensor) -> Tensor:
    return -a * (a.log() + _entropy(a)[..., None])


entropy_slope = Exercise(
    name="entropy_slope",
    signature="weights [nq nk] -> the gradient of every row's entropy by the logits of that row, [nq nk]",
    reference=_slope,
    cases=lambda: [(a[0, 0],) for a in _maps()],
    mistakes=(
        Mistake(
            "by the weights",
            lambda a: -(a.log() + 1),
            "That is the gradient by the weights. A logit that grows takes weight from all other keys.",
        ),
        Mistake(
            "without the entropy",
            lambda a: -a * a.log(),
            "Raising all logits alike changes nothing, so a row's numbers must sum to 0. Yours are all positive.",
        ),
        Mistake(
            "the wrong way",
            lambda a: -_slope(a),
            "Your sign is wrong: the strongest key's logit lowers the entropy when it grows.",
        ),
        Mistake(
            "mean over keys",
            lambda a: -a * (a.log() - a.log().mean(-1, keepdim=True)),
            "You compare with the plain mean of the logarithms. The expectation weighs them.",
        ),
        Mistake(
            "weight forgotten",
            lambda a: -(a.log() + _entropy(a)[..., None]),
            "A key without weight does not matter, and pulls nothing: by what is the difference multiplied?",
        ),
        Mistake(
            "softmax of one key",
            lambda a: -a * (1 - a) * (a.log() + 1),
            "That is what a logit does through its own weight alone. It changes the weights of all other keys.",
        ),
    ),
)


def _mask_cases() -> list[Arguments]:
    """Masks of different sizes; in the second case they are soft, in the third one all are empty."""
    g = torch.Generator().manual_seed(13)
    masks = [(torch.rand(b, q, generator=g) < 0.5).float() for b, _, q, _ in SIZES]
    masks[0][0], masks[0][1, :2] = 1, 0
    masks[1] = masks[1] * torch.rand(masks[1].shape, generator=g)
    return [(a, m) for a, m in zip(_maps(zeros=True), (masks[0], masks[1], 0 * masks[2]), strict=True)]


def _over(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp_min(torch.finfo(mask.dtype).tiny)


def _per_sample(a: Tensor, m: Tensor) -> Tensor:
    values = _entropy(a).mean(1) * m
    return (values.sum(1) / m.sum(1).clamp_min(torch.finfo(m.dtype).tiny)).mean()


masked_entropy = Exercise(
    name="masked_entropy",
    signature=(
        "attention [b heads nq nk], mask [b nq] -> the mean entropy of the rows inside the mask, each head by itself; "
        "0 where the mask is empty"
    ),
    reference=lambda a, m: _over(_entropy(a).mean(1), m),
    cases=_mask_cases,
    mistakes=(
        Mistake(
            "the line of the exercise",
            lambda a, m: -((b := a * m[:, None, :, None]) * b.log()).sum(-1).mean(),
            "A row of zeros has the logarithm of 0. Choose the rows that count; do not multiply the map.",
        ),
        Mistake(
            "the map multiplied",
            lambda a, m: _entropy(a * m[:, None, :, None]).mean(),
            "The rows that you set to 0 have the entropy 0, and you count them: the larger the picture around the "
            "garment, the smaller your loss.",
        ),
        Mistake(
            "mean over all rows",
            lambda a, m: (_entropy(a).mean(1) * m).mean(),
            "You divide by the number of all rows, not of those that count.",
        ),
        Mistake(
            "entropy of the head mean",
            lambda a, m: _over(_entropy(a.mean(1)), m),
            "This is the entropy of the mean map, where heads that disagree look undecided. Take each head alone.",
        ),
        Mistake(
            "each sample alike",
            _per_sample,
            "You average within each sample first, so that a row of a small garment counts more than one of a large.",
        ),
        Mistake(
            "nothing to divide by",
            lambda a, m: (_entropy(a).mean(1) * m).sum() / m.sum(),
            "Right, until no row counts: then it is 0/0.",
        ),
        Mistake(
            "sum over heads",
            lambda a, m: _over(_entropy(a).sum(1), m),
            "You add the heads up: with more heads the same sureness would cost more.",
        ),
    ),
    gradient=ZERO_WEIGHTS,
)


def _disagreement(a: Tensor) -> Tensor:
    return _entropy(a.mean(1)) - _entropy(a).mean(1)


head_disagreement = Exercise(
    name="head_disagreement",
    signature="attention [b heads nq nk] -> what the entropy of the mean map has more than the heads, [b nq]",
    reference=_disagreement,
    cases=lambda: [(a,) for a in _maps(zeros=True)],
    mistakes=(
        Mistake(
            "the wrong way round",
            lambda a: -_disagreement(a),
            "Yours is negative. Mixing never lowers entropy: which of the two is larger?",
        ),
        Mistake("only the mean map", lambda a: _entropy(a.mean(1)), "You have the larger of the two. Subtract."),
        Mistake(
            "only the heads",
            lambda a: _entropy(a).mean(1),
            "You have what the heads have by themselves: what does their mean have more?",
        ),
        Mistake(
            "mean logits",
            lambda a: _entropy(a.clamp_min(1e-30).log().mean(1).softmax(-1)) - _entropy(a).mean(1),
            "You average logarithms and take a softmax: that is another map. Average the weights.",
        ),
        Mistake(
            "sum over heads",
            lambda a: _entropy(a.mean(1)) - _entropy(a).sum(1),
            "The heads' entropies are to be averaged, not added.",
        ),
    ),
    gradient=ZERO_WEIGHTS,
)


def _columns(a: Tensor, key: int) -> Tensor:
    """The head-mean columns of each layer."""
    return a.mean(1)[..., key]


def _who_looks(a: Tensor, key: int) -> Tensor:
    columns = _columns(a, key)
    return (columns / columns.sum(-1, keepdim=True)).mean(0)


who_looks = Exercise(
    name="who_looks",
    signature=(
        "attention [layers heads nq nk], number of a key -> how much each query looks at it, every layer counting "
        "alike, [nq], sum 1"
    ),
    reference=_who_looks,
    cases=lambda: [(a, key) for a, key in zip(_maps(), (2, 5, 0), strict=True)],
    mistakes=(
        Mistake(
            "a row",
            lambda a, key: a.mean((0, 1))[key],
            "That is where a query looks. Asked is who looks at a key: a column.",
        ),
        Mistake(
            "not normalised",
            lambda a, key: _columns(a, key).mean(0),
            "A column of a map sums to anything. Bring it to the sum 1.",
        ),
        Mistake(
            "normalised at the end",
            lambda a, key: _columns(a, key).sum(0) / _columns(a, key).sum(),
            "You normalise once, at the end: a layer that looks at this key a lot then counts more than the others.",
        ),
        Mistake(
            "softmax over queries",
            lambda a, key: _columns(a, key).softmax(-1).mean(0),
            "A column holds weights, not logits: divide by their sum.",
        ),
        Mistake(
            "each head alike",
            lambda a, key: (a[..., key] / a[..., key].sum(-1, keepdim=True)).mean((0, 1)),
            "You normalise each head: one that hardly looks at this key then counts as much as one that looks a lot.",
        ),
    ),
)
