"""Exercises on measuring against truth: the masked mean, the end-point error, PCK."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake
from vtonlib.evaluation import end_point_error as epe
from vtonlib.evaluation import pck as share_within
from vtonlib.grids import coordinate_grid, to_pixels
from vtonlib.grids import masked_mean as mean_inside

SIZES = ((2, 3, 4, 7), (3, 1, 6, 5), (1, 2, 3, 8))
"""Batch, channels, height, width of the cases: no two alike, so that a swap of axes shows."""


def _masks(generator: torch.Generator, b: int, h: int, w: int) -> Tensor:
    """Masks of different sizes, none of them empty."""
    mask = (torch.rand(b, 1, h, w, generator=generator) < torch.linspace(0.3, 0.7, b)[:, None, None, None]).float()
    mask[:, :, 0, 0] = 1
    return mask


def _image_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(1)
    return [(torch.randn(*size, generator=g), _masks(g, size[0], *size[2:])) for size in SIZES]


def _flow_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(2)
    cases: list[Arguments] = []
    for b, _, h, w in SIZES:
        target = coordinate_grid(h, w).expand(b, -1, -1, -1) * 0.8
        flow = target + 0.5 * torch.randn(b, h, w, 2, generator=g)
        cases.append((flow, target, _masks(g, b, h, w), 2 * h + 1, 3 * w))
    return cases


def _radius_cases() -> list[Arguments]:
    """Flows and radii; in the last case all errors are 0, 5 or 10 steps exactly, and the radius is 5."""
    target = torch.zeros(1, 3, 4, 2)
    flow = torch.tensor([0.75, 1.0]) * (torch.arange(12.0).view(1, 3, 4, 1) % 3)  # 3 and 4 steps on a lattice of 9 x 9
    exact = (flow, target, torch.ones(1, 1, 3, 4), 9, 9, 5.0)
    return [*((*case, radius) for case, radius in zip(_flow_cases(), (2.0, 3.5, 5.0), strict=True)), exact]


def _distances(flow: Tensor, target: Tensor, height: int, width: int) -> Tensor:
    return to_pixels(flow - target, height, width).norm(dim=-1)


def _mean_where(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask[:, 0]).flatten(1).sum(1) / mask.flatten(1).sum(1)


masked_mean = Exercise(
    name="masked_mean",
    signature="x [b c h w], mask [b 1 h w] of 0 and 1 -> the mean over channels, the mask's pixels and the batch",
    reference=mean_inside,
    cases=_image_cases,
    mistakes=(
        Mistake("no mask", lambda x, m: x.mean(), "This is the mean over all pixels: where does the mask come in?"),
        Mistake(
            "sum", lambda x, m: (x * m).sum(), "This is a sum. A mean also divides, by the number of values that count."
        ),
        Mistake(
            "all pixels counted",
            lambda x, m: (x * m).mean(),
            "You divide by all pixels, those outside the mask too, so a small mask gives a small mean.",
        ),
        Mistake(
            "channels forgotten",
            lambda x, m: (x * m).sum() / m.sum(),
            "The mask has one channel, x may have more: how many values of x does one pixel of the mask stand for?",
        ),
        Mistake(
            "mean of means",
            lambda x, m: ((x * m).flatten(1).sum(1) / (m.flatten(1).sum(1) * x.shape[1])).mean(),
            "You average each sample first; then a pixel of a small mask weighs more than one of a large mask.",
        ),
        Mistake(
            "inverted mask",
            lambda x, m: mean_inside(x, 1 - m),
            "You average over the outside: 1 means inside here.",
        ),
    ),
)

end_point_error = Exercise(
    name="end_point_error",
    signature=(
        "flow [b h w 2], target [b h w 2], both (x, y) in [-1, 1], mask [b 1 h w], height and width of the garment's "
        "lattice -> the mean distance inside the mask, in steps of that lattice, [b]"
    ),
    reference=lambda f, t, m, height, width: epe(f, t, m, lattice=(height, width)),
    cases=_flow_cases,
    mistakes=(
        Mistake(
            "no mask",
            lambda f, t, m, h, w: _distances(f, t, h, w).flatten(1).mean(1),
            "Outside the mask the truth is not known, but you count those pixels too.",
        ),
        Mistake(
            "no unit",
            lambda f, t, m, h, w: _mean_where((f - t).norm(dim=-1), m),
            "Your error is in units of [-1, 1]. How many steps of the lattice lie between -1 and 1, along x, along y?",
        ),
        Mistake(
            "height and width exchanged",
            lambda f, t, m, h, w: _mean_where(_distances(f, t, w, h), m),
            "The first coordinate is x, which runs along the width: you scale it by the height.",
        ),
        Mistake(
            "edges instead of centres",
            lambda f, t, m, h, w: _mean_where(((f - t) * torch.tensor([w / 2, h / 2])).norm(dim=-1), m),
            "-1 and 1 are the CENTRES of the first and last pixel: count the steps between n centres.",
        ),
        Mistake(
            "sum of the axes",
            lambda f, t, m, h, w: _mean_where(to_pixels(f - t, h, w).abs().sum(-1), m),
            "You add |dx| and |dy|, the way along the streets. The error is the straight distance.",
        ),
        Mistake(
            "root of the mean square",
            lambda f, t, m, h, w: _mean_where(_distances(f, t, h, w).square(), m).sqrt(),
            "You take the root after averaging, so large errors weigh more. Average the distances themselves.",
        ),
        Mistake(
            "one number",
            lambda f, t, m, h, w: mean_inside(_distances(f, t, h, w)[:, None], m),
            "You average over the batch too: return one number for each sample.",
        ),
    ),
)

pck = Exercise(
    name="pck",
    signature=(
        "flow, target [b h w 2], mask [b 1 h w], height, width of the garment's lattice, radius in steps -> the share "
        "of the mask's pixels whose error is at most the radius, [b]"
    ),
    reference=lambda f, t, m, height, width, r: share_within(f, t, m, [r], lattice=(height, width))[:, 0],
    cases=_radius_cases,
    mistakes=(
        Mistake(
            "strictly within",
            lambda f, t, m, h, w, r: _mean_where((_distances(f, t, h, w) < r).float(), m),
            "Nearly: what is exactly as far as the radius counts as right, too.",
        ),
        Mistake(
            "no mask",
            lambda f, t, m, h, w, r: (_distances(f, t, h, w) <= r).float().flatten(1).mean(1),
            "You count all pixels; only those of the mask have a known truth.",
        ),
        Mistake(
            "share of the picture",
            lambda f, t, m, h, w, r: ((_distances(f, t, h, w) <= r) * m[:, 0]).flatten(1).mean(1),
            "You divide by the number of all pixels: it is a share of the pixels of the mask.",
        ),
        Mistake(
            "a count",
            lambda f, t, m, h, w, r: ((_distances(f, t, h, w) <= r) * m[:, 0]).flatten(1).sum(1),
            "This is how many pixels are right. Which share of the mask is that?",
        ),
        Mistake(
            "wrong share",
            lambda f, t, m, h, w, r: _mean_where((_distances(f, t, h, w) > r).float(), m),
            "You count the pixels that are too far off.",
        ),
        Mistake(
            "square instead of circle",
            lambda f, t, m, h, w, r: _mean_where((to_pixels(f - t, h, w).abs().amax(-1) <= r).float(), m),
            "You compare each axis with the radius, which is a square. Within a radius means within a circle.",
        ),
        Mistake(
            "no unit",
            lambda f, t, m, h, w, r: _mean_where(((f - t).norm(dim=-1) <= r).float(), m),
            "The radius counts steps of the lattice, your distances are in units of [-1, 1].",
        ),
    ),
)
