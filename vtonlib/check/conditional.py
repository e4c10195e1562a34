"""Exercises on conditional normalization: a vector for each class, a vector from a style, a map from labels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand
from vtonlib.grids import resize_nearest
from vtonlib.models.normalization import adaptive_instance_norm, modulate, standardize

SIZES = ((2, 4, 3, 5), (3, 2, 6, 4), (4, 5, 4, 3))
"""Batch, channels, height, width of the cases: no two alike."""


def _maps(seed: int, *, labels: int = 0) -> list[Tensor]:
    """Activations, or one-hot label maps with ``labels`` labels."""
    g = torch.Generator().manual_seed(seed)
    if labels:
        return [
            F.one_hot(torch.randint(labels, (b, h, w), generator=g), labels).movedim(-1, 1).float()
            for b, _, h, w in SIZES
        ]
    return [torch.randn(*s, generator=g) + torch.randn(*s[:2], 1, 1, generator=g) for s in SIZES]


def _style_cases() -> list[Arguments]:
    """Contents and styles of other sizes; in the last case faint ones, whose variances are about as large as eps."""
    g = torch.Generator().manual_seed(12)
    cases = [(x, 1 + 2 * torch.randn(*x.shape[:2], 4, 7, generator=g)) for x in _maps(11)]
    return [*cases, *((3e-3 * x[:, :, 1:], 3e-3 * style[:, :, :2]) for x, style in cases[:1])]


def _class_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(14)

    def table(x: Tensor) -> Tensor:
        return torch.randn(3, x.shape[1], generator=g)

    return [(x, (torch.arange(len(x)) + 1) % 3, table(x), table(x)) for x in _maps(13)]


def _resize_cases() -> list[Arguments]:
    return [(x, *size) for x, size in zip(_maps(15, labels=3), ((5, 8), (4, 3), (7, 2)), strict=True)]


def _spade_cases() -> list[Arguments]:
    g = torch.Generator().manual_seed(17)

    def weight(out: int, into: int) -> Tensor:
        return torch.randn(out, into, 3, 3, generator=g) / 3

    pairs = zip(_maps(16), _maps(18, labels=3), strict=True)
    return [(x, labels, weight(6, 3), weight(x.shape[1], 6), weight(x.shape[1], 6)) for x, labels in pairs]


def _style(content: Tensor, style: Tensor, dims: tuple[int, ...], *, correction: int = 0) -> Tensor:
    """AdaIN, the style's moments over some axes."""
    variance, mean = torch.var_mean(style, dims, correction=correction, keepdim=True)
    return standardize(content, (2, 3)) * (variance + 1e-5).sqrt() + mean


def _moments(content: Tensor, style: Tensor, eps: float, style_eps: float) -> Tensor:
    """AdaIN with an eps for each of the two variances."""
    normal = standardize(content, (2, 3), eps=eps)
    return normal * (_variance(style) + style_eps).sqrt() + style.mean((2, 3), keepdim=True)


def _variance(x: Tensor) -> Tensor:
    return x.var((2, 3), correction=0, keepdim=True)


def _by_class(x: Tensor, labels: Tensor, gamma: Tensor, beta: Tensor, dims: tuple[int, ...] = (0, 2, 3)) -> Tensor:
    return modulate(standardize(x, dims), gamma[labels, :, None, None], beta[labels, :, None, None])


def _spade(x: Tensor, labels: Tensor, shared: Tensor, gamma: Tensor, beta: Tensor, *, relu: bool = True) -> Tensor:
    hidden = F.conv2d(labels, shared, padding=1)
    hidden = hidden.relu() if relu else hidden
    return modulate(standardize(x, (2, 3)), F.conv2d(hidden, gamma, padding=1), F.conv2d(hidden, beta, padding=1))


by_hand_3_1 = by_hand(
    "by_hand_3_1",
    3.5,
    "the third pixel after SPADE, x = (1, 1, 3, 3), gamma = 0.5 and beta = 2 there, eps = 0, one number",
    {
        2.5: "You used gamma as the factor. In the code, and in this book, the factor is 1 + gamma.",
        6.5: "You modulated 3 itself. The map is standardized first.",
        3.0: "You added beta to the standardized value and left gamma out.",
        4.5: "You added beta first and multiplied then: the factor acts on the standardized value alone.",
        0.5: "You left beta out, and took gamma itself for the factor.",
    },
)

border_share = by_hand(
    "border_share",
    0.2708,
    "the share of the pixels of a map of 32 x 24 whose value two 3x3 convolutions with zero padding change",
    {
        0.1406: "That is the share for one convolution. After two, a pixel has seen 5x5 others.",
        0.2917: "You counted the corners twice.",
        0.7292: "That is the share of the pixels that do not see the border.",
        0.1428: "You changed one side of each axis only: there is a border on the left and on the right.",
    },
    tolerance=2e-3,
)

