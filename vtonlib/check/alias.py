# budget: the mistakes that readers make and their hints are data, and stand beside the exercise that they belong to
"""Exercises on the ALIAS generator: its inputs, its sizes, its losses, its spline's lattice, and spectral norm."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vtonlib.check.exercise import Arguments, Exercise, Mistake, by_hand

SIZES = ((2, 4, 5, 3), (1, 3, 4, 6), (3, 5, 2, 7))
"""Batch, channels, height, width of the cases: no two alike."""
FAR = 200.0
"""A logit so large that its sigmoid is 1 in float32."""


def _parses() -> list[Arguments]:
    """One-hot parse maps, the soft misaligned part of a garment channel, and that channel."""
    g = torch.Generator().manual_seed(5)
    cases = []
    for number, (b, k, h, w) in enumerate(SIZES):
        labels = torch.randint(k, (b, h, w), generator=g)
        parse = F.one_hot(labels, k).movedim(-1, 1).float()
        garment = number + 1
        soft = (4 * torch.rand(b, 1, h, w, generator=g)).round() / 4
        cases.append((parse, soft * parse[:, garment : garment + 1], garment))
    return cases


def _logits() -> list[Arguments]:
    """Logits of real and of fake images, on both sides of 1 and -1."""
    g = torch.Generator().manual_seed(6)
    return [tuple(2 * torch.randn(2, b, 1, h, w, generator=g)) for b, _, h, w in SIZES]


def _sure_logits() -> list[Arguments]:
    """The same, and in the last case some logits that are very large."""
    cases = _logits()
    real, fake = cases[-1]
    real[0, 0, 0, 0], fake[0, 0, 0, 1] = -FAR, FAR
    return cases


def _images() -> list[Arguments]:
    return [(torch.zeros(1, 3, h, w), n) for (h, w), n in (((25, 19), 3), ((16, 40), 4), ((11, 30), 2))]


def _offsets() -> list[Arguments]:
    g = torch.Generator().manual_seed(7)
    return [(torch.randn(b, r, c, 2, generator=g),) for b, r, c in ((2, 4, 5), (1, 6, 3), (3, 3, 4))]


def _sides(image: Tensor) -> Tensor:
    return torch.tensor(image.shape[-2:])


def _divide(parse: Tensor, mask: Tensor, garment: int) -> Tensor:
    rest = parse.clone()
    rest[:, garment] -= mask[:, 0]
    return torch.cat((rest, mask), 1)


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def _log(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(-real).mean() + F.softplus(fake).mean()


by_hand_5_1 = by_hand(
    "by_hand_5_1",
    2.4083,
    "the largest singular value of [[2, 0], [1, 2]] as one round of power iteration estimates it, from u = (0, 1)",
    {
        2.5616: "That is the true one. One round does not get there yet.",
        2.2361: "That is the length of W'u. Make it a unit vector, and go on with W.",
        5.8: "You have the square of a length.",
        5.3852: "You multiplied by W'u as it is. Make it a unit vector first.",
        2.0: "You began with Wu. The round begins with the transpose, W'u.",
    },
)

divided_parse = Exercise(
    name="divided_parse",
    signature="parse [b k h w], misalign_mask [b 1 h w], garment channel -> the divided parse map, [b k+1 h w]",
    reference=_divide,
    cases=_parses,
    mistakes=(
        Mistake(
            "counted twice",
            lambda p, m, k: torch.cat((p, m), 1),
            "Misaligned pixels are in two channels now: they must leave the garment's.",
        ),
        Mistake(
            "first channel",
            lambda p, m, k: torch.cat((m, _divide(p, m, k)[:, :-1]), 1),
            "The new label comes last, so that the others keep their numbers.",
        ),
        Mistake(
            "all channels",
            lambda p, m, k: torch.cat((p - m, m), 1),
            "You take the mask from every channel. Only the garment's has these pixels.",
        ),
        Mistake(
            "rounded",
            lambda p, m, k: _divide(p, (m > 0.5).to(p.dtype), k),
            "Soft pixels were rounded. A pixel that is half covered is half misaligned.",
        ),
    ),
)

hinge_loss = Exercise(
    name="hinge_loss",
    signature="logits of real images [b 1 h w], logits of fake ones [b 1 h w] -> the discriminator's loss, one number",
    reference=_hinge,
    cases=_logits,
    mistakes=(
        Mistake(
            "exchanged",
            lambda r, f: _hinge(f, r),
            "Your loss falls when real images get small logits. Which way is each of the two to go?",
        ),
        Mistake("halved", lambda r, f: _hinge(r, f) / 2, "You take the mean of the two terms. They are added."),
        Mistake(
            "no margin",
            lambda r, f: F.relu(-r).mean() + F.relu(f).mean(),
            "Your loss is content once the sign is right. It should ask for a distance of 1 from 0.",
        ),
        Mistake(
            "no hinge",
            lambda r, f: (1 - r).mean() + (1 + f).mean(),
            "Some of your costs are negative: a patch that is right by more than 1 should cost nothing.",
        ),
        Mistake(
            "summed",
            lambda r, f: F.relu(1 - r).sum() + F.relu(1 + f).sum(),
            "Your loss grows with the number of patches: take the mean.",
        ),
    ),
)

log_loss = Exercise(
    name="log_loss",
    signature="logits of real images [b 1 h w], logits of fake ones -> what the discriminator minimises, one number",
    reference=_log,
    cases=_sure_logits,
    mistakes=(
        Mistake(
            "the slip",
            lambda r, f: F.softplus(-r).mean() - (1 + F.softplus(-f)).mean(),
            "This is the printed formula with its slip: 1 - log D(fake). Where does the 1 belong?",
        ),
        Mistake(
            "the slip, as typed",
            lambda r, f: -(torch.sigmoid(r).log() + 1 - torch.sigmoid(f).log()).mean(),
            "This is what she typed. 1 - log D(fake) is not log(1 - D(fake)); and what is the logarithm of 0?",
        ),
        Mistake(
            "to be maximised",
            lambda r, f: -_log(r, f),
            "This is what the discriminator maximises. Training minimises: turn the sign.",
        ),
        Mistake(
            "overflow",
            lambda r, f: -(torch.sigmoid(r).log().mean() + (1 - torch.sigmoid(f)).log().mean()),
            "Right, until a logit is so large that its sigmoid is rounded to 0 or 1. Find log(sigmoid) in one piece.",
        ),
        Mistake(
            "a small constant",
            lambda r, f: -((torch.sigmoid(r) + 1e-8).log().mean() + (1 - torch.sigmoid(f) + 1e-8).log().mean()),
            "A small constant inside the logarithm hides the overflow: beyond it the loss is wrong and its slope is 0. "
            "Find log(sigmoid) in one piece.",
        ),
        Mistake(
            "no sigmoid",
            lambda r, f: -(r.mean() - f.mean()),
            "Without any logarithm this is the loss of a Wasserstein critic. D is the sigmoid of the logits.",
        ),
    ),
)

released_size = Exercise(
    name="released_size",
    signature="image [b c h w], number of doublings -> height and width that the released generator paints, [2]",
    reference=lambda x, n: _sides(x) // 2**n * 2**n,
    cases=_images,
    mistakes=(
        Mistake("unchanged", lambda x, n: _sides(x), "The smallest map has whole pixels. What becomes of the rest?"),
        Mistake(
            "the latent size", lambda x, n: _sides(x) // 2**n, "That is the smallest map. It is still to be doubled."
        ),
        Mistake(
            "width first",
            lambda x, n: (_sides(x) // 2**n * 2**n).flip(0),
            "Tensors have the height before the width; the slide has it the other way round.",
        ),
        Mistake(
            "rounded up",
            lambda x, n: -(-_sides(x) // 2**n) * 2**n,
            "You round up. The released code divides whole numbers, which drops the rest.",
        ),
        Mistake(
            "rounded",
            lambda x, n: (_sides(x) / 2**n).round() * 2**n,
            "You round to the nearest; that is SPADE's rule for the height. VITON-HD drops the rest.",
        ),
    ),
)

second_differences = Exercise(
    name="second_differences",
    signature="offsets [b rows columns 2] -> the lattice's bending, one number",
    reference=lambda o: o.diff(n=2, dim=1).abs().mean() + o.diff(n=2, dim=2).abs().mean(),
    cases=_offsets,
    mistakes=(
        Mistake(
            "first differences",
            lambda o: o.diff(dim=1).abs().mean() + o.diff(dim=2).abs().mean(),
            "Your loss punishes a garment that is merely made larger. Stretching evenly should cost nothing.",
        ),
        Mistake(
            "rows alone",
            lambda o: o.diff(n=2, dim=2).abs().mean(),
            "A lattice bends along its rows and along its columns.",
        ),
        Mistake(
            "mixed",
            lambda o: o.diff(dim=1).diff(dim=2).abs().mean(),
            "You take one difference along each direction. Take two along the same, for each.",
        ),
        Mistake(
            "squared",
            lambda o: o.diff(n=2, dim=1).square().mean() + o.diff(n=2, dim=2).square().mean(),
            "Squares spread a bend over the lattice. The loss here is absolute.",
        ),
        Mistake(
            "summed",
            lambda o: o.diff(n=2, dim=1).abs().sum() + o.diff(n=2, dim=2).abs().sum(),
            "Your loss grows with the lattice: take means.",
        ),
    ),
)

rounds_needed = by_hand(
    "rounds_needed",
    6,
    "the fewest rounds of power iteration after which the estimate is at least 0.99, for the diagonal matrix of 1 and "
    "0.9, from u = (1, 1) / sqrt 2",
    {
        5: "After five rounds it is still a little below 0.99.",
        8: "You compared the square of the value. Take the root.",
        12: "A round is two products, with the transpose and with the matrix. Or did you ask for 0.999?",
        1: "With one round you have the estimate of a layer that is used for the first time. Go on.",
    },
)
