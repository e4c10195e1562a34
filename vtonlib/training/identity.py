"""What a run is: which tensors it changes and which settings make it that run and no other."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vtonlib.config import TrainConfig, to_json
from vtonlib.tasks.base import Task

CHANGEABLE = {"log_every", "save_every", "sample_every", "workers", "compile", "accumulate"}
"""Training settings that may change between restarts; so may ``steps``, unless the learning rate depends on it, and the
number of processes."""


def seed_everything(seed: int, process: int = 0, step: int = 0) -> None:
    """Seed Python, NumPy and torch (all devices) as a function of the run's seed, the process and the step."""
    state = int(np.random.SeedSequence((seed, process, step)).generate_state(1, np.uint64)[0])
    random.seed(state)
    np.random.seed(state % 2**32)  # noqa: NPY002 (libraries may use the global generator)
    torch.manual_seed(state)


def generator_states(device: torch.device) -> tuple[Tensor, ...]:
    """The states of torch's generators that a loss on ``device`` draws from."""
    return tuple(module.get_rng_state() for module in _generators(device))


def set_generator_states(device: torch.device, states: tuple[Tensor, ...]) -> None:
    """Take over what :func:`generator_states` gave; nothing, where that is empty."""
    for module, state in zip(_generators(device), states, strict=False):
        module.set_rng_state(state)


def _generators(device: torch.device) -> tuple[Any, ...]:
    return (torch,) if device.type == "cpu" else (torch, torch.get_device_module(device))


def model_state(task: Task) -> dict[str, Tensor]:
    """The tensors of a task, but for children that no phase changes: those come from where the task is built."""
    return {key: t for key, t in task.state_dict().items() if not _is_frozen(task, key)}


def running_statistics(task: Task) -> list[Tensor]:
    """The buffers that training changes by averaging what it sees, such as those of batch normalisation."""
    return [t for key, t in task.named_buffers() if t.is_floating_point() and not _is_frozen(task, key)]


def _is_frozen(task: Task, key: str) -> bool:
    changed = {name.partition(".")[0] for name in (*task.trained(), *task.averaged)}
    return key.partition(".")[0] in {name for name, _ in task.named_children()} - changed


def identity(task: Task, config: TrainConfig, experiment: Any) -> dict[str, Any]:
    """What a checkpoint must agree with, as JSON: the task, its phases, and the settings that matter."""
    changeable = CHANGEABLE | ({"steps"} if config.schedule == "constant" else set())
    training = json.loads(to_json(config))

    def fixed(settings: dict[str, Any]) -> dict[str, Any]:
        if settings == training:
            return {key: value for key, value in settings.items() if key not in changeable}
        return {key: fixed(value) if isinstance(value, dict) else value for key, value in settings.items()}

    phases = {
        p.name: {"trains": list(p.trains), "interval": p.interval, "rate": p.rate, "betas": list(p.betas)}
        | ({"rates": dict(p.rates)} if p.rates else {})
        for p in task.phases
    }
    settings = fixed(json.loads(to_json(experiment)))
    if task.initial:  # where those weights lie may change, the weights may not
        settings = {**settings, "task": {**settings.get("task", {}), "initial": task.initial}}
    return {
        "task": type(task).__name__,
        "train_examples": task.train_examples,
        "phases": phases,
        "config": settings,
    }


def check_same_tensors(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], where: str) -> None:
    """Raises:
    ValueError: naming what differs between the tensors of the task and those of a checkpoint.
    """
    lines = []
    for name in sorted(expected.keys() | found.keys()):
        ours, theirs = (_describe(tensors.get(name)) for tensors in (expected, found))
        if ours != theirs:
            lines.append(f"{name}: {theirs} there, {ours} here")
    if lines:
        more = f"; and {len(lines) - 5} more" if len(lines) > 5 else ""
        raise ValueError(f"{where} does not fit the task: {'; '.join(lines[:5])}{more}")


def _describe(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def check_same_settings(expected: Mapping[str, Any], found: Mapping[str, Any], where: str) -> None:
    """Raises:
    ValueError: naming the settings that differ between a run and a checkpoint.
    """
    ours, theirs = _flatten(expected), _flatten(found)
    names = [k for k in sorted(ours.keys() | theirs.keys()) if ours.get(k, "absent") != theirs.get(k, "absent")]
    if names:
        lines = [f"{name} is {theirs.get(name, 'absent')} there, {ours.get(name, 'absent')} here" for name in names]
        raise ValueError(f"{where} belongs to another run: {'; '.join(lines)}. Choose another folder, or its settings")


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings under dotted names."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
