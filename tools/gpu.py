# budget: the kinds of steps, and the list of them, stand side by side
"""The work that needs CUDA, trainings and benchmarks, as steps of under ten minutes that can be resumed one by one.

A step is done when its outputs stand and its record, results/gpu/NAME.json, names the same command and inputs; records
and outputs are committed, so a fresh machine goes on where the last one stopped. Without CUDA they are only listed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tools import environment
from tools.bench import record
from tools.shell import ROOT, call, output, write
from tools.steps import Step

LARGEST_CHECKPOINT = 16 * 2**20
LONGEST_STEP = 10.0


@dataclass(frozen=True, kw_only=True)
class GpuStep(Step):
    """A step on an accelerator: ``minutes`` on one H100, at most; killed after twice that."""

    minutes: float

    @property
    def record(self) -> Path:
        """Where command, machine and duration of the last complete run are kept."""
        return ROOT / "results" / "gpu" / f"{self.name}.json"

    def done(self) -> bool:
        """Whether the outputs stand, made by this command from these inputs."""
        if self.missing() or not self.record.exists():
            return False
        return json.loads(self.record.read_text(encoding="utf8"))["measured"]["fingerprint"] == self.fingerprint()


RUNS, STORED = "runs/gpu", "checkpoints"


def train(preset: str, *, minutes: float, steps: int = 0, part: int = 0) -> GpuStep:
    """The training of a small preset, or one part of it, which goes on from the checkpoints of the part before.

    A preset whose learning rate falls along a cosine has no parts, since its rate depends on all its steps.
    """
    run = f"{RUNS}/{preset}-small"
    return GpuStep(
        name=f"{preset}-small-{part}" if part else f"{preset}-small",
        argv=("-m", "vtonlib", "train", preset, "--size", "small", "--out", run)
        + (("--set", f"train.steps={steps}") if part else ()),
        outputs=(f"{run}/final/trained.json", f"{run}/config.json"),
        minutes=minutes,
    )


def evaluate(run: str, *, minutes: float) -> GpuStep:
    """The report of a run, as JSON and as Markdown, and its picture."""
    return GpuStep(
        name=f"{run}-evaluate",
        argv=("-m", "vtonlib", "evaluate", f"{RUNS}/{run}", "--count", "256"),
        inputs=(f"{RUNS}/{run}/final",),
        outputs=tuple(f"{RUNS}/{run}/{name}" for name in ("report.json", "report.md", "grid.png")),
        minutes=minutes,
    )


def store(run: str, *networks: str) -> GpuStep:
    """A run's pipeline in half precision, to be committed."""
    weights = (f"{STORED}/{run}/{network}/diffusion_pytorch_model.safetensors" for network in networks)
    return GpuStep(
        name=f"{run}-store",
        argv=("-m", "tools.store", f"{RUNS}/{run}", f"{STORED}/{run}"),
        inputs=(f"{RUNS}/{run}/final", f"{RUNS}/{run}/report.json"),
        outputs=(f"{STORED}/{run}/model_index.json", *weights),
        minutes=1,
    )


def assemble() -> GpuStep:
    """The three-stage pipeline of the three small stages."""
    stages = {"--segmentation": "segmentation", "--matching": "geometric_matching", "--alias": "alias"}
    runs = {option: f"{RUNS}/{preset}-small" for option, preset in stages.items()}
    out = f"{RUNS}/viton-hd-small"
    return GpuStep(
        name="viton-hd-small",
        argv=("-m", "vtonlib", "assemble", *(word for pair in runs.items() for word in pair), "--out", out),
        inputs=tuple(f"{run}/final" for run in runs.values()),
        outputs=(f"{out}/final/model_index.json", f"{out}/config.json"),
        minutes=1,
    )


def benchmark(name: str, *settings: str, minutes: float) -> GpuStep:
    """A benchmark on CUDA, its result beside those of the processor."""
    out = f"benchmarks/results/{name}_cuda.json"
    return GpuStep(
        name=f"benchmark-{name}",
        argv=(f"benchmarks/{name}.py", *settings, "--out", out),
        inputs=(f"benchmarks/{name}.py",),
        outputs=(out,),
        minutes=minutes,
    )


def together(kind: str, *options: str, minutes: float, settings: tuple[str, ...] = ()) -> GpuStep:
    """A short training of StableVITON by as many processes as there are cards (one card: one process), as a log."""
    run = f"{RUNS}/{kind}"
    return GpuStep(
        name=kind,
        argv=(
            *("-m", "accelerate.commands.launch", *options),
            *("-m", "vtonlib", "train", "stableviton", "--size", "small", "--out", run),
            *("--set", "train.schedule=constant", "train.steps=200", "train.workers=8", *settings),
        ),
        outputs=(f"{run}/log.jsonl", f"{run}/final/trained.json"),
        minutes=minutes,
    )


