"""The update of one phase: loss, gradient, clipping, optimizer; and who may be trained when."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.config import TrainConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.shares import WHOLE, Share, sharing
from vtonlib.tasks.base import Phase, Task
from vtonlib.training.identity import generator_states, set_generator_states
from vtonlib.training.precision import PrecisionChoice
from vtonlib.training.processes import cut_like, is_sharded, joined, mean_over_processes, sharing_gradient, whole


def learning_rate(config: TrainConfig, step: int) -> float:
    """The learning rate of step 0, 1, ...: a linear rise over ``warmup_steps``, then ``schedule``.

    Book: sec-trainer. Equation: eq-learning-rate.
    """
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
        if scaler.is_enabled() and is_sharded():
            raise ValueError("precision=fp16 cannot be scaled where weights are cut (FSDP): train.precision=bf16 or no")
        with only_trains(task, phase.trains):
            self.loss = joined(task, phase)  # first: it may cut the parameters
        names = {p: name for name, p in task.named_parameters()}
        modules = [task.get_submodule(name) for name in phase.trains]
        if config.compile:
            for module in modules:
                module.compile()  # in place: names, hooks and taps stay
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
            fused=next(iter(self.parameters.values())).is_cuda or None,  # one kernel; a processor keeps its sums
        )

    def update(self, batch: TryOnBatch, step: int, share: Share = WHOLE) -> dict[str, Any]:
        """One update by this process's share of a batch; what the log says about it, of the whole batch.

        Raises:
            ValueError: the loss does not consist of scalars, or does not depend on what the phase trains.
            FloatingPointError: a term or the gradient is not finite; no weight has been changed.
        """
        parameters = list(self.parameters.values())
        terms = self._gradient(batch, share)
        self.scaler.unscale_(self.adamw)
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.config.max_grad_norm or math.inf)
        norm = whole({"norm": norm})["norm"]
        *values, grad_norm = torch.stack([*terms.values(), norm]).tolist()
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

    def _gradient(self, batch: TryOnBatch, share: Share) -> dict[str, Tensor]:
        """Leave the whole batch's gradient in the parameters, piece by piece; the terms, of the whole batch.

        Each piece draws for the whole batch, so each begins at the same state of the generators.
        """
        pieces = share.split(self.config.accumulate)
        device, sums = next(iter(self.parameters.values())).device, dict[str, Tensor]()
        begin = generator_states(device)
        for number, piece in enumerate(pieces):
            set_generator_states(device, begin if number else ())
            last, rows = number == len(pieces) - 1, Share(number, len(pieces)).rows
            with sharing_gradient(self.loss, last), only_trains(self.task, self.phase.trains):
                with sharing(piece, mean_over_processes), self.precision.autocast(device):
                    terms = self.loss(batch[rows])
                self.scaler.scale(self._total(terms) / len(pieces)).backward()
            for name, term in terms.items():
                sums[name] = sums.get(name, 0) + term.detach().float() / len(pieces)
        means = mean_over_processes(torch.stack(list(sums.values())))
        return dict(zip(sums, means, strict=True))

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
        """All tensors of the optimizer, as ``phase/parameter/key``; cut, where the parameters are."""
        entries = [(name, self.adamw.state.get(p, {})) for name, p in self.parameters.items()]
        return {f"{self.phase.name}/{name}/{key}": t for name, entry in entries for key, t in entry.items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`state` gave, put together (of all phases: others' entries are ignored)."""
        state: dict[int, dict[str, Tensor]] = {}
        index = {name: number for number, name in enumerate(self.parameters)}
        for key, tensor in tensors.items():
            phase, name, entry = key.split("/")
            if phase == self.phase.name:
                if name not in index:
                    raise ValueError(f"a checkpoint's optimizer trains {name}, which phase '{phase}' does not")
                moment = tensor.shape == self.parameters[name].shape
                state.setdefault(index[name], {})[entry] = cut_like(self.parameters[name], tensor) if moment else tensor
        self.adamw.load_state_dict({"state": state, "param_groups": self.adamw.state_dict()["param_groups"]})


def _multiple(phase: Phase, name: str) -> float:
    """The multiple of the phase's rate at which a parameter learns: that of the longest path it lies under."""
    above = [path for path in phase.rates if name.startswith(f"{path}.")]
    return phase.rates[max(above, key=len)] if above else 1.0
