"""How the rows of benchmarks/one_table.py are trained: equal FLOP, equal people, what was trained is kept."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks import leffa, shaping
from benchmarks.intact_prior import TASK as TELLING
from benchmarks.intact_prior import experiment
from benchmarks.leffa import FOLLOWED, PAIR
from benchmarks.selection_pictures import COUNT
from benchmarks.shaping import BATCH_SEED, MORE, MORE_RATE, RATE, STEPS
from vtonlib.attention.query_selection import RULES
from vtonlib.config import DataConfig, TrainConfig
from vtonlib.cost import flop_counter
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.domains import UnpairedBatch
from vtonlib.data.source import Indices, Split, training_batches
from vtonlib.data.world import World
from vtonlib.evaluation.baselines import copy_flow, paste
from vtonlib.models.autoencoder import load_autoencoder
from vtonlib.models.feature_addition import FeatureAddition
from vtonlib.pipelines.alias import ALIASPipeline
from vtonlib.pipelines.load import Pipeline
from vtonlib.presets import new_task, preset
from vtonlib.tasks.base import Task
from vtonlib.tasks.latents import LatentSource
from vtonlib.tasks.leffa import ATTENTIONS
from vtonlib.tasks.supervision import Following
from vtonlib.tasks.translation import TranslationConfig
from vtonlib.training.trainer import Trainer, seed_everything

DATA = DataConfig(laid="anyhow")
LEARNED = shaping.TASK.cached_examples
"""People that everything learns from: the first of the training split."""
BUDGET = STEPS + MORE
"""Steps of ``attention`` whose FLOP everything may spend; four fifths are ``STEPS``."""
SHAPED = {name: name for name in ("variation", "entropy", "both", "leffa", "moved-variation")}
SHAPED = {"attention": "control"} | SHAPED | {"moved": "moved-control"}
"""Rows that those benchmarks train, and what they call them."""
STAGES = {"segmentation": 0.25, "geometric_matching": 0.25, "alias": 0.5}
FIRST, REST = 0, 1


class FirstPeople(World):
    """The world, of whose training split only the first people are known."""

    def size(self, split: Split) -> int:
        """As :meth:`World.size`."""
        return LEARNED if split == "train" else super().size(split)


class Added(FeatureAddition):
    """Feature addition in a zero cross-attention's place: the short way, too, carries what lies at the same place."""

    def carry(self, x: Tensor, garment: Tensor, latents: Tensor, keys: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As :meth:`vtonlib.models.stable_viton.ZeroCrossAttentionBlock.carry`."""
        return self(x, garment), latents


@dataclass(frozen=True)
class Row:
    """A diffusion model that is trained here: its first four fifths, and what the last fifth changes."""

    base: str
    """Name of the first part; rows of one name share it."""
    task: Any
    """Its settings."""
    last: dict[str, Any] = field(default_factory=dict)
    """Settings of the last fifth that differ."""
    added: bool = False
    """Whether feature addition stands in attention's place."""


NONE = shaping.TASK
PLAIN_PAIR = replace(PAIR, cached_examples=LEARNED)
ROWS: dict[str, Row] = {
    "addition": Row("addition", NONE, added=True),
    "blind": Row("blind", replace(NONE, keys_see="place")),
    "told": Row("told", TELLING),
    "pair": Row("pair", PLAIN_PAIR),
    "pair-leffa": Row("pair", PLAIN_PAIR, {"following": Following(layers=ATTENTIONS, leffa=FOLLOWED)}),
}
OTHERS = ("stages", "selection", "matcher")
MATCHER_SHARE = 1 / 16
"""Of the budget, some 400 steps: about those of its preset. All of it would be a quarter of an hour for each seed."""


def shaped_model(arm: str, seed: int, folder: Path) -> Path:
    """Where a model of benchmarks/shaping.py, or Leffa's of benchmarks/leffa.py, lies; trained if it is missing."""
    runs, followed = shaping.Runs("anyhow", folder), arm not in shaping.ARMS
    base = "none" if followed else shaping.ARMS[arm].base
    norms = next(iter(json.loads(shaping.RESULTS.read_text(encoding="utf8"))["calibration"].values()))["norms"]
    for name in (base, *(() if followed else (arm,))):
        if name and not runs.model(name, seed).exists():
            runs.train(name, seed, norms)
    if not runs.model(arm, seed).exists():
        stored = json.loads((leffa.RESULTS / "leffa_stableviton.json").read_text(encoding="utf8"))["runs"]
        leffa.Runs(leffa.KINDS["stableviton"], folder).train(arm, seed, stored[f"{arm}-0"]["weight"])
    return runs.model(arm, seed)


def build(task: Any, added: bool) -> Task:
    """A new task, feature addition put in where it is asked for."""
    built: Any = new_task(task, DATA)
    if added:
        unet = built.unet
        shapes = zip(unet.unet.decoder_channels, unet.garment_encoder.map_channels, strict=False)
        unet.warps = torch.nn.ModuleList(Added(*shape) for shape in shapes)
    return built


def flops_of_step(task: Task, batch: Any, train: TrainConfig) -> int:
    """FLOP of one step of the trainer: every phase, forward and backward.

    The stored rows were counted when the fused attention of a processor was not: in bf16 three thousandths less.
    """
    with tempfile.TemporaryDirectory() as folder, flop_counter() as counter:
        trainer = Trainer(task, lambda start: iter(()), train, folder)
        for optimizer in trainer.optimizers.values():
            optimizer.update(batch, 0)
    return counter.get_total_flops()


def fit(task: Task, batches: Callable[[int], Iterator], train: TrainConfig) -> dict[str, Tensor]:
    """Train, and leave the averaged weights in the task; all its weights."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(task, batches, replace(train, save_every=0, sample_every=0), Path(folder) / "run")
        trainer.fit()
        with trainer.averaged():
            state = {name: value.clone() for name, value in task.state_dict().items()}
    task.load_state_dict(state)
    return state


class Trainings:
    """All trainings: examples are encoded once, and every model and what it cost is kept."""

    def __init__(self, models: Path) -> None:
        self.models, self.costs = models, dict[str, Any]()
        self.world = FirstPeople(DATA)
        models.mkdir(parents=True, exist_ok=True)

    @cached_property
    def latents(self) -> LatentSource:
        """What diffusion models learn from."""
        return LatentSource(self.world, load_autoencoder(), LEARNED)

    @cached_property
    def budget(self) -> int:
        """FLOP of a row."""
        return BUDGET * self.step_of(NONE, experiment(NONE, 1, DATA).train, False)

    def step_of(self, config: Any, train: TrainConfig, added: bool) -> int:
        """FLOP of a step of a diffusion model."""
        seed_everything(0)
        task = build(config, added)
        return flops_of_step(task, self.latents.examples[: train.batch_size], train)

    def part(self, name: str, row: Row, seed: int, which: int) -> Task:
        """The first four fifths of a row, or all of it; read, where it was trained already."""
        config, train = row.task, experiment(row.task, 1, DATA).train
        share, rate, first = ((0.8, RATE, seed), (0.2, MORE_RATE, seed + BATCH_SEED))[which]
        config = replace(config, **row.last) if which == REST else config
        label = f"{name}-{seed}" if which == REST else f"base-{row.base}-{seed}"
        file = self.models / f"{label}.safetensors"
        before = self.part(name, row, seed, FIRST) if which == REST and not file.exists() else None
        seed_everything(first)
        task = build(config, row.added)
        if file.exists():
            task.load_state_dict(load_file(file))
            return task
        if before is not None:
            task.load_state_dict(before.state_dict())
        steps = round(share * self.budget / self.step_of(row.task, train, row.added))
        train = replace(train, steps=steps, learning_rate=rate, seed=first)
        source, start = self.latents, time.process_time()
        seed_everything(first)
        state = fit(task, lambda at: training_batches(source, batch_size=16, seed=first, start=at), train)
        self.keep(file, label, state, {"steps": steps, "seconds": time.process_time() - start})
        return task

    def keep(self, file: Path, label: str, state: dict[str, Tensor], cost: dict[str, float]) -> None:
        """Write weights and what they cost."""
        save_file({name: value.contiguous() for name, value in state.items()}, file)
        file.with_suffix(".json").write_text(json.dumps(cost), encoding="utf8")
        print("trained", label, cost, flush=True)

    def cost(self, *labels: str) -> dict[str, Any]:
        """Steps and seconds of what was trained under these names."""
        return {label: json.loads((self.models / f"{label}.json").read_text(encoding="utf8")) for label in labels}

    def diffusion(self, name: str, seed: int) -> tuple[Task, dict[str, Any]]:
        """A diffusion model, and its cost by part."""
        task = self.part(name, ROWS[name], seed, REST)
        return task, self.cost(f"base-{ROWS[name].base}-{seed}", f"{name}-{seed}")

    def stage(self, name: str, seed: int) -> tuple[Task, dict[str, Any]]:
        """One of VITON-HD's three networks, as its preset trains it."""
        config, label = preset(name), f"{name}-{seed}"
        precision = experiment(NONE, 1).train.precision if name == "segmentation" else "no"
        train = replace(config.train, seed=seed, precision=precision)
        seed_everything(seed)
        task = new_task(config.task, DATA)
        return self.other(label, task, self.world, train, STAGES[name])

    def other(self, label: str, task: Task, source: Any, train: TrainConfig, share: float) -> tuple[Task, dict]:
        """A task trained for a share of the budget, and its cost; read, where it was trained already."""
        file, size = self.models / f"{label}.safetensors", train.batch_size
        if not file.exists():
            started = {name: value.clone() for name, value in task.state_dict().items()}
            flops = flops_of_step(task, source.paired("train", torch.arange(size)), train)
            task.load_state_dict(started)
            train = replace(train, steps=round(share * self.budget / flops))
            start, seed = time.process_time(), train.seed
            seed_everything(seed)
            state = fit(task, lambda at: training_batches(source, batch_size=size, seed=seed, start=at), train)
            self.keep(file, label, state, {"steps": train.steps, "seconds": time.process_time() - start})
        task.load_state_dict(load_file(file))
        return task, self.cost(label)

    def stages(self, seed: int) -> tuple[Pipeline, dict[str, Any]]:
        """The three networks as a pipeline, and their costs."""
        found = {name: self.stage(name, seed) for name in STAGES}
        tasks: dict[str, Any] = {name: task.eval() for name, (task, _) in found.items()}
        pipeline = ALIASPipeline(
            segmentation=tasks["segmentation"].segmentation,
            matcher=tasks["geometric_matching"].matcher,
            generator_network=tasks["alias"].generator,
        )
        return pipeline, {label: cost for _, costs in found.values() for label, cost in costs.items()}

    def selection(self, seed: int) -> tuple[Any, dict[str, Any]]:
        """The translator of the copy's pictures, and its cost."""
        rule = replace(RULES["global"], count=COUNT)
        config = TranslationConfig(channels=16, blocks=5, selection=rule, identity=0.0, contrastive=1.0)
        train = replace(preset("translation").train, seed=seed, precision=experiment(NONE, 1).train.precision)
        seed_everything(seed)
        task: Any = new_task(config, DATA)
        _, cost = self.other(f"selection-{seed}", task, self.pasted, train, 1.0)
        return task.translator.eval(), cost

    def matcher(self, seed: int) -> tuple[Any, dict[str, Any]]:
        """The matcher of chapter 7, on garments laid anyhow, and its cost."""
        config = preset("matcher")
        train = replace(config.train, seed=seed, precision="no")
        seed_everything(seed)
        task, cost = self.other(f"matcher-{seed}", new_task(config.task, DATA), self.world, train, MATCHER_SHARE)
        return task.eval(), cost

    @cached_property
    def pasted(self) -> Pasted:
        """Both domains of the translation."""
        return Pasted(self.world)


class Pasted:
    """Two domains of pictures: the copy's, of the first half of the people, and photographs of the other half."""

    def __init__(self, world: World) -> None:
        half = LEARNED // 2
        copies, targets = [], []
        for i in torch.arange(half).split(64):
            copies.append(copied(world.unpaired("train", i)))
            targets.append(world.unpaired("train", i + half).person)
        self.copies, self.targets = torch.cat(copies), torch.cat(targets)

    def size(self, split: Split) -> int:
        """People of each domain."""
        return len(self.copies)

    def paired(self, split: Split, indices: Indices) -> UnpairedBatch:
        """Pictures of both; who is photographed has nothing to do with whose copy it is."""
        other = (indices * 5 + 3) % len(self.targets)
        empty = torch.zeros_like(self.copies[indices][:, :1])
        return UnpairedBatch(
            source=self.copies[indices],
            target=self.targets[other],
            source_region=empty,
            target_region=empty,
            index=indices,
            target_index=other,
        )


def copied(batch: TryOnBatch) -> Tensor:
    """The copy's picture: the flat garment laid over the person at its own place."""
    return paste(batch, copy_flow(batch), batch.agnostic_mask)
