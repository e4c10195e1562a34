"""The update of one phase: loss, gradient, clipping, optimizer; and who may be trained when."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from jaxtyping import Float
from torch import Tensor

from vtonlib.config import TrainConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.tasks.base import Phase, Task
from vtonlib.training.precision import PrecisionChoice


def learning_rate(config: TrainConfig, step: int) -> float:
    """The learning rate of step 0, 1, ...: a linear rise over ``warmup_steps``, then ``schedule``."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.learning_rate
    if config.schedule == "linear":
        return config.learning_rate * min(1.0, 2 * (1 - step / config.steps))
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


@contextmanager
def only_trains(task: Task, trains: tuple[str, ...]) -> Iterator[None]:
    """Within the block no other parameter of the task requires a gradient: a generator's phase leaves the
    discriminator alone. What was frozen before stays frozen."""
    chosen = {id(p) for name in trains for p in task.get_submodule(name).parameters()}
    others = [p for p in task.parameters() if p.requires_grad and id(p) not in chosen]
    try:
        for parameter in others:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)


class PhaseOptimizer:
    """Does the updates of one phase, with AdamW.

    Its state goes by parameter names, so that no pickle is needed.

    Book: sec-trainer.
    """

    def __init__(
        self, task: Task, phase: Phase, config: TrainConfig, precision: PrecisionChoice, scaler: torch.amp.GradScaler
    ) -> None:
        names = {p: name for name, p in task.named_parameters()}
        modules = [task.get_submodule(name) for name in phase.trains]
        chosen = {names[p]: p for m in modules for p in m.parameters() if p.requires_grad}
        self.parameters = dict(sorted(chosen.items(), key=lambda item: _multiple(phase, item[0])))  # group by group
        if not self.parameters:
            raise ValueError(f"phase '{phase.name}' trains {phase.trains}, which have no trainable parameters")
        self.task, self.phase, self.config, self.precision, self.scaler = task, phase, config, precision, scaler
        groups: dict[float, list[Tensor]] = {}
        for name, parameter in self.parameters.items():
            groups.setdefault(_multiple(phase, name), []).append(parameter)
        self.adamw = torch.optim.AdamW(
            [{"params": params, "multiple": multiple} for multiple, params in groups.items()],
            lr=config.learning_rate,
            betas=phase.betas,
            weight_decay=config.weight_decay,
        )

    def update(self, batch: TryOnBatch, step: int) -> dict[str, Any]:
        """One update; what the log says about it.

        Raises:
            ValueError: the loss does not consist of scalars, or does not depend on what the phase trains.
            FloatingPointError: a term or the gradient is not finite; no weight has been changed.
        """
        parameters = list(self.parameters.values())
        with only_trains(self.task, self.phase.trains):
            with self.precision.autocast(parameters[0].device):
                terms = self.phase.loss(batch)
            self.scaler.scale(self._total(terms)).backward()
        average_gradients(parameters)
        self.scaler.unscale_(self.adamw)
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.config.max_grad_norm or math.inf)
        *values, grad_norm = torch.stack([*(term.detach().float() for term in terms.values()), norm]).tolist()
        measured = dict(zip(terms, values, strict=True))
        self._check_finite(measured, grad_norm, step)
        rate = self.phase.rate * learning_rate(self.config, step)
        self._step(rate)
        return {
            "step": step + 1,
            "phase": self.phase.name,
            "loss": sum(values),
            "terms": measured,
            "learning_rate": rate,
            "grad_norm": grad_norm if math.isfinite(grad_norm) else None,
        }

    def _total(self, terms: Mapping[str, Tensor]) -> Float[Tensor, ""]:
        found = ", ".join(f"{name} {list(term.shape)}" for name, term in terms.items()) or "none"
        if not terms or any(term.ndim for term in terms.values()):
            raise ValueError(f"phase '{self.phase.name}': the loss must be a dict of scalars, found {found}")
        total = torch.stack(list(terms.values())).sum()
        if not total.requires_grad:
            raise ValueError(f"phase '{self.phase.name}': the loss ({found}) does not depend on {self.phase.trains}")
        return total

    def _check_finite(self, terms: Mapping[str, float], grad_norm: float, step: int) -> None:
        found = {f"term '{name}'": value for name, value in terms.items()}
        if not self.scaler.is_enabled():  # an enabled scaler leaves out steps whose gradient overflows
            found["the gradient's norm"] = grad_norm
        for name, value in found.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"step {step + 1}, phase '{self.phase.name}': {name} is {value}. The checkpoints written before "
                    "are intact; a lower learning_rate or precision=no may help"
                )

    def _step(self, rate: float) -> None:
        for group in self.adamw.param_groups:
            group["lr"] = rate * group["multiple"]
        self.scaler.step(self.adamw)
        self.scaler.update()
        self.adamw.zero_grad()

    def state(self) -> dict[str, Tensor]:
        """All tensors of the optimizer, as ``phase/parameter/key``."""
        entries = [(name, self.adamw.state.get(p, {})) for name, p in self.parameters.items()]
        return {f"{self.phase.name}/{name}/{key}": t for name, entry in entries for key, t in entry.items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`state` gave (of all phases: others' entries are ignored)."""
        state: dict[int, dict[str, Tensor]] = {}
        index = {name: number for number, name in enumerate(self.parameters)}
        for key, tensor in tensors.items():
            phase, name, entry = key.split("/")
            if phase == self.phase.name:
                if name not in index:
                    raise ValueError(f"a checkpoint's optimizer trains {name}, which phase '{phase}' does not")
                state.setdefault(index[name], {})[entry] = tensor
        self.adamw.load_state_dict({"state": state, "param_groups": self.adamw.state_dict()["param_groups"]})


def _multiple(phase: Phase, name: str) -> float:
    """The multiple of the phase's rate at which a parameter learns: that of the longest path it lies under."""
    above = [path for path in phase.rates if name.startswith(f"{path}.")]
    return phase.rates[max(above, key=len)] if above else 1.0


def average_gradients(parameters: list[torch.nn.Parameter]) -> None:
    """Give every process the mean gradient, in one message.

    Done here rather than by DistributedDataParallel, so that losses may call any method of any child, as often as
    they like, and leave some unused.
    """
    if PartialState().num_processes == 1:
        return
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    gradients = [p.grad for p in parameters if p.grad is not None]
    mean = reduce(torch.cat([g.flatten() for g in gradients]), "mean")
    for gradient, part in zip(gradients, mean.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))
