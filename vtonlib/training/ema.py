"""Exponential moving averages of weights."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from vtonlib.tasks.base import Task
from vtonlib.training.processes import fill, own_part, put_together


def ema_decay(updates: int, decay: float) -> float:
    """The decay at update number ``updates`` = 0, 1, ...: min(decay, (1 + u) / (10 + u)), so that the random start
    is forgotten soon.

    Book: sec-trainer. Equation: eq-moving-average.
    """
    return min(decay, (1 + updates) / (10 + updates))


class EMA:
    """Twins of a task's ``averaged`` children: twin <- decay * twin + (1 - decay) * child. Buffers are copied.

    Book: sec-trainer.
    """

    def __init__(self, task: Task, decay: float) -> None:
        self.task, self.decay = task, decay
        self.twins = {name: copy.deepcopy(task.get_submodule(name)).eval() for name in task.averaged}
        for twin in self.twins.values():
            twin.requires_grad_(False)

    @torch.no_grad()
    def update(self, updates: int) -> None:
        """Move the twins towards the children; ``updates`` is the number of updates before this one."""
        weight = 1 - ema_decay(updates, self.decay)
        for name, twin in self.twins.items():
            child = self.task.get_submodule(name)
            averages, weights = ([own_part(p) for p in module.parameters()] for module in (twin, child))
            torch._foreach_lerp_(averages, weights, weight)
            for target, source in zip(twin.buffers(), child.buffers(), strict=True):
                target.copy_(source)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the block the twins, whole, stand in the task in place of the children. All processes must ask."""
        children = {name: self.task.get_submodule(name) for name in self.twins}
        try:
            for name, twin in self.twins.items():
                self._put(name, put_together(twin))
            yield
        finally:
            for name, child in children.items():
                self._put(name, child)

    def _put(self, name: str, module: torch.nn.Module) -> None:
        parent, _, child = name.rpartition(".")
        setattr(self.task.get_submodule(parent), child, module)

    def state(self) -> dict[str, Tensor]:
        """All tensors, by the names they have in the task; cut, where the task is."""
        return {f"{name}.{key}": t for name, twin in self.twins.items() for key, t in twin.state_dict().items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`state` gave, put together."""
        for name, twin in self.twins.items():
            fill(twin, {key: tensors[f"{name}.{key}"] for key in twin.state_dict()})
