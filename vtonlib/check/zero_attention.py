"""Exercises on zero cross-attention: what zeros stop, what a sum cannot move, lattices, dead weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vtonlib.check.exercise import Answer, Arguments, Exercise, Mistake, NotANumber, by_hand

by_hand_8_1 = by_hand(
    "by_hand_8_1",
    7 / 512,
    "the value of p after two steps, where z = p = 0 at the start, one number",
    {
        0.0: "At step 0 the gradient of p is 0, since z is. But at step 1, z is no longer 0.",
        0.125: "That is z after the first step. p moves one step later, and its gradient has the factor z.",
        7 / 64: "That is the size of p's gradient at step 1. A step is the rate times the gradient.",
        -7 / 512: "Descent goes against the gradient: y is still below its target.",
        1 / 64: "The error at step 1 is no longer -1: z has already raised y.",
    },
)


def _unmoved(probability: Tensor, reach: int) -> Tensor:
    """One minus the squares within reach of the middle."""
    middle = len(probability) // 2
    return 1 - probability[middle - reach : middle + reach + 1].square().sum()


def _shift_cases() -> list[Arguments]:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(11, generator=generator, dtype=torch.float64)
    even = torch.full((5,), 1 / 5, dtype=torch.float64)
    return [(drawn[:n] / drawn[:n].sum(), reach) for n, reach in ((7, 1), (9, 3), (11, 5))] + [(even, 0)]


unmoved_share = Exercise(
    name="unmoved_share",
    signature="probability [n] of the shifts (shift 0 in the middle), reach -> one number",
    reference=_unmoved,
    cases=_shift_cases,
    mistakes=(
        Mistake(
            "not squared",
            lambda p, r: 1 - p[len(p) // 2 - r : len(p) // 2 + r + 1].sum(),
            "You subtract the probability itself. A kernel that hesitates between two shifts paints both at once: what "
            "it gains of each is the square.",
        ),
        Mistake(
            "reach ignored",
            lambda p, r: 1 - p.square().sum(),
            "You let the map read everywhere. It sees only as far as its reach.",
        ),
        Mistake(
            "the gained share",
            lambda p, r: p[len(p) // 2 - r : len(p) // 2 + r + 1].square().sum(),
            "That is the share that is moved. Asked is the rest.",
        ),
        Mistake(
            "one-sided reach",
            lambda p, r: 1 - p[len(p) // 2 : len(p) // 2 + r + 1].square().sum(),
            "Your map looks to one side only. Shift 0 lies in the middle, and reach goes both ways.",
        ),
        Mistake(
            "most probable shift",
            lambda p, r: 1 - p[len(p) // 2 - r : len(p) // 2 + r + 1].max(),
            "You bet on the most probable shift with full strength. Compute what such a bet loses in all other cases.",
        ),
    ),
)


def _block_cases() -> list[Arguments]:
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    return [(draw(b, n, 4), draw(b, n, 4), draw(4, 4), draw(4, 4)) for b, n in ((2, 5), (1, 3))]


def _connection(connect: Answer, arguments: Arguments) -> int | None:
    """How a block behaves that begins with both maps at zero: 0 as it should, or the number of its first fault."""
    x, read, z, p = arguments

    def block(read: Tensor, z: Tensor, p: Tensor) -> Any:
        out = connect(x, read, z, p)
        if isinstance(out, Tensor) and out.shape != x.shape:
            raise NotANumber(f"the result has the shape {list(out.shape)}, x has {list(x.shape)}")
        return out

    maps = torch.zeros(2, *z.shape, dtype=z.dtype)
    begun = block(read, *maps)
    if begun is None:
        return None
    if not torch.allclose(begun, x):
        return 1
    if not torch.allclose(block(read, maps[0], p), x):
        return 2
    learned = _learned(lambda *now: block(read, *now), maps)
    if not learned.any():
        return 3
    if not learned.flatten(1).any(dim=1).all():
        return 4
    if torch.allclose(block(read, z, p), block(-read, z, p)):
        return 5
    passed, opposed = (block(r, z, p) - block(r, z, maps[1]) for r in (read, -read))
    if torch.allclose(passed, opposed):
        return 4
    watched = read.clone().requires_grad_()
    out = block(watched, z, p)
    (slope,) = torch.autograd.grad(out.sum(), watched, allow_unused=True) if out.requires_grad else (None,)
    return 6 if slope is None or not slope.any() else 0


def _learned(block: Answer, maps: Tensor, *, steps: int = 3) -> Tensor:
    """``maps`` after some steps of gradient descent towards an output of ones."""
    now = [one.clone().requires_grad_() for one in maps]
    for _ in range(steps):
        out = block(*now)
        if out.requires_grad:
            slopes = torch.autograd.grad((out - 1).square().sum(), now, allow_unused=True)
            now = [
                (m - 0.01 * (0 if s is None else s)).detach().requires_grad_() for m, s in zip(now, slopes, strict=True)
            ]
    return torch.stack(now).detach()


connected = Exercise(
    name="connected",
    signature="x [b n c], read [b n c], z [c c], p [c c] (maps act by `@ map.mT`) -> [b n c]",
    reference=lambda x, read, z, p: x + (x + read @ p.mT) @ z.mT,
    cases=_block_cases,
    observe=_connection,
    mistakes=(
        Mistake(
            "the painter lost",
            lambda x, read, z, p: (x + read @ p.mT) @ z.mT,
            "With both maps at 0 your block does not return x: it must begin as the identity.",
        ),
        Mistake(
            "added outside",
            lambda x, read, z, p: x + x @ z.mT + read @ p.mT,
            "With z at 0 and any p your block must return x. Here what was read is added past z: z is no longer the "
            "last map of its path.",
        ),
        Mistake(
            "dead",
            lambda x, read, z, p: x + read @ p.mT @ z.mT,
            "With both maps at 0 each stops the other's gradient, for ever, as in your colleague's block. One of them "
            "must see something that is not 0 at the start.",
        ),
        Mistake(
            "one map idle",
            lambda x, read, z, p: x + (x + read) @ z.mT,
            "One of the two maps does not act on what was read, or never receives a gradient. Both belong in its path.",
        ),
        Mistake(
            "nothing read",
            lambda x, read, z, p: x + (x + x @ p.mT) @ z.mT,
            "Both maps learn, but what was read does not reach the output.",
        ),
        Mistake(
            "cut off",
            lambda x, read, z, p: x + (x + read.detach() @ p.mT) @ z.mT,
            "Both maps learn, but no gradient would ever reach what was read, nor the garment's encoder behind it.",
        ),
    ),
)


def _lattices(latents: Tensor, *, coarsest: int = 4) -> Tensor:
    """(rows, columns) of every block, coarse ones first."""
    height, width = latents.shape[-2:]
    rows = [(height * 2**level // coarsest, width * 2**level // coarsest) for level in range(3)]
    return torch.tensor([row for row in rows for _ in range(3)])


nine_lattices = Exercise(
    name="nine_lattices",
    signature="latents [b 4 h w] -> (rows, columns) of the nine blocks' lattices, [9 2]",
    reference=_lattices,
    cases=lambda: [(torch.zeros(1, 4, h, w),) for h, w in ((64, 48), (128, 96), (96, 72))],
    mistakes=(
        Mistake(
            "order",
            lambda latents: _lattices(latents).flip(0),
            "The sizes are right, the order is not: a decoder goes from coarse to fine.",
        ),
        Mistake(
            "one level too deep",
            lambda latents: _lattices(latents, coarsest=8),
            "You begin at the deepest level, an eighth of the latents. Its three stages have no block.",
        ),
        Mistake(
            "pixels",
            lambda latents: _lattices(latents, coarsest=32) * 64,
            "You count in pixels. The network sees latents and never a pixel.",
        ),
        Mistake(
            "width first",
            lambda latents: _lattices(latents).flip(1),
            "Rows come first, then columns: images here are higher than wide.",
        ),
    ),
)

dead_share = by_hand(
    "dead_share",
    0.4991,
    "dead parameters of the released control branch as a share of the whole branch, one number",
    {
        0.2209: "You counted the dead levels of the encoder but not the middle block, whose map is not read either.",
        0.2782: "That is the middle block alone. The maps of three encoder blocks are not read either.",
        0.4568: "You left out the downsampling convolution before the deepest level: block 9 is its output.",
        0.5009: "That is the share that lives.",
        174 / 349: "174 of 349 million are rounded. Count, and divide the counts.",
        0.5: "Half is an estimate. Count, and give three digits: it is not exactly half.",
    },
    tolerance=1e-3,
)
