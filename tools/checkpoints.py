"""Train the models that come with the library, in steps that go on where they were interrupted.

A GPU takes minutes, two processor cores some hours: `nohup python3 -m tools checkpoints > checkpoints.log &` leaves
them to the background. What is made, and how, stands in `RECIPES` below. A step that is done is not done again; a
training that was stopped goes on from its last checkpoint. In the end each model is evaluated and stored in
half precision in vtonlib/weights/, with the record of how it was made.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from tools import environment
from tools.shell import ROOT, shown, write
from tools.steps import Step

RUNS, WEIGHTS = "runs/checkpoints", "vtonlib/weights"
COUNT = 256
"""People of each split in the evaluation."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training: a preset, and what differs from it."""

    name: str
    """Of its run folder."""
    preset: str
    size: str = "tiny"
    settings: tuple[str, ...] = ()
    """Overrides, as `python -m vtonlib train --set` takes them."""

    @property
    def run(self) -> str:
        """Its run folder."""
        return f"{RUNS}/{self.name}"

    def step(self) -> Step:
        """The step that does it."""
        return Step(
            name=f"train-{self.name}",
            argv=("-m", "vtonlib", "train", self.preset, "--size", self.size, "--out", self.run)
            + (("--set", *self.settings) if self.settings else ()),
            outputs=(f"{self.run}/final/trained.json",),
        )


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A shipped model: its trainings, in order; the last is the model, or three stages that are joined."""

    name: str
    """What it is loaded by."""
    trainings: tuple[Training, ...]
    joined: bool = False
    """Whether the trainings are VITON-HD's stages (segmentation, matching, alias), which `assemble` joins."""
    tries_on: bool = True
    """Whether it puts garments on people, of which the evaluation shows some in each fabric."""
    bare: bool = False
    """Whether it is one network and no pipeline: there is nothing to evaluate, and its folder is stored alone."""

    @property
    def run(self) -> str:
        """The folder that is stored."""
        return f"{RUNS}/{self.name}" if self.joined else self.trainings[-1].run

    def steps(self) -> list[Step]:
        """Training, joining, evaluating, storing."""
        steps = [training.step() for training in self.trainings]
        if self.bare:
            return [*steps, self._store("--bare", leaves="config.json")]
        if self.joined:
            steps.append(self._join())
        pictures = ("grid.png", "fabrics.png") if self.tries_on else ("grid.png",)
        reports = tuple(f"{self.run}/{name}" for name in ("report.json", "report.md", *pictures))
        evaluate = ("-m", "vtonlib", "evaluate", self.run, "--count", str(COUNT))
        steps.append(Step(name=f"evaluate-{self.name}", argv=evaluate, inputs=(f"{self.run}/final",), outputs=reports))
        before = [training.run for training in self.trainings if training.run != self.run]
        words = ("--after", *before) if before else ()
        return [*steps, self._store(*words, reads=f"{self.run}/report.json", leaves="provenance.json")]

    def _store(self, *words: str, leaves: str, reads: str = "") -> Step:
        out = f"{WEIGHTS}/{self.name}"
        return Step(
            name=f"store-{self.name}",
            argv=("-m", "tools.store", self.run, out, *words),
            inputs=(f"{self.run}/final", *((reads,) if reads else ())),
            outputs=(f"{out}/{leaves}",),
        )

    def _join(self) -> Step:
        segmentation, matching, alias = (training.run for training in self.trainings)
        stages = ("--segmentation", segmentation, "--matching", matching, "--alias", alias)
        return Step(
            name=f"join-{self.name}",
            argv=("-m", "vtonlib", "assemble", *stages, "--out", self.run),
            inputs=tuple(f"{run}/final" for run in (segmentation, matching, alias)),
            outputs=(f"{self.run}/final/model_index.json",),
        )


AUTOENCODER = Training(name="autoencoder", preset="autoencoder", settings=("train.precision=bf16",))
TINY = Training(
    name="stableviton-tiny",
    preset="stableviton",
    settings=(
        *("task.block_out_channels=32,64,64", "task.attention_levels=False,True,True", "task.pure_noise=0.5"),
        *("task.denoising_steps=4", "task.cached_examples=8192"),
        *("train.steps=3000", "train.batch_size=32", "train.learning_rate=2e-3", "train.ema_decay=0.995"),
        "train.sample_every=500",
    ),
)
"""The book's: smaller and deeper than the preset, with self-attention, for more steps."""
SMALL = Training(
    name="stableviton-small",
    preset="stableviton",
    size="small",
    settings=(
        *("task.cached_examples=8192", "task.pure_noise=0.7", "train.precision=bf16"),
        *("train.steps=6000", "train.batch_size=16", "train.save_every=200", "train.sample_every=1000"),
    ),
)
"""Sized for two hours of one processor core: half the batch, latents that are computed once, and bf16, in which a
step takes two thirds of the time where the processor has instructions for it."""
STAGES = (
    Training(name="segmentation-tiny", preset="segmentation"),
    Training(name="matching-tiny", preset="geometric_matching"),
    Training(name="stage-alias-tiny", preset="alias"),
)
TRANSLATION = Training(
    name="translation-tiny",
    preset="translation",
    settings=("train.precision=bf16", "train.save_every=50", "train.sample_every=100"),
)


