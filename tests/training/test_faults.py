"""Kills, damaged runs and full disks, a few of each; ``python -m benchmarks.kills`` and its neighbours do them all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.damages import damages
from benchmarks.harms import HARMS
from benchmarks.kills import KINDS
from tools.shell import ROOT
from vtonlib.presets import PRESETS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs fork, signals and mounts")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the benchmarks found."""
    command = [sys.executable, str(Path(__file__).with_name("fault_server.py")), str(tmp_path_factory.mktemp("faults"))]
    settings = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_every_kill_ends_with_the_weights_of_a_run_that_was_not_killed(found: dict[str, Any]) -> None:
    for kind, rows in found["kills"].items():
        for row in rows:
            assert row["kills"] >= 1 and row["survived"] == row["kills"], (kind, rows)


def test_every_damage_is_one_clear_message(found: dict[str, Any]) -> None:
    assert len(found["damages"]) >= 8
    assert [row for row in found["damages"] if row["faults"]] == []


def test_a_full_disk_is_one_line_and_loses_nothing(found: dict[str, Any]) -> None:
    disk = found["disk"]
    for name in ("full", "read_only", "at_once"):
        assert disk[f"{name}_clear"] == disk[name], "0 where nothing may be mounted"


def test_every_preset_is_killed_and_every_harm_done() -> None:
    assert KINDS.keys() == PRESETS.keys()
    assert {damage.how for damage in damages()} == HARMS.keys() and len([*damages()]) >= 60
