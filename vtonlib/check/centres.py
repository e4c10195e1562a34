"""Exercises on centre coordinates: indices, units, what pulls at a centre, and probes that find a wrong index."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.check.exercise import Answer, Arguments, Exercise, Mistake, NotANumber, by_hand
from vtonlib.check.indices import WRONG_PLACES, row_and_column
from vtonlib.grids import coordinate_grid

SIZES = ((2, 3, 5, 3, 4), (1, 2, 7, 5, 2), (3, 4, 6, 2, 6))
"""Batch, heads, queries, rows and columns of the keys: no two of one case alike."""
PROBED = (4, 3)
"""Rows and columns of the keys in the exercise on probes."""

by_hand_10_1 = by_hand(
    "by_hand_10_1",
    -0.25,
    "the centre's y in [-1, 1] of a row with weights 1/2, 0, 1/8, 0, 3/8, 0 over 2 rows of 3 keys, one number",
    {
        0.375: "That is the row, counted from 0. In [-1, 1] the first row lies at -1 and the second at 1.",
        -0.125: "That is in steps from the middle. One step between two rows is 2 in [-1, 1].",
        -0.375: "That is x. y runs down, along the rows.",
        -0.0416667: "You divided by the number of keys: the weights already sum to 1.",
        0.625: "That is the column, counted from 0.",
    },
)

two_rows = by_hand(
    "two_rows",
    7.5,
    "the mean error, in steps of 32 x 24, of the map whose upper queries look at the top row and lower ones at the "
    "bottom row, each in its own column, where the truth is the identity, one number",
    {
        2.0: "That is its total variation, the same as the truth's. Asked is how far its centres lie from the truth.",
        0.483871: "That is in units of [-1, 1]. Asked are steps of the lattice.",
        15.5: "That is the distance from the middle to an edge. Who is how far off, row by row?",
        8.803408: "That is the root of the mean squared distance; asked is the mean distance.",
        31.0: "That is the height of its one jump.",
    },
    tolerance=1e-3,
)


def _maps() -> list[tuple[Tensor, int, int]]:
    g = torch.Generator().manual_seed(10)
    return [((3 * torch.randn(b, n, q, h * w, generator=g)).softmax(-1), h, w) for b, n, q, h, w in SIZES]


def _fraction(height: int, width: int) -> Tensor:
    """What a key's number divided by the width has beyond its row; its column has nothing of the kind."""
    columns = row_and_column(height, width)[:, 1]
    return torch.stack((columns / width, torch.zeros_like(columns)), dim=-1)


def _counted(attention: Tensor, height: int, width: int) -> Tensor:
    return attention.mean(1) @ row_and_column(height, width)


counted_centres = Exercise(
    name="counted_centres",
    signature="attention [b heads nq nk], height, width -> centres (row, column), counted from 0, [b nq 2]",
    reference=_counted,
    cases=_maps,
    mistakes=(
        Mistake(
            "meshgrid xy",
            lambda a, h, w: a.mean(1) @ WRONG_PLACES["meshgrid, xy"](h, w),
            "The first key and the last are right, most others are not: your keys are numbered column by column. Look "
            "at meshgrid's indexing.",
        ),
        Mistake(
            "x before y",
            lambda a, h, w: _counted(a, h, w).flip(-1),
            "Your two numbers are exchanged: the row comes first, as in the released code.",
        ),
        Mistake(
            "sum over heads",
            lambda a, h, w: a.sum(1) @ row_and_column(h, w),
            "You add the heads up: their mean is a map again.",
        ),
        Mistake(
            "one head",
            lambda a, h, w: a[:, 0] @ row_and_column(h, w),
            "You read the first head alone: asked is the mean of all.",
        ),
        Mistake(
            "no floor",
            lambda a, h, w: _counted(a, h, w) + (a.mean(1) @ _fraction(h, w)),
            "Your rows are too large by a fraction: keys of one row have one row number, a whole one.",
        ),
        Mistake(
            "mean over keys",
            lambda a, h, w: _counted(a, h, w) / (h * w),
            "You take a mean over the keys, as the paper's formula does. The released code sums: a row's weights are "
            "shares already.",
        ),
        Mistake(
            "one step too many",
            lambda a, h, w: a.mean(1) @ WRONG_PLACES["linspace(0, h, h)"](h, w),
            "Your last key lies at (h, w). Counted from 0 it lies at (h - 1, w - 1).",
        ),
        Mistake(
            "counted from 1",
            lambda a, h, w: _counted(a, h, w) + 1,
            "All your centres are one step too far to the right and down: the first key is number 0.",
        ),
        Mistake(
            "divided by the height",
            lambda a, h, w: a.mean(1) @ WRONG_PLACES["divided by h"](h, w),
            "A row holds as many keys as the lattice is wide, and that is what to divide a key's number by.",
        ),
    ),
)


