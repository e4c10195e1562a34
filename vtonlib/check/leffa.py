# budget: the mistakes that readers make and their hints are data, and stand beside the exercise that they belong to
"""Exercises on Leffa's loss: flow and temperature by hand; flow, warp, loss and shares in code."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand
from vtonlib.grids import coordinate_grid, resize_flow, warp

SIZES = ((2, 3, 6, (4, 5), 8), (1, 2, 12, (3, 5), 4), (3, 4, 5, (2, 3), 6))
"""Samples, heads, queries, lattice of keys, width of a head."""

by_hand_14_1 = by_hand(
    "by_hand_14_1",
    -0.25,
    "the x of the flow of a query whose weights are 1/2, 1/4 above and 1/8, 1/8 below, one number",
    {
        0.25: "Mind the sign: the left column lies at -1, and has more than half of the weight.",
        -0.5: "That is the y. Which of the four keys lie to the left, and which to the right?",
        0.375: "That is the weight of the right column: x from 0 to 1. Here it runs from -1 to 1.",
        -0.0625: "You divided by the number of keys: the weights sum to 1 already.",
        -0.625: "That is the left column's part. The right one's, at +1, comes on top.",
    },
)

worked_at = by_hand(
    "worked_at",
    0.8,
    "where a row over two keys, at -1 and 1, looks at temperature 1 if at temperature 2 it looks at 0.5, one number",
    {
        0.5: "That is where it looks at temperature 2. Read colder, it lies nearer to a key.",
        0.267949: "You went the wrong way: at the lower temperature the row is sharper.",
        0.9: "That is the larger weight at temperature 1. Asked is the place.",
        1.0: "Places do not double. The weights' ratio does something else.",
        0.6: "You doubled the ratio of the weights, 3 to 6? From temperature 2 to 1 it is squared.",
        0.714286: "You doubled the ratio of the weights. From temperature 2 to 1 it is squared.",
    },
)

flipped_guidance = by_hand(
    "flipped_guidance",
    0.6,
    "the ratio of the two deviations below which the released rescaling turns the prediction round, one number",
    {
        1.5: "That is what is subtracted. Where is 2.5 r - 1.5 equal to 0?",
        1.666667: "That is its inverse: r is the conditional one's deviation divided by the guided one's.",
        0.4: "That is 1 divided by 2.5, the zero of 2.5 r - 1. The second term is 1 - 2.5.",
        1.0: "At r = 1 nothing is rescaled at all.",
        0.0: "A share of at most 1 would turn it round never, or at 0. Here it is 2.5.",
    },
)


def _records() -> list[Arguments]:
    g = torch.Generator().manual_seed(14)
    cases: list[Arguments] = []
    for (b, heads, n, (h, w), d), tau in zip(SIZES, (2.0, 0.5, 4.0), strict=True):
        query, key = (torch.randn(b, heads, m, d, generator=g) for m in (n, h * w))
        cases.append((query, key, coordinate_grid(h, w).flatten(0, 1), tau))
    return cases


def _logits(q: Tensor, k: Tensor, tau: float) -> Tensor:
    return q @ k.mT / (tau * q.shape[-1] ** 0.5)


leffa_flow = Exercise(
    name="leffa_flow",
    signature="query [b heads n d], key [b heads m d], places [m 2], temperature -> the flow [b n 2]",
    reference=lambda q, k, c, t: _logits(q, k, t).softmax(-1).mean(1) @ c,
    cases=_records,
    mistakes=(
        Mistake(
            "logits averaged",
            lambda q, k, c, t: _logits(q, k, t).mean(1).softmax(-1) @ c,
            "You average the heads before the softmax. The paper takes the mean of their maps.",
        ),
        Mistake(
            "times the temperature",
            lambda q, k, c, t: _logits(q, k, 1 / t).softmax(-1).mean(1) @ c,
            "A high temperature should make the map softer; yours becomes sharper.",
        ),
        Mistake(
            "no temperature",
            lambda q, k, c, t: _logits(q, k, 1.0).softmax(-1).mean(1) @ c,
            "Your flow does not depend on the temperature.",
        ),
        Mistake(
            "width of all heads",
            lambda q, k, c, t: _logits(q, k, t * q.shape[1] ** 0.5).softmax(-1).mean(1) @ c,
            "You divide by the root of the width of all heads together. Each head has its own d.",
        ),
        Mistake(
            "no root",
            lambda q, k, c, t: (q @ k.mT / t).softmax(-1).mean(1) @ c,
            "Where is the root of d? The model divides by it, so its attention is another one.",
        ),
        Mistake(
            "sum of heads",
            lambda q, k, c, t: _logits(q, k, t).softmax(-1).sum(1) @ c,
            "You add the heads up: rows of their sum add up to the number of heads, and places leave the picture.",
        ),
        Mistake(
            "x and y exchanged",
            lambda q, k, c, t: _logits(q, k, t).softmax(-1).mean(1) @ c.flip(-1),
            "x and y are exchanged. What reads colours at places wants (x, y).",
        ),
        Mistake(
            "softmax over queries",
            lambda q, k, c, t: _logits(q, k, t).softmax(-2).mean(1) @ c,
            "Your columns sum to 1, not your rows: no row is a mean of places.",
        ),
    ),
)


def _half_pixels(places: Tensor, height: int, width: int) -> Tensor:
    """The places that ``align_corners=False`` reads: -1 and 1 are outer edges, not centres of pixels."""
    return places * torch.tensor([width / (width - 1), height / (height - 1)])


def _warp(image: Tensor, flow: Tensor, *, resize: bool = True, sample: bool = True) -> Tensor:
    height, width = image.shape[-2:]
    large = resize_flow(flow, height, width)
    if not resize:
        edges = coordinate_grid(height, width) * torch.tensor([(width - 1) / width, (height - 1) / height])
        own = _half_pixels(edges, *flow.shape[1:3]).expand(len(flow), -1, -1, -1)
        large = warp(flow.movedim(-1, 1), own).movedim(1, -1)
    return warp(image, large if sample else _half_pixels(large, height, width))


def _warps() -> list[Arguments]:
    g = torch.Generator().manual_seed(15)
    cases: list[Arguments] = []
    for b, (height, width), (h, w) in ((1, (8, 6), (4, 3)), (2, (9, 12), (3, 4)), (1, (7, 5), (7, 5))):
        image, flow = torch.rand(b, 3, height, width, generator=g), coordinate_grid(h, w).expand(b, -1, -1, -1)
        cases.append((image, (flow + 0.1 * torch.randn(flow.shape, generator=g)).clamp(-1, 1)))
    return cases


kept_reference = Exercise(
    name="kept_reference",
    signature="reference [b 3 H W], flow [b h w 2] whose corners are corner pixels -> the warped reference [b 3 H W]",
    reference=_warp,
    cases=_warps,
    mistakes=(
        Mistake(
            "the code of the exercise",
            lambda image, flow: _warp(image, flow, resize=False, sample=False),
            "Try the flow of attention of each token to itself: the reference should come back, edges and all. Both "
            "calls have an argument that says where the corners lie.",
        ),
        Mistake(
            "only the sampling",
            lambda image, flow: _warp(image, flow, resize=False),
            "The colours are read rightly now. The flow itself is still enlarged with other corners.",
        ),
        Mistake(
            "only the enlarging",
            lambda image, flow: _warp(image, flow, sample=False),
            "The flow is enlarged rightly now. The colours are still read with other corners.",
        ),
        Mistake(
            "x and y exchanged",
            lambda image, flow: _warp(image, flow.flip(-1)),
            "x and y are exchanged: the last axis of a flow is (x, y).",
        ),
        Mistake(
            "flow not enlarged",
            lambda image, flow: warp(image, flow),
            "You read one colour for each token. The loss compares pixels.",
        ),
    ),
)


def _losses() -> list[Arguments]:
    g = torch.Generator().manual_seed(16)
    cases: list[Arguments] = []
    for b, h, w in ((2, 4, 5), (3, 6, 4), (1, 5, 3)):
        warped, target = torch.randn(2, b, 3, h, w, generator=g)
        share = torch.linspace(0.2, 0.7, b)[:, None, None, None]
        cases.append((warped, target, (torch.rand(b, 1, h, w, generator=g) < share).float()))
    for mask in (torch.zeros(2, 1, 4, 4), torch.rand(2, 1, 3, 6, generator=g)):  # none counts; a soft edge
        cases.append((*torch.randn(2, 2, 3, *mask.shape[2:], generator=g), mask))
    return cases


def _squares(x: Tensor, y: Tensor, m: Tensor) -> Tensor:
    return (x - y).square() * m


def _mean(x: Tensor, y: Tensor, m: Tensor) -> Tensor:
    return _squares(x, y, m).sum() / (3 * m.sum()).clamp_min(1e-9)


flow_loss = Exercise(
    name="flow_loss",
    signature="warped [b 3 H W], target [b 3 H W], mask [b 1 H W] -> one number; an empty mask gives 0",
    reference=_mean,
    cases=_losses,
    mistakes=(
        Mistake(
            "not a number",
            lambda x, y, m: _squares(x, y, m).sum() / (3 * m.sum()),
            "Right, but for a batch in which nothing counts, such as one above the time threshold: 0/0 is NaN.",
        ),
        Mistake(
            "mean over the picture",
            lambda x, y, m: _squares(x, y, m).mean(),
            "You divide by all pixels. Then a small garment counts less than a large one.",
        ),
        Mistake(
            "sum",
            lambda x, y, m: _squares(x, y, m).sum(),
            "That is the sum, as printed. Its size grows with the picture, and the weight loses its meaning.",
        ),
        Mistake(
            "channels forgotten",
            lambda x, y, m: _squares(x, y, m).sum() / m.sum().clamp_min(1e-9),
            "You divide by the pixels of the mask; there are three numbers in each.",
        ),
        Mistake(
            "mean of samples",
            lambda x, y, m: (_squares(x, y, m).flatten(1).sum(1) / (3 * m.flatten(1).sum(1)).clamp_min(1e-9)).mean(),
            "You average each sample, then the samples: pixels of small regions weigh more. Here every pixel is alike.",
        ),
        Mistake(
            "no mask",
            lambda x, y, m: (x - y).square().mean(),
            "Where is the mask? Skin and background cannot be explained by the garment.",
        ),
        Mistake(
            "hard mask",
            lambda x, y, m: _mean(x, y, (m > 0.5).float()),
            "You cut the mask at a half. At a garment's edge a pixel may count in part.",
        ),
        Mistake(
            "mask squared",
            lambda x, y, m: (m * (x - y)).square().sum() / (3 * m.sum()).clamp_min(1e-9),
            "You square the mask as well. A pixel that counts a half should count a half.",
        ),
        Mistake(
            "absolute",
            lambda x, y, m: ((x - y).abs() * m).sum() / (3 * m.sum()).clamp_min(1e-9),
            "That is the absolute difference. The paper squares.",
        ),
    ),
)


def _joined() -> list[Arguments]:
    g = torch.Generator().manual_seed(17)
    cases: list[Arguments] = []
    for (b, heads, n, (h, w), d), tau in zip(SIZES, (2.0, 1.0, 0.5), strict=True):
        cases.append((*(torch.randn(b, heads, m, d, generator=g) for m in (n, n, h * w)), tau))
    return cases


def _share(q: Tensor, own: Tensor, reference: Tensor, tau: float) -> Tensor:
    weights = _logits(q, torch.cat((own, reference), dim=2), tau).softmax(-1)
    return weights[..., own.shape[2] :].sum(-1)


reference_share = Exercise(
    name="reference_share",
    signature=(
        "query [b heads n d], own keys [b heads n d], reference's keys [b heads m d], temperature -> the share of each "
        "query's weight that the reference gets, [b heads n]"
    ),
    reference=_share,
    cases=_joined,
    mistakes=(
        Mistake(
            "the other share",
            lambda q, o, r, t: 1 - _share(q, o, r, t),
            "That is the share of the painted picture's own keys. Together the two make 1.",
        ),
        Mistake(
            "reference alone",
            lambda q, o, r, t: _logits(q, r, t).softmax(-1).sum(-1),
            "You take the softmax over the reference alone, so all of it goes there. Here all keys compete.",
        ),
        Mistake(
            "sums of logits",
            lambda q, o, r, t: _logits(q, r, t).sum(-1) / (_logits(q, r, t).sum(-1) + _logits(q, o, t).sum(-1)),
            "You compare sums of logits. Weights are their exponentials.",
        ),
        Mistake(
            "means",
            lambda q, o, r, t: (
                torch.sigmoid(_logits(q, r, t).logsumexp(-1) - _logits(q, o, t).logsumexp(-1))
                .mean(1, keepdim=True)
                .expand(q.shape[:3])
            ),
            "You average the heads. Each head has a share of its own.",
        ),
        Mistake(
            "no temperature",
            lambda q, o, r, t: _share(q, o, r, 1.0),
            "Your share does not depend on the temperature.",
        ),
    ),
)