style_norm = Exercise(
    name="style_norm",
    signature="content [b c h w], style [b c H W] -> the content with mean and standard deviation of the style, "
    "channel by channel (n in the denominator, eps 1e-5 in both variances), [b c h w]",
    reference=adaptive_instance_norm,
    cases=_style_cases,
    mistakes=(
        Mistake(
            "style over the batch",
            lambda c, s: _style(c, s, (0, 2, 3)),
            "All your samples get the same style: each has its own.",
        ),
        Mistake(
            "style over the channels",
            lambda c, s: _style(c, s, (1, 2, 3)),
            "All channels of a sample get the same mean: a style is one number for each channel.",
        ),
        Mistake(
            "exchanged",
            lambda c, s: F.interpolate(adaptive_instance_norm(s, c), c.shape[-2:]),
            "You gave the style the content's moments.",
        ),
        Mistake(
            "variance",
            lambda c, s: standardize(c, (2, 3)) * (_variance(s) + 1e-5) + s.mean((2, 3), keepdim=True),
            "You multiply by the style's variance.",
        ),
        Mistake("no eps in s", lambda c, s: _moments(c, s, 1e-5, 0), "The style's variance has an eps, too."),
        Mistake("no eps", lambda c, s: _moments(c, s, 0, 0), "Neither variance has its eps: try faint channels."),
        Mistake("no eps in x", lambda c, s: _moments(c, s, 0, 1e-5), "The content's variance has an eps, too."),
        Mistake(
            "content not standardized",
            lambda c, s: c * (_variance(s) + 1e-5).sqrt() + s.mean((2, 3), keepdim=True),
            "The content still has its own moments.",
        ),
        Mistake(
            "n - 1",
            lambda c, s: _style(c, s, (2, 3), correction=1),
            "Nearly: the style's variance divides by n - 1, torch's default.",
        ),
    ),
)

class_norm = Exercise(
    name="class_norm",
    signature="x [b c h w], labels [b], gamma and beta [classes c] -> conditional batch norm while training, eps 1e-5",
    reference=_by_class,
    cases=_class_cases,
    mistakes=(
        Mistake(
            "gamma alone",
            lambda x, y, g, b: _by_class(x, y, g - 1, b),
            "With gamma = 0 nothing of the activation is left. The factor here is 1 + gamma.",
        ),
        Mistake(
            "one class for all",
            lambda x, y, g, b: _by_class(x, y[:1].expand_as(y), g, b),
            "Every sample gets the class of the first one.",
        ),
        Mistake(
            "instance norm",
            lambda x, y, g, b: _by_class(x, y, g, b, (2, 3)),
            "You standardize each sample alone: that is instance norm.",
        ),
        Mistake("exchanged", lambda x, y, g, b: _by_class(x, y, b, g), "Your gamma shifts and your beta scales."),
        Mistake(
            "modulated first",
            lambda x, y, g, b: standardize(modulate(x, g[y, :, None, None], b[y, :, None, None]), (0, 2, 3)),
            "You modulate, then normalize: the norm takes part of it away again.",
        ),
    ),
)

nearest_labels = Exercise(
    name="nearest_labels",
    signature="one-hot labels [b k h w], height, width -> [b k height width]; row i of it is row floor(i h / height)",
    reference=resize_nearest,
    cases=_resize_cases,
    mistakes=(
        Mistake(
            "bilinear",
            lambda y, h, w: F.interpolate(y, (h, w), mode="bilinear"),
            "Between hair and background yours finds half of both: a label map must stay one-hot.",
        ),
        Mistake(
            "pixel centres",
            lambda y, h, w: F.interpolate(y, (h, w), mode="nearest-exact"),
            "Yours takes the label at the pixel's centre, which is better geometry, but not the rule asked for.",
        ),
        Mistake(
            "averaged",
            lambda y, h, w: F.adaptive_avg_pool2d(y, (h, w)),
            "You average labels: the result is not one-hot.",
        ),
        Mistake(
            "corners",
            lambda y, h, w: y[:, :, torch.linspace(0, y.shape[2] - 1, h).long()][
                ..., torch.linspace(0, y.shape[3] - 1, w).long()
            ],
            "You map the last row to the last row. Row i of the result is row floor(i h / height).",
        ),
    ),
)

spade_map = Exercise(
    name="spade_map",
    signature="x [b c h w], labels [b k h w], shared [m k 3 3], gamma and beta [c m 3 3] -> SPADE with instance norm, "
    "convolutions without bias, padding 1, ReLU after the shared one",
    reference=_spade,
    cases=_spade_cases,
    mistakes=(
        Mistake(
            "no ReLU",
            lambda x, y, s, g, b: _spade(x, y, s, g, b, relu=False),
            "Two convolutions in a row are one: the ReLU between them is missing.",
        ),
        Mistake("exchanged", lambda x, y, s, g, b: _spade(x, y, s, b, g), "Your gamma shifts and your beta scales."),
        Mistake(
            "gamma alone",
            lambda x, y, s, g, b: _spade(x, y, s, g, b) - standardize(x, (2, 3)),
            "The factor is 1 + gamma here.",
        ),
        Mistake(
            "labels normalized",
            lambda x, y, s, g, b: _spade(x, standardize(y, (2, 3)), s, g, b),
            "You normalized the label map: that is what SPADE is there to avoid.",
        ),
        Mistake(
            "batch norm",
            lambda x, y, s, g, b: (
                _spade(x, y, s, g, b)
                + (1 + F.conv2d(F.conv2d(y, s, padding=1).relu(), g, padding=1))
                * (standardize(x, (0, 2, 3)) - standardize(x, (2, 3)))
            ),
            "Your samples share their statistics: instance norm was asked for.",
        ),
    ),
)
