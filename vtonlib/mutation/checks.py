"""Seven kinds of checks on one small system: a matcher, its attention, its losses, its trainer and its score.

Each check raises where it complains. The first version was what a careful author of such a library would write first;
faults drawn with seeds 0 to 4 then showed what it lacked (``benchmarks/mutants.py``).

Book: sec-who-notices.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.attention.core import attend
from vtonlib.data.batch import TryOnBatch
from vtonlib.losses.matching import colour_copying
from vtonlib.mutation.bench import Bench, error, numbers
from vtonlib.mutation.change import Mutant
from vtonlib.mutation.formulas import FORMULAS
from vtonlib.mutation.laws import laws

NEAR = 0.65
"""Tokens that a trained attention may err by; it errs by 0.4, and a look at the middle by more than 1."""


def runs(bench: Bench) -> None:
    """Nothing raises in a batch and in a whole short training; shapes are right and numbers finite."""
    task, batch = bench.task(), bench.pool[:4]
    terms = task.matcher_loss(batch)
    torch.stack([*terms.values()]).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in task.parameters())
    assert task.copy(batch).shape == batch.person.shape
    assert expected_coordinates(task.attend(batch)).shape == (4, 8, 6, 2)
    assert error(task, bench.test).isfinite() and bench.trained().losses.isfinite().all()


def learns(bench: Bench) -> None:
    """The loss falls by a third within the sixty updates."""
    losses = bench.trained().losses
    assert losses[-5:].mean() < 2 / 3 * losses[:2].mean()


def formula(bench: Bench) -> None:
    """Each part equals its formula, written a second time with loops."""
    for agree in FORMULAS:
        agree(bench.draw)


def gradient(bench: Bench) -> None:
    """Gradients are those of finite differences: of the parts, and of the whole loss by all weights."""

    def inputs(*shapes: tuple[int, ...]) -> tuple[Tensor, ...]:
        return tuple(bench.draw(*shape).requires_grad_() for shape in shapes)

    def places(query: Tensor, key: Tensor) -> Tensor:
        return expected_coordinates(AttentionRecord(query, key, 0.7, Grid(2, 2), (Grid(2, 3),)))

    region = (bench.draw(2, 1, 3, 4) > 0).double()
    check = torch.autograd.gradcheck
    assert check(lambda q, k, v: attend(q, k, v, 0.7), inputs((1, 2, 4, 3), (1, 2, 6, 3), (1, 2, 6, 2)))
    assert check(places, inputs((1, 2, 4, 3), (1, 2, 6, 3)))
    assert check(lambda a, b: colour_copying(a, b, region), inputs((2, 3, 3, 4), (2, 3, 3, 4)))
    task, batch = bench.task(torch.float64), _double(bench.pool[:2])
    parameters = [*task.parameters()]
    torch.stack([*task.matcher_loss(batch).values()]).sum().backward()
    way = [torch.randn(p.shape, generator=torch.Generator().manual_seed(k)) for k, p in enumerate(parameters)]
    pairs = zip(parameters, way, strict=True)
    slope = torch.stack([(p.grad * w).sum() for p, w in pairs if p.grad is not None]).sum()
    found = []
    with torch.no_grad():
        for step in (1e-6, -2e-6):
            for p, w in zip(parameters, way, strict=True):
                p.add_(w, alpha=step)
            found.append(torch.stack([*task.matcher_loss(batch).values()]).sum())
    torch.testing.assert_close(slope, (found[0] - found[1]) / 2e-6, rtol=1e-4, atol=1e-6, check_dtype=False)


def _double(batch: TryOnBatch) -> TryOnBatch:
    return replace(batch, **{name: t.double() for name, t in batch.tensors().items() if t.is_floating_point()})


def law(bench: Bench) -> None:
    """What must hold whatever the numbers: invariances, bounds, and cases whose answer is known without a formula."""
    laws(bench)


def golden(bench: Bench) -> None:
    """The numbers are those that were stored, up to rounding."""
    torch.testing.assert_close(numbers(bench), bench.stored, rtol=1e-4, atol=1e-6, equal_nan=True)


def truth(bench: Bench) -> None:
    """Trained, attention is near the true places."""
    assert error(bench.trained().task, bench.test) < NEAR


CHECKS: dict[str, Callable[[Bench], None]] = {
    "runs": runs,
    "learns": learns,
    "formula": formula,
    "gradient": gradient,
    "law": law,
    "golden": golden,
    "truth": truth,
}
"""The kinds of checks, by name."""


def complaints(bench: Bench, mutant: Mutant | None = None) -> dict[str, str]:
    """What each kind of check says of the library with one thing changed; empty where it passes."""
    said, fresh = {}, replace(bench, memory=[])
    with mutant.applied() if mutant else nullcontext():
        for name, check in CHECKS.items():
            try:
                check(fresh)
                said[name] = ""
            except Exception as fault:
                said[name] = f"{type(fault).__name__}: {fault}".splitlines()[0]
    return said