def leffa(preset: str) -> tuple[Training, ...]:
    """The stages of a tiny Leffa, `vtonlib.presets.progressive`: half the size, whole, with the loss. Never told."""
    name, common = preset.replace("_", "-"), ("train.precision=bf16", "train.sample_every=600")
    small = (*common, "data.height=32", "data.width=24", "train.steps=600")
    low = Training(name=f"{name}-low-tiny", preset=preset, settings=small)
    base = Training(name=f"{name}-base-tiny", preset=preset, settings=(*common, f"task.initial={low.run}"))
    last = ("train.steps=600", "train.learning_rate=5e-4", "task.following.leffa=0.03", f"task.initial={base.run}")
    return low, base, Training(name=f"{name}-tiny", preset=preset, settings=(*common, *last))


RECIPES: tuple[Recipe, ...] = (
    Recipe(name="alias-tiny", trainings=STAGES, joined=True),
    Recipe(name="autoencoder", trainings=(AUTOENCODER,), bare=True),
    Recipe(name="leffa-tiny", trainings=leffa("leffa")),
    Recipe(name="leffa-pose-tiny", trainings=leffa("leffa_pose")),
    Recipe(name="stableviton-tiny", trainings=(TINY,)),
    Recipe(name="stableviton-small", trainings=(SMALL,)),
    Recipe(name="translation-tiny", trainings=(TRANSLATION,), tries_on=False),
)
"""What is shipped, in order: a later one may read what an earlier one stored."""


def steps(recipes: tuple[Recipe, ...]) -> list[Step]:
    """The steps of the recipes, each once.

    Raises:
        ValueError: where two different steps have one name, or one reads what no earlier one leaves.
    """
    found: dict[str, Step] = {}
    for step in (step for recipe in recipes for step in recipe.steps()):
        if found.setdefault(step.name, step) != step:
            raise ValueError(f"checkpoints: two different steps are called {step.name}")
    left: set[str] = set()
    for step in found.values():
        for name in step.inputs:
            if not any(known.startswith(name) or name.startswith(known) for known in left):
                raise ValueError(f"checkpoints: {step.name} reads {name}, which no earlier step leaves")
        left |= set(step.outputs)
    return list(found.values())


def perform(step: Step, python: str, seconds: float) -> bool:
    """Do a step, for at most so many seconds; whether it is done. What was interrupted goes on the next time."""
    wanted = step.fingerprint()
    print("+ python", *map(shown, step.argv), flush=True)
    process = subprocess.Popen([python, *step.argv], cwd=ROOT)
    try:
        status = process.wait(None if seconds == float("inf") else seconds)
    except subprocess.TimeoutExpired:
        process.terminate()  # its last checkpoint is whole; a job in a shell's background would not heed SIGINT
        process.wait()
        return False
    except KeyboardInterrupt:
        process.wait()
        raise
    if status or step.missing():
        sys.exit(
            f"checkpoints: {step.name} failed with status {status}; missing: {', '.join(step.missing()) or 'none'}"
        )
    write(step.stamp, wanted)
    return True


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tools checkpoints",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", help="only these models")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long; the next call goes on")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="processor threads (default: all)")
    parser.add_argument("--list", action="store_true", help="only say what would be done")
    return parser.parse_args(argv)


def chosen(names: list[str]) -> tuple[Recipe, ...]:
    """The recipes called ``names``, or all."""
    known = [recipe.name for recipe in RECIPES]
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"checkpoints: no model is called {unknown[0]}; there are: {', '.join(known)}")
    return tuple(recipe for recipe in RECIPES if not names or recipe.name in names)


def main(argv: list[str]) -> None:
    """Do the steps that are not done."""
    options = arguments(argv)
    todo = steps(chosen(options.names))
    for step in todo:
        print(f"    {'done' if step.done() else 'to do'}: {step.name}: python {' '.join(step.argv)}")
    if options.list:
        return
    python, end = environment.python(), time.monotonic() + 60 * options.minutes
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    for step in todo:
        if step.done():  # asked again: an earlier step may have changed what this one reads
            continue
        start = time.monotonic()
        if start >= end or not perform(step, python, end - start):
            print(f"checkpoints: {step.name} is not done; the same command goes on with it")
            return
        print(f"checkpoints: {step.name} done in {time.monotonic() - start:.0f} s", flush=True)