def _centre_cases() -> list[Arguments]:
    return [(_counted(a, h, w), h, w) for a, h, w in _maps()]


def _as_flow(centres: Tensor, height: int, width: int) -> Tensor:
    return 2 * (centres / centres.new_tensor((height - 1, width - 1))).flip(-1) - 1


code_to_flow = Exercise(
    name="code_to_flow",
    signature="centres (row, column) counted from 0 [b nq 2], height, width -> (x, y) in [-1, 1], [b nq 2]",
    reference=_as_flow,
    cases=_centre_cases,
    mistakes=(
        Mistake(
            "the line of the exercise",
            lambda c, h, w: 2 * c / c.new_tensor((h, w)) - 1,
            "This still has both mistakes: which number comes first, and where does the last key lie?",
        ),
        Mistake(
            "not flipped",
            lambda c, h, w: _as_flow(c, h, w).flip(-1),
            "Both numbers are right and stand in the wrong order: x, the column, comes first here.",
        ),
        Mistake(
            "n steps",
            lambda c, h, w: 2 * (c / c.new_tensor((h, w))).flip(-1) - 1,
            "Your last key does not lie at 1. Between the centres of n tokens there are n - 1 steps.",
        ),
        Mistake(
            "from 0 to 1",
            lambda c, h, w: (c / c.new_tensor((h - 1, w - 1))).flip(-1),
            "Your coordinates run from 0 to 1.",
        ),
        Mistake(
            "not centred",
            lambda c, h, w: _as_flow(c, h, w) + 1,
            "Your coordinates run from 0 to 2: the first key should lie at -1.",
        ),
        Mistake(
            "sides exchanged",
            lambda c, h, w: 2 * (c / c.new_tensor((w - 1, h - 1))).flip(-1) - 1,
            "You scale rows by the width and columns by the height.",
        ),
        Mistake(
            "the paper's mean",
            lambda c, h, w: _as_flow(c, h, w) / (h * w),
            "All your places lie close to the middle: the division by the number of keys is the paper's, not ours.",
        ),
    ),
)


def _slope_cases() -> list[Arguments]:
    return [(a[0, 0], coordinate_grid(h, w).flatten(0, 1)) for a, h, w in _maps()]


def _slope(weights: Tensor, places: Tensor) -> Tensor:
    return weights[..., None] * (places - (weights @ places)[:, None])


centre_slope = Exercise(
    name="centre_slope",
    signature="weights [nq nk], places [nk 2] -> the gradient of every centre by the logits of its row, [nq nk 2]",
    reference=_slope,
    cases=_slope_cases,
    mistakes=(
        Mistake(
            "the softmax forgotten",
            lambda a, g: g.expand(len(a), -1, -1),
            "That is the gradient by the weights. A logit that grows takes weight from all other keys.",
        ),
        Mistake(
            "the centre forgotten",
            lambda a, g: a[..., None] * g,
            "Where all places are the same, nothing can pull the centre: yours does not vanish there.",
        ),
        Mistake(
            "the wrong way",
            lambda a, g: -_slope(a, g),
            "Your sign is wrong: a key that gains weight draws the centre towards itself.",
        ),
        Mistake(
            "softmax of one key",
            lambda a, g: (a * (1 - a))[..., None] * g,
            "That is what a logit does to its own weight. It also changes the weights of all other keys.",
        ),
    ),
)


def _killed(answer: Answer, arguments: Arguments) -> Tensor | None:
    """Which of the wrong numberings a probe of one key shows: 1 where the place of that key is wrong."""
    token = answer(*arguments)
    if token is None:
        return None
    height, width = PROBED
    try:
        number = int(token) if float(token) == int(token) else -1
    except (TypeError, ValueError):
        raise NotANumber(f"the answer {token!r} is no number: a key has one, its row times 3 plus its column") from None
    if not 0 <= number < height * width:
        raise NotANumber(f"{token} is no key: there are {height * width}, numbered from 0")
    right = row_and_column(height, width)[number]
    return torch.stack([(wrong(height, width)[number] != right).any() for wrong in WRONG_PLACES.values()]).double()


def _key(number: int) -> Answer:
    return lambda: number


probe_key = Exercise(
    name="probe_key",
    signature="the number of a key on 4 rows of 3 whose place is wrong under every wrong numbering, one whole number",
    reference=_key(5),
    cases=lambda: [()],
    mistakes=(
        Mistake("the first key", _key(0), "The first key is at (0, 0) for nearly everybody who counts from 0."),
        Mistake("the last key", _key(11), "The transposed numbering leaves the last key in its place."),
        Mistake(
            "in the first row",
            _key(2),
            "It finds all but one. In the first row a key's number is its column, also divided by the 4 rows: 4 is "
            "more than the 3 columns.",
        ),
        Mistake("on the diagonal", _key(4), "A place (r, r) does not tell who exchanges rows and columns."),
    ),
    observe=_killed,
)
