"""The exercise on two slips of a printed loss: shapes on which a wrong index runs without an error."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vtonlib.check.exercise import Answer, Arguments, Exercise, Mistake, NotANumber


def slip_in_centres(centres: Tensor, mask: Tensor) -> Tensor:
    """The total variation across, of the printing that subtracts the last column from every other.

    Raises:
        RuntimeError: for most shapes, since the last column has an axis less.

    Book: sec-three-printings.
    """
    mask = mask[..., None]
    pairs = mask[:, :, 1:] * mask[:, :, :-1]
    return ((centres[:, :, 1:] - centres[:, :, -1]).abs() * pairs).sum() / pairs.sum()


def slip_in_mask(centres: Tensor, mask: Tensor) -> Tensor:
    """The total variation across, of the printing that multiplies the mask by its last column.

    Raises:
        RuntimeError: for most shapes, since the last column has an axis less.

    Book: sec-three-printings.
    """
    mask = mask[..., None]
    pairs = mask[:, :, 1:] * mask[:, :, -1]
    return ((centres[:, :, 1:] - centres[:, :, :-1]).abs() * pairs).sum() / pairs.sum()


def _silent(answer: Answer, arguments: Arguments) -> Tensor | None:
    """Which of the two slips run on fields of the answered shape, with a wrong value; if not, which axes fit."""
    shape = answer(*arguments)
    if shape is None:
        return None
    try:
        b, h, w = (int(n) for n in shape)
    except (TypeError, ValueError):
        raise NotANumber(f"the answer {shape!r} is no shape: expected three whole numbers (b, h, w)") from None
    if min(b, h) < 1 or w < 2 or b * h * w > 100_000:
        raise NotANumber(
            f"({b}, {h}, {w}): expected at least one sample and row, two columns, and no more than 100,000"
        )
    g = torch.Generator().manual_seed(0)
    centres, mask = torch.randn(b, h, w, 2, generator=g), 0.2 + 0.8 * torch.rand(b, h, w, generator=g)
    pairs = mask[:, :, 1:] * mask[:, :, :-1]
    right = (centres.diff(dim=2).abs().sum(-1) * pairs).sum() / pairs.sum()
    wrong = [_runs_wrong(slip, centres, mask, right) for slip in (slip_in_centres, slip_in_mask)]
    return torch.tensor([*wrong, all(wrong) or h == w - 1, all(wrong) or b in (1, h)]).double()


def _runs_wrong(slip: Callable[[Tensor, Tensor], Tensor], centres: Tensor, mask: Tensor, right: Tensor) -> bool:
    try:
        return bool((slip(centres, mask) - right).abs() > 1e-6)
    except RuntimeError:
        return False


def _shape(*shape: int) -> Answer:
    return lambda: shape


silent_shape = Exercise(
    name="silent_shape",
    signature="a shape (b, h, w) on which both slips run without an error and are wrong, three whole numbers",
    reference=_shape(4, 4, 5),
    cases=lambda: [()],
    mistakes=(
        Mistake(
            "it raises",
            _shape(2, 32, 24),
            "On this shape Python complains at once. Write down the shapes of the two factors, one below the other "
            "from the right: which axes meet?",
        ),
        Mistake(
            "rows alone",
            _shape(3, 4, 5),
            "The number of rows meets that of columns less one, and they fit. The samples meet an axis as well.",
        ),
        Mistake(
            "samples alone",
            _shape(1, 32, 24),
            "One sample fits everything. Which axis do the rows meet?",
        ),
    ),
    observe=_silent,
)
