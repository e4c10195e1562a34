"""Files and folders that are whole or not there; one writer at a time; nothing left behind."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vtonlib import disk
from vtonlib.evaluation.report import Provenance, Report
from vtonlib.images import save_png

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs pipes and locks of POSIX")


@POSIX
@pytest.mark.parametrize("kind", ["a pipe", "a folder", "a device", "a device behind a link"])
def test_what_is_no_file_is_not_written_over(kind, tmp_path):
    path = tmp_path / "result.png"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    else:
        path = path if "link" in kind else tmp_path / "null"
        path.symlink_to("/dev/null")
    before = os.lstat(path)
    with pytest.raises(FileExistsError, match=f"{path.name}: found {kind.removesuffix(' behind a link')}, expected"):
        save_png(path, torch.zeros(3, 4, 4))
    assert os.lstat(path).st_ino == before.st_ino
    assert [p.name for p in tmp_path.iterdir()] == [path.name], "no temporary file is left"


def test_every_writer_refuses_what_is_no_file(tmp_path):
    (tmp_path / "report.md").mkdir()
    with pytest.raises(FileExistsError, match=r"report\.md: found a folder"):
        Report("title", (), Provenance.collect(command="c", checkpoint="", extractor="")).save(tmp_path)


def test_a_failing_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    disk.replace_text(path, "old")
    with pytest.raises(RuntimeError), disk.whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_failing_folder_vanishes(tmp_path):
    with pytest.raises(RuntimeError), disk.atomic_folder(tmp_path / "final") as temporary:
        (temporary / "half").write_text("x")
        raise RuntimeError
    assert not list(tmp_path.iterdir())


HOLD = """
import sys, time
from pathlib import Path
from vtonlib.disk import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@POSIX
def test_a_held_folder_is_refused_to_others_until_its_holder_is_killed(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError, match="another process is writing there"), disk.hold(tmp_path):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    with disk.hold(tmp_path), pytest.raises(BlockingIOError), disk.hold(tmp_path):
        pass
    with disk.hold(tmp_path):
        assert not list(tmp_path.iterdir()), "a lock leaves no file"


def test_a_sole_writer_clears_what_killed_ones_left(tmp_path):
    for name in (".final.tmp", "checkpoints/.step-000002.old", "checkpoints/.step-000003.tmp"):
        (tmp_path / name / "inner").mkdir(parents=True)
    (tmp_path / ".config.json.tmp").write_text("{")
    (tmp_path / "checkpoints" / "step-000001").mkdir()
    (tmp_path / ".hidden").write_text("the user's")
    with disk.sole_writer(tmp_path, "checkpoints", "samples"):
        found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert found == {".hidden", "checkpoints", "checkpoints/step-000001"}


def test_a_deletion_that_is_interrupted_leaves_nothing(tmp_path, monkeypatch):
    old = tmp_path / "checkpoints" / "step-000001"
    (old / "inner").mkdir(parents=True)
    remove = shutil.rmtree

    def interrupted(path, **keywords):
        monkeypatch.setattr(shutil, "rmtree", remove)
        if Path(path).exists():
            raise KeyboardInterrupt
        monkeypatch.setattr(shutil, "rmtree", interrupted)

    with pytest.raises(KeyboardInterrupt), disk.sole_writer(tmp_path, "checkpoints"):
        monkeypatch.setattr(shutil, "rmtree", interrupted)
        disk.remove_folder(old)
    assert not list((tmp_path / "checkpoints").iterdir())
