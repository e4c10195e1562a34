"""Training killed with SIGKILL, at random moments and at any operation on a file, ends with the very same weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.shell import ROOT
from vtonlib.training.checkpoint import checkpoint_folders, read_checkpoint
from vtonlib.training.log import read_log

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
TIMES = {"elapsed", "images_per_second"}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[int]]]:
    """The folder with all runs, and how their processes ended."""
    root = tmp_path_factory.mktemp("killed")
    settings = {"ACCELERATE_USE_CPU": "1", "CUDA_VISIBLE_DEVICES": "", "TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1"}
    settings["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, str(Path(__file__).with_name("kill_server.py")), str(root)]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    return root, json.loads(done.stdout.splitlines()[-1])


def weights(run: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((run / "final").iterdir())}


def logged(run: Path) -> list[dict]:
    """The log without its times and starts."""
    lines = [line for line in read_log(run / "log.jsonl") if "event" not in line]
    return [{key: value for key, value in line.items() if key not in TIMES} for line in lines]


def same_state(run: Path, other: Path) -> bool:
    """Whether the last checkpoints hold the same bits: weights, averages, moments."""
    ours, theirs = (read_checkpoint(checkpoint_folders(folder / "checkpoints")[-1]).tensors for folder in (run, other))
    return {(f, k): t.numpy().tobytes() for f in ours for k, t in ours[f].items()} == {
        (f, k): t.numpy().tobytes() for f in theirs for k, t in theirs[f].items()
    }


def test_ten_kills_at_random_moments_change_nothing(killed: tuple[Path, dict[str, list[int]]]) -> None:
    root, outcomes = killed
    assert outcomes["plain"] == [0]
    assert outcomes["killed"] == [-9] * 10 + [0]
    assert weights(root / "killed") == weights(root / "plain")
    assert same_state(root / "killed", root / "plain")
    assert logged(root / "killed") == logged(root / "plain")
    assert [line["step"] for line in logged(root / "plain")] == list(range(1, 121))
    for picture in (root / "plain" / "samples").iterdir():
        assert (root / "killed" / "samples" / picture.name).read_bytes() == picture.read_bytes()


def test_a_kill_at_any_file_operation_changes_nothing(killed: tuple[Path, dict[str, list[int]]]) -> None:
    root, outcomes = killed
    names = [name for name in outcomes if name.startswith("gan-")]
    assert len(names) >= 8
    for name in names:
        assert outcomes[name] == [-9, 0], name
        assert weights(root / name) == weights(root / "gan"), name
        assert same_state(root / name, root / "gan"), name
        assert logged(root / name) == logged(root / "gan"), name
        assert [f.name for f in checkpoint_folders(root / name / "checkpoints")][-2:] == ["step-000004", "step-000006"]
