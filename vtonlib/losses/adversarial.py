"""The losses of two networks that compete, and the feature matching that steadies them.

All take what a multi-scale discriminator returns: for each scale its layers' activations, the last of which are the
logits, one for each patch of the image. Scales count alike, patches of a scale count alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Scales: TypeAlias = Sequence[Sequence[Float[Tensor, "_ _ _ _"]]]
"""Scales of layers: activations [b c h w]."""


def _mean_of_logits(cost: Callable[[Tensor], Tensor], scales: Scales) -> Float[Tensor, ""]:
    """The mean cost of the logits of each scale, and the mean of these."""
    if not scales or not all(scales):
        raise ValueError(f"expected at least one scale of at least one layer, found {[len(s) for s in scales]} layers")
    return torch.stack([cost(layers[-1]).mean() for layers in scales]).mean()


def hinge_discriminator(real: Scales, fake: Scales) -> Float[Tensor, ""]:
    """Real logits should exceed 1 and fake ones fall below -1; beyond that nothing is gained. Not halved.

    Source: SPADE's default. Equation: eq-hinge. Book: sec-alias-generator.
    """
    return _mean_of_logits(lambda x: F.relu(1 - x), real) + _mean_of_logits(lambda x: F.relu(1 + x), fake)


def hinge_generator(fake: Scales) -> Float[Tensor, ""]:
    """Fake logits should be large, without bound. Equation: eq-hinge. Book: sec-alias-generator."""
    return _mean_of_logits(torch.neg, fake)


def least_squares_discriminator(real: Scales, fake: Scales) -> Float[Tensor, ""]:
    """Real logits should be 1 and fake ones 0. Not halved.

    Source: Mao et al. 2017. Equation: eq-least-squares. Book: sec-alias-generator.
    """
    return _mean_of_logits(lambda x: (x - 1).square(), real) + _mean_of_logits(torch.square, fake)


def least_squares_generator(fake: Scales) -> Float[Tensor, ""]:
    """Fake logits should be 1. Equation: eq-least-squares. Book: sec-alias-generator."""
    return _mean_of_logits(lambda x: (x - 1).square(), fake)


def log_discriminator(real: Scales, fake: Scales) -> Float[Tensor, ""]:
    """-E[log D(real)] - E[log(1 - D(fake))] with D the sigmoid of the logits, which never overflows here.

    Seed 001 writes E[1 - log D(fake)] for E[log(1 - D(fake))], a slip (box D8): a discriminator that maximises it gains
    without bound from fakes that it has long recognised.

    Source: Goodfellow et al. 2014, Eq. 1. Equation: eq-log-gan. Book: sec-alias-generator.
    """
    return _mean_of_logits(lambda x: F.softplus(-x), real) + _mean_of_logits(F.softplus, fake)


def log_generator(fake: Scales) -> Float[Tensor, ""]:
    """-E[log D(fake)]: the form that still has a gradient when D is sure, instead of E[log(1 - D(fake))].

    Source: Goodfellow et al. 2014, section 3. Equation: eq-log-gan. Book: sec-alias-generator.
    """
    return _mean_of_logits(lambda x: F.softplus(-x), fake)


def feature_matching(real: Scales, fake: Scales) -> Float[Tensor, ""]:
    """How far the discriminator's activations on fakes are from those on real images; all layers but the logits.

    Mean over scales of the sum over layers of the mean absolute difference; no gradient flows into ``real``.

    Raises:
        ValueError: where real and fake differ in their scales, layers or shapes.

    Source: pix2pixHD, SPADE (which multiplies by 10). Equation: eq-feature-matching. Book: sec-alias-generator.
    """
    shapes = [[[tuple(x.shape) for x in layers] for layers in scales] for scales in (real, fake)]
    if shapes[0] != shapes[1] or not shapes[0]:
        raise ValueError(f"expected equal shapes of real and fake activations, found {shapes[0]} and {shapes[1]}")
    distances = [
        (f - r.detach()).abs().mean()
        for layers, others in zip(real, fake, strict=True)
        for r, f in zip(layers[:-1], others[:-1], strict=True)
    ]
    return torch.stack(distances).sum() / len(real) if distances else fake[0][0].new_zeros(())
