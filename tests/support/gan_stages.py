"""VITON-HD's three stages at their smallest: settings, batches, a pipeline, and what holds for all three tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from vtonlib import experiment
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.models.alias import ALIASGenerator
from vtonlib.models.geometric_matching import GeometricMatcher
from vtonlib.models.segmentation import SegmentationGenerator
from vtonlib.pipelines.alias import ALIASPipeline
from vtonlib.presets import ExperimentConfig, new_task, preset
from vtonlib.tasks.alias import ALIASConfig
from vtonlib.tasks.base import Phase, Task
from vtonlib.tasks.geometric_matching import GeometricMatchingConfig
from vtonlib.tasks.segmentation import SegmentationConfig
from vtonlib.training.phase import only_trains

DATA = DataConfig(height=32, width=24)
TASKS = {
    "segmentation": SegmentationConfig(channels=(8, 8, 16), discriminator_channels=8, discriminator_layers=2),
    "geometric_matching": GeometricMatchingConfig(channels=(8, 16), regressor=(16, 8), control=(5, 3)),
    "alias": ALIASConfig(
        channels=(16, 16, 8), mask_norm_blocks=2, hidden=8, discriminator_channels=8, discriminator_layers=2
    ),
}
"""The smallest settings of each preset; 32x24 is legal for all of them."""


def new_batch(size: int = 4) -> TryOnBatch:
    """Rendered examples of the training split."""
    return World(DATA).paired("train", torch.arange(size))


def new_stage(name: str, **changes: object) -> Task:
    """An untrained task, the same at each call."""
    torch.manual_seed(0)
    task = new_task(replace(TASKS[name], **changes), DATA)
    task.check()
    return task


def stage_config(name: str, *, steps: int, root: str = "", **data: int) -> ExperimentConfig:
    """The settings of a short run."""
    default = preset(name)
    train = replace(
        default.train, steps=steps, batch_size=4, sample_every=0, save_every=0, schedule="constant", precision="no"
    )
    return replace(default, task=TASKS[name], data=replace(DATA, root=root, **data), train=train)


def trained_children(task: Task, phase: Phase, batch: TryOnBatch) -> set[str]:
    """The children that one backward pass of the phase gives gradients; a child that gets some gets all."""
    with only_trains(task, phase.trains):
        sum(phase.loss(batch).values()).backward()
    reached = {name: parameter.grad is not None for name, parameter in task.named_parameters()}
    task.zero_grad(set_to_none=True)
    children = {name.partition(".")[0] for name, got in reached.items() if got}
    missed = [name for name, got in reached.items() if not got and name.partition(".")[0] in children]
    assert not missed, f"without a gradient: {missed}"
    return children


def descend(
    task: Task, phases: Iterable[Phase], batch: TryOnBatch, *, steps: int = 15, rate: float = 3e-3
) -> list[dict[str, float]]:
    """Every term of the last of ``phases`` at each of ``steps`` updates on one batch, always with the same noise."""
    phases = tuple(phases)
    optimizers = [
        torch.optim.AdamW([p for n in phase.trains for p in task.get_submodule(n).parameters()], lr=rate)
        for phase in phases
    ]
    history = []
    for _ in range(steps):
        for phase, optimizer in zip(phases, optimizers, strict=True):
            torch.manual_seed(1)
            with only_trains(task, phase.trains):
                terms = phase.loss(batch)
                sum(terms.values()).backward()
            optimizer.step()
            optimizer.zero_grad()
        history.append({name: term.item() for name, term in terms.items()})
    return history


def final_tensors(run: Path) -> dict[str, Tensor]:
    """Everything in a run's final folder."""
    return {
        f"{file.parent.name}/{name}": tensor
        for file in sorted((run / "final").rglob("*.safetensors"))
        for name, tensor in load_file(file).items()
    }


def resuming_changes_nothing(name: str, folder: Path) -> bool:
    """Whether two steps and then two more give bit for bit what four steps give."""
    experiment.train(stage_config(name, steps=4), folder / "whole")
    for steps in (2, 4):
        experiment.train(stage_config(name, steps=steps), folder / "parts")
    whole, parts = final_tensors(folder / "whole"), final_tensors(folder / "parts")
    assert whole and whole.keys() == parts.keys()
    return all(torch.equal(tensor, parts[key]) for key, tensor in whole.items())


def new_pipeline() -> ALIASPipeline:
    """The three networks untrained, but away from where they start: flow, noise and modulation all show."""
    stages = {name: new_stage(name) for name in TASKS}
    networks = (stages["segmentation"].segmentation, stages["geometric_matching"].matcher, stages["alias"].generator)
    segmentation, matcher, generator = networks
    assert isinstance(segmentation, SegmentationGenerator) and isinstance(matcher, GeometricMatcher)
    assert isinstance(generator, ALIASGenerator)
    torch.nn.init.normal_(matcher.regression.linear.weight, std=0.02)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_scale"):
            torch.nn.init.normal_(parameter, std=0.3)
    for network in networks:
        network.eval()
    return ALIASPipeline(segmentation=segmentation, matcher=matcher, generator_network=generator)