STEPS: tuple[GpuStep, ...] = (
    train("stableviton", minutes=9.5),
    evaluate("stableviton-small", minutes=5),
    store("stableviton-small", "unet"),
    train("segmentation", minutes=9),
    train("geometric_matching", minutes=9),
    train("alias", part=1, steps=6000, minutes=9.5),
    train("alias", part=2, steps=12_000, minutes=9.5),
    assemble(),
    evaluate("viton-hd-small", minutes=3),
    store("viton-hd-small", "segmentation", "matcher", "generator_network"),
    train("translation", minutes=9.5),
    evaluate("translation-small", minutes=1),
    benchmark("alias", "--device", "cuda", minutes=4),
    benchmark("attention", "--device", "cuda", minutes=2),
    benchmark("thin_plate", "--device", "cuda", minutes=2),
    benchmark("data_pipeline", "--device", "cuda", "--size", "base", "--batch", "32", "--steps", "30", minutes=6),
    together("processes-ddp", "--mixed_precision=no", "--dynamo_backend=no", minutes=4),
    together("compiled", "--mixed_precision=no", "--dynamo_backend=no", minutes=6, settings=("train.compile=true",)),
    together("processes-fsdp", "--use_fsdp", "--fsdp_version=2", "--mixed_precision=no", minutes=4),
)
"""All steps, in order: a step may read what an earlier one leaves."""


def check(steps: tuple[GpuStep, ...]) -> None:
    """Refuse a list of steps that could not be resumed."""
    names = [step.name for step in steps]
    for step in steps:
        if names.count(step.name) > 1:
            raise ValueError(f"gpu: two steps are called {step.name}")
        if not 0 < step.minutes < LONGEST_STEP:
            raise ValueError(
                f"gpu: {step.name} takes {step.minutes} minutes; split it into steps of under {LONGEST_STEP:g}"
            )


def too_large(step: GpuStep) -> list[str]:
    """The checkpoints of ``step`` that are too large to be committed."""
    files = (ROOT / name for name in step.outputs if name.endswith(".safetensors"))
    return [f"{file.name}: {file.stat().st_size} bytes" for file in files if file.stat().st_size >= LARGEST_CHECKPOINT]


def perform(step: GpuStep, python: str) -> None:
    """Run ``step`` and write its record."""
    start, fingerprint = time.monotonic(), step.fingerprint()
    print("+ python", *step.argv, flush=True)
    try:
        status = subprocess.run([python, *step.argv], cwd=ROOT, timeout=120 * step.minutes).returncode
    except subprocess.TimeoutExpired:
        sys.exit(f"gpu: {step.name} did not end within {2 * step.minutes:g} minutes; run it again to resume")
    if status or step.missing() or too_large(step):
        problems = [
            *(f"{name} is missing" for name in step.missing()),
            *(too_large(step) if not step.missing() else []),
        ]
        sys.exit(f"gpu: {step.name} failed with status {status}; {'; '.join(problems)}")
    machine = json.loads(output(python, "-m", "tools.machine") or "null")
    measured = {
        "seconds": round(time.monotonic() - start, 1),
        "fingerprint": fingerprint,
        "outputs": list(step.outputs),
    }
    write(step.record, record(f"python {' '.join(step.argv)}", measured, machine))


def copy_out(step: GpuStep, folder: Path) -> None:
    """Copy the record and the outputs of ``step`` to the same places below ``folder``."""
    for file in (step.record, *(ROOT / name for name in step.outputs)):
        target = folder / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.is_dir():
            shutil.copytree(file, target, dirs_exist_ok=True)
        else:
            shutil.copy2(file, target)


def accelerator(python: str) -> str:
    """The name of the CUDA device that ``python`` can use; an empty text without one."""
    return output(
        python, "-c", "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    )


def interpreter(wheels: Path | None) -> str:
    """The interpreter to run steps with: with ``wheels`` the running one, completed from that folder, offline."""
    if wheels is None:
        return environment.python()
    files = sorted(wheels.glob("*.whl"))
    if not files:
        sys.exit(f"gpu: --wheels {wheels}: no wheel in this folder")
    if not importlib.util.find_spec("torch"):
        sys.exit("gpu: --wheels completes an environment that has torch; this Python has none")
    call(sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", *files)
    return sys.executable


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python3 -m tools gpu", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these steps")
    parser.add_argument("--wheels", type=Path, help="install this folder's wheels into the running Python and use it")
    parser.add_argument(
        "--budget", type=float, default=float("inf"), help="start no step that would exceed these minutes"
    )
    parser.add_argument("--copy-to", type=Path, help="also copy records and outputs below this folder")
    parser.add_argument("--list", action="store_true", help="only say what would be done")
    return parser.parse_args(argv)


def chosen(names: list[str]) -> list[GpuStep]:
    """The steps called ``names``, or all."""
    unknown = [name for name in names if name not in {step.name for step in STEPS}]
    if unknown:
        sys.exit(f"gpu: no step is called {unknown[0]}; there are: {', '.join(step.name for step in STEPS) or 'none'}")
    return [step for step in STEPS if not names or step.name in names]


def main(argv: list[str]) -> None:
    """Do the steps that are not done."""
    options = arguments(argv)
    check(STEPS)
    steps = chosen(options.names)
    waiting = [step for step in steps if not step.done()]
    print(f"gpu: {len(steps) - len(waiting)} of {len(steps)} steps are done")
    for step in waiting:
        print(f"    to do: {step.name} ({step.minutes:g} min): python {' '.join(step.argv)}")
    if options.list or not waiting:
        return
    if not shutil.which("nvidia-smi") or not accelerator(python := interpreter(options.wheels)):
        print("gpu: there is no CUDA device here, so nothing was run")
        return
    end = time.monotonic() + 60 * options.budget
    for step in waiting:
        if time.monotonic() + 60 * step.minutes > end:
            print(f"gpu: {step.name} does not fit into the rest of the {options.budget:g} minutes; stopped")
            return
        perform(step, python)
        if options.copy_to:
            copy_out(step, options.copy_to)
        print(f"gpu: {step.name} done", flush=True)
