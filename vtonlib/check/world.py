"""Exercises on the world where the answer is known: errors by hand, mirrors, chance, and matching by colour."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand
from vtonlib.grids import coordinate_grid

SIZES = ((2, 4, 7), (3, 6, 5), (4, 3, 8))
"""Batch, height, width of the cases: no two alike."""


def _truth_cases() -> list[Arguments]:
    """True flows that do not lie about the centre, 0 outside their masks, as the world stores them."""
    g = torch.Generator().manual_seed(3)
    cases: list[Arguments] = []
    for b, h, w in SIZES:
        mask = (torch.rand(b, 1, h, w, generator=g) < 0.6).float()
        mask[:, :, 0, 0] = 1
        flow = coordinate_grid(h, w) * 0.5 + torch.tensor([0.2, 0.3]) + 0.1 * torch.randn(b, h, w, 2, generator=g)
        cases.append((flow * mask.movedim(1, -1), mask))
    return cases


def _colour_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(4)
    return [
        (torch.rand(q, 3, generator=g) * 2 - 1, torch.rand(k, 3, generator=g) * 2 - 1, width)
        for q, k, width in ((5, 7, 0.5), (4, 9, 0.25), (6, 3, 0.8))
    ]


def _squares(person: Tensor, garment: Tensor) -> Tensor:
    return (person[:, None] - garment).square().sum(-1)


def _mean_inside(flow: Tensor, mask: Tensor) -> Tensor:
    return (flow * mask.movedim(1, -1)).sum((1, 2)) / mask.sum((2, 3))


by_hand_1_1 = by_hand(
    "by_hand_1_1",
    1.25,
    "the mean distance of the two flows, in steps of the garment's lattice of 5 x 3 (height, width), one number",
    {
        0.9014: "That is the mean distance in units of [-1, 1]. How many steps lie between -1 and 1?",
        1.75: "You added |dx| and |dy|. The distance is the straight one: the root of the sum of the squares.",
        2.5: "That is the sum of the two distances. Over how many pixels is the mean?",
        1.6817: "You counted 5/2 and 3/2 steps for one unit. Between the centres of n pixels there are n - 1 steps.",
        1.5811: "You scaled x by the height and y by the width: x runs along the width.",
    },
)

mirrored_flow = Exercise(
    name="mirrored_flow",
    signature="flow [b h w 2] -> the flow to the mirrored place in the garment, left and right exchanged, [b h w 2]",
    reference=lambda flow: flow * torch.tensor([-1.0, 1.0]),
    cases=lambda: [(flow,) for flow, _ in _truth_cases()],
    mistakes=(
        Mistake(
            "person mirrored",
            lambda flow: flow.flip(2),
            "You exchanged left and right of the person: the array is flipped, the places in it are the old ones.",
        ),
        Mistake(
            "both mirrored",
            lambda flow: flow.flip(2) * torch.tensor([-1.0, 1.0]),
            "You mirrored the person and the garment: what mirrors the whole scene leaves every match as it was.",
        ),
        Mistake(
            "upside down",
            lambda flow: flow * torch.tensor([1.0, -1.0]),
            "Your garment stands on its head: which of the two coordinates is x?",
        ),
        Mistake(
            "turned round", lambda flow: -flow, "You changed the sign of both coordinates: that turns by 180 degrees."
        ),
        Mistake("exchanged", lambda flow: flow.flip(-1), "You exchanged x and y, as in a mirror along the diagonal."),
        Mistake(
            "from zero to one",
            lambda flow: torch.stack((1 - flow[..., 0], flow[..., 1]), -1),
            "1 - x mirrors coordinates between 0 and 1; these lie between -1 and 1.",
        ),
    ),
)

best_constant = Exercise(
    name="best_constant",
    signature="target [b h w 2], mask [b 1 h w] of 0 and 1 -> the one place (x, y) of each sample whose mean squared "
    "distance from the targets inside the mask is smallest, [b 2]",
    reference=_mean_inside,
    cases=_truth_cases,
    mistakes=(
        Mistake(
            "no mask",
            lambda flow, mask: flow.mean((1, 2)),
            "You average over all pixels. Outside the mask the flow is stored as 0, which draws your place to the "
            "centre.",
        ),
        Mistake(
            "centre",
            lambda flow, mask: torch.zeros(len(flow), 2),
            "That is the centre of the garment's picture, which uniform attention looks at. These targets lie "
            "elsewhere.",
        ),
        Mistake(
            "one place for all",
            lambda flow, mask: (flow * mask.movedim(1, -1)).sum((0, 1, 2)) / mask.sum() * torch.ones(len(flow), 1),
            "You found one place for the whole batch: each sample has its own.",
        ),
        Mistake(
            "sum", lambda flow, mask: (flow * mask.movedim(1, -1)).sum((1, 2)), "This is a sum, far outside [-1, 1]."
        ),
        Mistake(
            "exchanged",
            lambda flow, mask: _mean_inside(flow, mask).flip(-1),
            "Your x and y are exchanged: the last axis holds (x, y).",
        ),
    ),
)

colour_attention = Exercise(
    name="colour_attention",
    signature="colours of the person's pixels [nq 3], colours of the garment's pixels [nk 3], width -> the map "
    "[nq nk], softmax over the garment's pixels of -(distance of colours)^2 / (2 width^2)",
    reference=lambda p, g, width: (-_squares(p, g) / (2 * width**2)).softmax(-1),
    cases=_colour_cases,
    mistakes=(
        Mistake(
            "sign",
            lambda p, g, width: (_squares(p, g) / (2 * width**2)).softmax(-1),
            "Your pixels look at the colour that is least like theirs.",
        ),
        Mistake(
            "over the person",
            lambda p, g, width: (-_squares(p, g) / (2 * width**2)).softmax(0),
            "Your columns sum to 1. Each pixel of the person shares out its attention: the rows should.",
        ),
        Mistake(
            "distance",
            lambda p, g, width: (-_squares(p, g).sqrt() / (2 * width**2)).softmax(-1),
            "You took the distance; the exponent holds its square.",
        ),
        Mistake(
            "width not squared",
            lambda p, g, width: (-_squares(p, g) / (2 * width)).softmax(-1),
            "Your map has the wrong sharpness: the width enters by its square, so that it has the unit of a colour.",
        ),
        Mistake(
            "no factor 2",
            lambda p, g, width: (-_squares(p, g) / width**2).softmax(-1),
            "Your map is a little too sharp: a Gaussian has a 2 below its square.",
        ),
        Mistake(
            "not normalised",
            lambda p, g, width: (-_squares(p, g) / (2 * width**2)).exp(),
            "Your weights are positive, but no row sums to 1.",
        ),
    ),
)
