"""How often a step looks at numbers of the device that trains: each time a GPU must end all that it was given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from vtonlib.config import DataConfig
from vtonlib.data.source import training_batches
from vtonlib.presets import new_task, open_source, preset
from vtonlib.shares import WHOLE
from vtonlib.training.trainer import Trainer

SMALL: dict[str, dict[str, Any]] = {
    "stableviton": {"cached_examples": 0},
    "leffa": {"cached_examples": 0},
    "segmentation": {},
    "geometric_matching": {},
}
READING = (torch.ops.aten._local_scalar_dense, torch.ops.aten.nonzero, torch.ops.aten._unique2)
"""Operators whose result a program, or the shape of what follows, depends on."""


class Scalars(TorchDispatchMode):
    """Counts single numbers that are read, also inside operators, and shapes that depend on numbers."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket in READING:
            self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


class Lists(TorchFunctionMode):
    """Counts tensors that are read as lists."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.tolist:
            self.seen.append("tolist")
        return func(*args, **(kwargs or {}))


@contextmanager
def reads() -> Iterator[list[str]]:
    """What is read within the block."""
    seen: list[str] = []
    with ExitStack() as stack:
        stack.enter_context(Scalars(seen))
        stack.enter_context(Lists(seen))
        yield seen


def test_reads_are_seen() -> None:
    x = torch.rand(3)
    with reads() as seen:
        assert (x >= 0).all()
        x.sum().item()
        x.tolist()
        x.nonzero()
    assert len(seen) == 4 and seen[2:] == ["tolist", "aten.nonzero.default"]


@pytest.mark.parametrize("name", SMALL)
def test_a_gradient_reads_one_number_for_each_loss_on_an_attention(name: str, tmp_path: Path) -> None:
    config = preset(name)
    task = new_task(replace(config.task, **SMALL[name]), data := DataConfig())
    trainer = Trainer(task, lambda start: iter(()), replace(config.train, batch_size=2, precision="no"), tmp_path)
    batch = next(iter(training_batches(open_source(data), batch_size=2, seed=0)))
    losses = 0
    for phase in task.phases:
        with reads() as seen:
            trainer.optimizers[phase.name]._gradient(batch, WHOLE)
        losses += len(seen)
        assert set(seen) <= {"tolist"}
    assert losses == {"stableviton": 4}.get(name, 0)
