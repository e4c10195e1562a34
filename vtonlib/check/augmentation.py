# budget: the mistakes that readers make and their hints are data, and stand beside the exercise that they belong to
"""Exercises on augmentation: where matches go when pictures move, what stays known, mixed colours, and parts."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand

SIZES = ((2, 5, 7, 4, 3), (1, 6, 8, 3, 5), (3, 4, 9, 2, 4))
"""Batch, queries, keys, and parts of person and garment of the cases: no two alike."""


def _moves() -> list[Arguments]:
    """Points of a person, their places in a garment, and the moves of both."""
    g = torch.Generator().manual_seed(9)
    cases = []
    for n in (3, 5, 6):
        points, places = (torch.rand(n, 2, generator=g) * 1.6 - 0.8 for _ in range(2))
        scales = [0.7 + 0.6 * torch.rand(2, generator=g) for _ in range(2)]
        shifts = [torch.rand(2, generator=g) - 0.5 for _ in range(2)]
        cases.append((points, places, scales[0], shifts[0], scales[1], shifts[1]))
    return cases


def _known() -> list[Arguments]:
    """A mask read at some sources, and places in the garment; some lie outside, some exactly on the border."""
    g = torch.Generator().manual_seed(10)
    cases = []
    for n in (12, 16, 20):
        sources, places = (torch.rand(n, 2, generator=g) * 3 - 1.5 for _ in range(2))
        sources[0], places[0], sources[1], places[1] = 1.0, 0.5, 0.0, -1.0
        mask = (torch.rand(n, generator=g) > 0.3).float()
        mask[:2] = 1
        cases.append((mask, sources, places))
    return cases


def _mixtures() -> list[Arguments]:
    """Maps, colours of the keys, and colours wanted."""
    g = torch.Generator().manual_seed(11)
    return [
        (
            (2 * torch.randn(b, q, k, generator=g)).softmax(-1),
            torch.rand(b, k, 3, generator=g) * 2 - 1,
            torch.rand(b, q, 3, generator=g) * 2 - 1,
        )
        for b, q, k, _, _ in SIZES
    ]


def _parts() -> list[Arguments]:
    """Maps, and the parts of queries (soft, not all of one size) and keys (rows sum to 1)."""
    g = torch.Generator().manual_seed(12)
    return [
        (
            (2 * torch.randn(b, q, k, generator=g)).softmax(-1),
            torch.rand(b, q, r, generator=g) * torch.linspace(0.3, 1, b)[:, None, None],
            torch.randn(b, k, s, generator=g).softmax(-1),
        )
        for b, q, k, r, s in SIZES
    ]


def _match(p: Tensor, f: Tensor, s: Tensor, t: Tensor, u: Tensor, v: Tensor) -> Tensor:
    return torch.cat((s * p + t, u * f + v), -1)


def _inside(x: Tensor) -> Tensor:
    return (x.abs() <= 1).all(-1).float()


def _mixture(a: Tensor, c: Tensor, w: Tensor) -> Tensor:
    copied = a @ c
    spread = (a[..., None] * (c[:, None] - copied[:, :, None]).square()).sum((2, 3))
    return torch.stack(((copied - w).square().sum(-1), spread), -1)


def _drawn(a: Tensor, c: Tensor, w: Tensor) -> Tensor:
    error = (a @ c - w).square().sum(-1)
    return torch.stack((error, (a[..., None] * (c[:, None] - w[:, :, None]).square()).sum((2, 3))), -1)


def _strongest(a: Tensor, c: Tensor, w: Tensor) -> Tensor:
    sharp = torch.nn.functional.one_hot(a.argmax(-1), a.shape[-1]).to(a.dtype)
    return torch.stack((_mixture(sharp, c, w)[..., 0], _mixture(a, c, w)[..., 1]), -1)


def _part_sums(a: Tensor, q: Tensor, k: Tensor) -> Tensor:
    return torch.einsum("bqr, bqk, bks -> rs", q, a, k)


by_hand_9_1 = by_hand(
    "by_hand_9_1",
    -0.1,
    "the x of the flow after the move, one number",
    {
        -0.04: "You shifted first and scaled then. A move scales about the picture's middle, and then shifts.",
        -0.05: "The garment also became smaller: its scale is missing.",
        0.5: "The sign of the garment's shift: it went to the left.",
        0.4: "You added the person's shift to the place in the garment. It says at which pixel the flow now stands.",
        0.6875: "That is where the place in the moved garment came from. Asked is where the old place went.",
        0.25: "That is the flow before the move.",
    },
)

moved_match = Exercise(
    name="moved_match",
    signature="points, places [n 2], person_scale, person_shift, garment_scale, garment_shift [2] -> the moved points "
    "and places side by side, [n 4]",
    reference=_match,
    cases=_moves,
    mistakes=(
        Mistake(
            "moves exchanged",
            lambda p, f, s, t, u, v: _match(p, f, u, v, s, t),
            "You moved the person's points as the garment and its places as the person.",
        ),
        Mistake(
            "one move for both",
            lambda p, f, s, t, u, v: _match(p, f, s, t, s, t),
            "You moved both like the person. That is augmentation together; here the garment has a move of its own.",
        ),
        Mistake(
            "shift first",
            lambda p, f, s, t, u, v: torch.cat((s * (p + t), u * (f + v)), -1),
            "You shift, then scale. The book's moves scale about the middle, then shift.",
        ),
        Mistake(
            "inverse",
            lambda p, f, s, t, u, v: torch.cat(((p - t) / s, (f - v) / u), -1),
            "You took the moves backwards: that is where pixels of the moved picture are READ.",
        ),
        Mistake(
            "places forgotten",
            lambda p, f, s, t, u, v: torch.cat((s * p + t, f), -1),
            "The points moved, the places in the garment did not: that is the flow of a garment left where it was.",
        ),
        Mistake(
            "points forgotten",
            lambda p, f, s, t, u, v: torch.cat((p, u * f + v), -1),
            "The places in the garment moved, the person's points did not.",
        ),
    ),
)

known_after = Exercise(
    name="known_after",
    signature="mask [n], sources [n 2], places [n 2] -> 1 where the moved flow is known, else 0, [n]",
    reference=lambda m, s, f: m * _inside(s) * _inside(f),
    cases=_known,
    mistakes=(
        Mistake(
            "garment's border forgotten",
            lambda m, s, f: m * _inside(s),
            "A place that the garment's move has pushed out of its picture cannot be looked at any more.",
        ),
        Mistake(
            "person's border forgotten",
            lambda m, s, f: m * _inside(f),
            "Pixels that were read outside the old picture of the person show her continued border, not her.",
        ),
        Mistake("mask forgotten", lambda m, s, f: _inside(s) * _inside(f), "What was not known before is not now."),
        Mistake(
            "x alone",
            lambda m, s, f: m * (s[:, 0].abs() <= 1).float() * (f[:, 0].abs() <= 1).float(),
            "You look at x alone. A place can leave the picture above and below too.",
        ),
        Mistake(
            "border left out",
            lambda m, s, f: m * (s.abs() < 1).all(-1).float() * (f.abs() < 1).all(-1).float(),
            "-1 and 1 are the centres of the outermost pixels: they belong to the picture.",
        ),
        Mistake(
            "any axis",
            lambda m, s, f: m * (s.abs() <= 1).any(-1).float() * (f.abs() <= 1).any(-1).float(),
            "Both coordinates have to lie within [-1, 1], not one of them.",
        ),
    ),
)

by_hand_9_4 = by_hand(
    "by_hand_9_4",
    16 / 7,
    "mean error in cells of the rule 'same cell', both shifts drawn separately from 0 to 6, one number",
    {
        12 / 7: "That is the rule by part, always shift 3. 'Same cell' errs by the distance of both shifts.",
        0.0: "That is its error when both are shifted together.",
        8 / 3: "You left out the pairs of equal shifts. They are drawn too, and err by 0.",
        3.0: "That is the mean shift. Asked is the mean DISTANCE of two shifts.",
        2.0: "That is the root of the mean squared deviation of one shift. Asked is a mean distance of two.",
    },
)

mixed_colours = Exercise(
    name="mixed_colours",
    signature="weights [b nq nk], colours [b nk 3], wanted [b nq 3] -> (squared error of the mixture, variance of "
    "what was mixed), sums over the channels, [b nq 2]",
    reference=_mixture,
    cases=_mixtures,
    mistakes=(
        Mistake(
            "variance about the wanted colour",
            _drawn,
            "Your second number is measured from the colour wanted: that is the error of a key drawn by weight. The "
            "variance is measured from the mixture.",
        ),
        Mistake(
            "mean over channels",
            lambda a, c, w: _mixture(a, c, w) / 3,
            "You average over the channels; wanted are sums.",
        ),
        Mistake("roots", lambda a, c, w: _mixture(a, c, w).sqrt(), "You took roots: the identity holds for squares."),
        Mistake(
            "strongest key",
            _strongest,
            "Your error is that of the strongest key. Attention copies the weighted mean of all colours.",
        ),
        Mistake(
            "unweighted",
            lambda a, c, w: _mixture(torch.full_like(a, 1 / a.shape[-1]), c, w),
            "All keys count alike in yours: where are the weights?",
        ),
    ),
)

who_looks_where = Exercise(
    name="who_looks_where",
    signature="weights [b nq nk], queries [b nq r], keys [b nk s] -> share of the attention of each part of the "
    "person (rows) that falls on each part of the garment, [r s]",
    reference=lambda a, q, k: _part_sums(a, q, k) / q.sum((0, 1))[:, None],
    cases=_parts,
    mistakes=(
        Mistake(
            "columns sum to one",
            lambda a, q, k: _part_sums(a, q, k) / _part_sums(a, q, k).sum(0),
            "Your columns sum to 1: that says who looks at a part. Asked is where a part looks: rows sum to 1.",
        ),
        Mistake("sums", _part_sums, "Your rows grow with the size of the part: divide by how much of it there is."),
        Mistake(
            "all queries",
            lambda a, q, k: _part_sums(a, q, k) / (q.shape[0] * q.shape[1]),
            "You divide by the number of all queries. A small part then seems to look nowhere.",
        ),
        Mistake(
            "mean of examples",
            lambda a, q, k: (torch.einsum("bqr, bqk, bks -> brs", q, a, k) / q.sum(1)[..., None]).mean(0),
            "You average the matrices of the examples. One that hardly shows a part then counts as much as one that "
            "shows it well.",
        ),
        Mistake(
            "transposed",
            lambda a, q, k: (_part_sums(a, q, k) / q.sum((0, 1))[:, None]).mT,
            "Rows and columns are exchanged: rows are the person's parts.",
        ),
    ),
)

blind_together = by_hand(
    "blind_together",
    2.11,
    "mean error in cells, one number",
    {
        2.247: "Those 512 strips come third from their generator. Draw the test's by a fresh one with seed 99.",
        16 / 7: "That is the rule *same cell*, counted over all draws. These 512 strips lie closer: train and measure.",
        0.0131: "That is the twin tested as it was trained. Draw the test's strips separately.",
        1.87: "That is a twin trained on strips shifted separately. Train it on strips shifted together.",
        0.22: "That one saw the mask. Train it with sees=False.",
    },
    tolerance=0.01,
)
