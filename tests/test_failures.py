"""Whatever can be expected to go wrong is told in one line; a bug of ours keeps its traceback."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from vtonlib import cli, experiment, failures
from vtonlib.cli import main

RUN = ["train", "matcher", "--set", "data.height=16", "data.width=16", "train.batch_size=2", "train.sample_every=0"]
TINY = [*RUN, "task.channels=8", "task.head_dim=8", "task.layers=0", "train.steps=2"]


def one_line(capsys) -> str:
    printed = capsys.readouterr().err
    assert len(printed.strip().splitlines()) == 1, printed
    return printed


def failing(monkeypatch, error):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(experiment, "train", fail)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "out/x"), "out/x: No space left on device. The disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "out"), "out: Permission denied. You have no permission"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "a"), "a: Is a directory. It is a folder: name a file"),
        (OSError("words of its own"), "error: words of its own"),
        (FloatingPointError("step 3:\nterm is nan"), "error: step 3: term is nan"),
        (MemoryError(), "the memory is used up"),
        (torch.OutOfMemoryError("CUDA out of memory"), "the memory is used up (CUDA out of memory)"),
    ],
)
def test_expected_failures_are_one_line(error, message, monkeypatch, capsys, tmp_path):
    failing(monkeypatch, error)
    assert main([*TINY[:2], "--out", str(tmp_path)]) == 2
    assert message in one_line(capsys)


def test_a_traceback_can_be_asked_for(monkeypatch):
    failing(monkeypatch, ValueError("no"))
    monkeypatch.setenv(failures.TRACEBACK, "1")
    with pytest.raises(ValueError, match="no"):
        main(["train", "matcher"])


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), AssertionError("x"), RuntimeError("x")])
def test_a_bug_keeps_its_traceback(error, monkeypatch):
    failing(monkeypatch, error)
    with pytest.raises(type(error)):
        main(["train", "matcher"])


def test_an_interruption_says_how_to_go_on(monkeypatch, capsys, tmp_path):
    failing(monkeypatch, KeyboardInterrupt())
    assert main(["train", "matcher", "--out", str(tmp_path)]) == 130
    assert "interrupted" in (said := one_line(capsys)) and "starts anew" in said
    (tmp_path / "checkpoints" / "step-000020").mkdir(parents=True)
    assert main(["train", "matcher", "--out", str(tmp_path)]) == 130
    assert f"the same command goes on from {tmp_path}/checkpoints/step-000020" in one_line(capsys)


def test_divergence_is_one_line(capsys, tmp_path):
    diverging = [*TINY, "train.learning_rate=1e30", "train.warmup_steps=0", "train.steps=9", "--out", str(tmp_path)]
    assert main(diverging) == 2
    assert "a lower learning_rate" in one_line(capsys)


def test_a_run_folder_that_is_a_file(capsys, tmp_path):
    (tmp_path / "run").write_text("x")
    assert main([*TINY, "--out", str(tmp_path / "run")]) == 2
    assert str(tmp_path / "run") in one_line(capsys)


def test_a_pipe_that_nobody_reads_is_no_failure():
    command = f"{sys.executable} -m vtonlib list | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": "."})
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_real_interruption_leaves_a_run_that_goes_on(tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "vtonlib", *TINY, "train.steps=100000", "train.save_every=5", "--out", str(out)]
    environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[1]), "TQDM_DISABLE": "1"}
    training = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background would ignore it
    )
    try:
        while not list(out.glob("checkpoints/step-*")) and training.poll() is None:
            time.sleep(0.05)
        second = subprocess.run(command, capture_output=True, text=True, env=environment)
        training.send_signal(signal.SIGINT)
        said = training.communicate(timeout=120)[1]
    finally:
        training.kill()
    assert second.returncode == 2 and "another process is writing there" in second.stderr
    assert training.returncode == 130, said
    assert "Traceback" not in said and "goes on from" in said
    assert not list(out.rglob(".*"))
