"""Steps that are done once, and the GPU's list of them."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tools import __main__ as job
from tools import gpu, lock, machine, shell, steps
from tools.gpu import GpuStep
from tools.steps import Step
from vtonlib import cli
from vtonlib.config import override
from vtonlib.presets import preset

WRITE = "import pathlib, sys; pathlib.Path('out.txt').write_text(pathlib.Path('in.txt').read_text())"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (shell, steps, gpu):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "in.txt").write_text("one")
    return tmp_path


def copying(**changes: object) -> Step:
    return Step(**{"name": "copy", "argv": ("-c", WRITE), "inputs": ("in.txt",), "outputs": ("out.txt",)} | changes)


def test_a_step_is_done_once(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    steps.run(copying(), sys.executable)
    assert copying().done() and "copy: done" in capfd.readouterr().out
    (root / "out.txt").write_text("kept")
    steps.run(copying(), sys.executable)
    assert "copy: up to date, reused" in capfd.readouterr().out and (root / "out.txt").read_text() == "kept"


@pytest.mark.parametrize("change", ["input", "output", "command"])
def test_a_step_is_done_again_when_something_changed(root: Path, change: str) -> None:
    steps.run(copying(), sys.executable)
    if change == "input":
        (root / "in.txt").write_text("two")
    if change == "output":
        (root / "out.txt").unlink()
    assert not copying(argv=("-c", "pass") if change == "command" else ("-c", WRITE)).done()


def test_a_command_that_writes_nothing_is_an_error(root: Path) -> None:
    with pytest.raises(SystemExit, match=r"did not write out\.txt"):
        steps.run(copying(argv=("-c", "pass")), sys.executable)
    assert not copying().done()


def test_a_command_that_fails_is_an_error_and_leaves_no_stamp(root: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        steps.run(copying(argv=("-c", f"{WRITE}; sys.exit(3)")), sys.executable)
    assert stop.value.code == 3 and not copying().done()


@pytest.mark.parametrize("native", [True, False])
def test_the_main_job_trains_the_preset_in_bf16_where_that_is_native(
    monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    monkeypatch.setattr(job, "output", lambda *command: json.dumps(machine.describe() | {"bf16": native}))
    argv = job.training(sys.executable).argv
    assert argv[: len(job.TRAIN.argv)] == job.TRAIN.argv
    settings = argv[len(job.TRAIN.argv) + 1 :]
    assert settings == (("train.precision=bf16",) if native else ())


def on_gpu(**changes: object) -> GpuStep:
    given = {"name": "copy", "argv": ("-c", WRITE), "outputs": ("out.txt",), "minutes": 1.0}
    return GpuStep(**given | changes)


def test_a_gpu_step_leaves_a_record_and_counts_as_done(root: Path) -> None:
    gpu.perform(on_gpu(), sys.executable)
    record = json.loads((root / "results" / "gpu" / "copy.json").read_text())
    assert record["command"].startswith("python -c") and record["measured"]["outputs"] == ["out.txt"]
    assert on_gpu().done() and not on_gpu(argv=("-c", "pass")).done()
    gpu.copy_out(on_gpu(), root / "taken")
    assert (root / "taken" / "out.txt").read_text() == "one"
    assert (root / "taken" / "results" / "gpu" / "copy.json").exists()


def test_a_checkpoint_that_is_too_large_fails(root: Path) -> None:
    code = f"open('a.safetensors', 'wb').truncate({gpu.LARGEST_CHECKPOINT})"
    with pytest.raises(SystemExit, match=r"a\.safetensors: 16777216 bytes"):
        gpu.perform(on_gpu(argv=("-c", code), outputs=("a.safetensors",)), sys.executable)


def test_the_list_of_gpu_steps_can_be_resumed() -> None:
    gpu.check(gpu.STEPS)
    with pytest.raises(ValueError, match="two steps are called copy"):
        gpu.check((on_gpu(), on_gpu()))
    with pytest.raises(ValueError, match="split it"):
        gpu.check((on_gpu(minutes=10.0),))


def test_a_gpu_step_reads_only_what_an_earlier_one_leaves_or_what_is_in_the_repository() -> None:
    left: set[str] = set()
    for step in gpu.STEPS:
        for name in step.inputs:
            made = any(output == name or output.startswith(f"{name}/") for output in left)
            assert made or (shell.ROOT / name).exists(), f"{step.name} reads {name}"
        left |= {*step.outputs}


def test_gpu_steps_are_commands_that_exist() -> None:
    grammar, sizes = cli.parser(), set()
    for step in gpu.STEPS:
        if step.argv[:2] == ("-m", "vtonlib"):
            options = grammar.parse_args(step.argv[2:])
            if options.verb == "train":
                config = override(preset(options.preset, size=options.size), *options.set)
                sizes.add(config.size)
                assert not options.set or config.train.schedule == "constant", "parts change the number of steps"
                assert config.train.save_every, "it can be resumed"
        else:
            module = step.argv[1] if step.argv[0] == "-m" else ""
            assert find_spec(module) if module else (shell.ROOT / step.argv[0]).exists(), step.argv
    assert sizes == {"small"}


@pytest.mark.parametrize("step", [s for s in gpu.STEPS if s.name.startswith("benchmark")], ids=lambda s: s.name)
def test_gpu_benchmarks_have_these_settings(step: GpuStep) -> None:
    text = (shell.ROOT / step.argv[0]).read_text(encoding="utf8")
    assert [word for word in step.argv if word.startswith("--") and f'"{word}"' not in text] == []


def test_without_cuda_the_steps_are_listed(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "STEPS", (on_gpu(),))
    monkeypatch.setattr(gpu.shutil, "which", lambda _: None)
    gpu.main([])
    printed = capsys.readouterr().out
    assert "to do: copy (1 min): python -c" in printed and "no CUDA device" in printed
    assert not (root / "out.txt").exists()


def test_an_unknown_gpu_step_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "STEPS", (on_gpu(),))
    with pytest.raises(SystemExit, match="no step is called paste; there are: copy"):
        gpu.main(["paste"])


def test_lock_drops_what_comes_with_cuda_and_refuses_what_holds_on_one_machine() -> None:
    assert lock.clean("a==1\nnvidia-cublas==13\ntriton==3\nb==2\n").endswith("\na==1\nb==2\n")
    with pytest.raises(SystemExit, match=r"torch==2\.13\.0"):
        lock.clean("torch==2.13.0+cpu\n")
