from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vtonlib.disk import atomic_folder, replace_text
from vtonlib.training.checkpoint import (
    Checkpoint,
    DamagedCheckpointError,
    checkpoint_folders,
    latest_checkpoint,
    read_checkpoint,
    save_checkpoint,
)


def make(step: int) -> Checkpoint:
    tied = torch.arange(6.0).view(2, 3) + step
    tensors = {
        "model": {"a.weight": tied, "b.weight": tied, "transposed": tied.T, "count": torch.tensor(step)},
        "optimizer": {},
    }
    return Checkpoint(step=step, tensors=tensors, state={"elapsed": 1.5, "names": ["x", None]})


def test_round_trip(tmp_path: Path) -> None:
    written = make(7)
    folder = save_checkpoint(tmp_path, written)
    read = read_checkpoint(folder)
    assert folder.name == "step-000007" and (read.step, read.state) == (7, written.state)
    assert read.tensors.keys() == written.tensors.keys()
    for name, tensor in written.tensors["model"].items():
        assert torch.equal(read.tensors["model"][name], tensor) and read.tensors["model"][name].dtype == tensor.dtype


def test_the_newest_and_the_one_before_are_kept(tmp_path: Path) -> None:
    for step in (5, 10, 999_999, 1_000_000):
        save_checkpoint(tmp_path, make(step))
    assert [f.name for f in checkpoint_folders(tmp_path)] == ["step-999999", "step-1000000"]
    assert {path.name for path in tmp_path.iterdir()} == {"step-999999", "step-1000000"}
    latest = latest_checkpoint(tmp_path)
    assert latest is not None and latest.step == 1_000_000


def flip_a_byte(folder: Path) -> None:
    file = folder / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit": flip_a_byte,
    "a file cut short": lambda f: os.truncate(f / "model.safetensors", 50),
    "an empty file": lambda f: (f / "model.safetensors").write_bytes(b""),
    "a file missing": lambda f: (f / "optimizer.safetensors").unlink(),
    "no description": lambda f: (f / "state.json").unlink(),
    "an empty description": lambda f: (f / "state.json").write_text(""),
    "a description cut short": lambda f: os.truncate(f / "state.json", 40),
    "a description of something else": lambda f: (f / "state.json").write_text("[1]"),
    "a description without its parts": lambda f: (f / "state.json").write_text('{"step": 2}'),
    "a description that is not text": lambda f: (f / "state.json").write_bytes(b"\xff\xfe\x00"),
    "the description of another step": lambda f: (f / "state.json").write_text(
        (f / "state.json").read_text().replace('"step": 2', '"step": 3')
    ),
    "nothing at all": lambda f: [path.unlink() for path in f.iterdir()],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_told_of_and_set_aside(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    for step in (1, 2):
        folder = save_checkpoint(tmp_path, make(step))
    damage(folder)
    with pytest.raises(DamagedCheckpointError, match="step-000002"):
        read_checkpoint(folder)
    said: list[str] = []
    latest = latest_checkpoint(tmp_path, said.append)
    assert latest is not None and latest.step == 1
    assert len(said) == 1 and "step-000002" in said[0] and "damaged-step-000002" in said[0]
    assert {path.name for path in tmp_path.iterdir()} == {"step-000001", "damaged-step-000002"}


def test_no_checkpoint(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path / "absent") is None
    (tmp_path / "step-final").mkdir()
    (tmp_path / ".step-000009.tmp").mkdir()
    (tmp_path / "step-000009").write_text("a file")
    assert latest_checkpoint(tmp_path) is None


def test_nothing_is_there_until_all_is(tmp_path: Path) -> None:
    folder = tmp_path / "final"
    with atomic_folder(folder) as temporary:
        (temporary / "deep").mkdir()
        (temporary / "deep" / "x").write_text("1")
        assert not folder.exists()
    assert (folder / "deep" / "x").read_text() == "1"
    with pytest.raises(RuntimeError), atomic_folder(folder) as temporary:
        (temporary / "y").write_text("2")
        raise RuntimeError
    assert [path.name for path in folder.iterdir()] == ["deep"]
    with atomic_folder(folder) as temporary:
        (temporary / "z").write_text("3")
    assert [path.name for path in folder.iterdir()] == ["z"]
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_an_older_checkpoint_goes_only_after_the_new_one_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, make(step))

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("vtonlib.training.checkpoint.save_file", full)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(tmp_path, make(3))
    assert [f.name for f in checkpoint_folders(tmp_path)] == ["step-000001", "step-000002"]
    assert all(read_checkpoint(f) for f in checkpoint_folders(tmp_path))


def test_replace_text(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.json"
    for text in ("{}", json.dumps({"a": 1})):
        replace_text(path, text)
        assert path.read_text() == text
    assert [p.name for p in path.parent.iterdir()] == ["config.json"]


def test_what_was_edited_by_hand_is_damaged(tmp_path: Path) -> None:
    for name in ("elapsed", "names"):
        folder = save_checkpoint(tmp_path, make(2))
        description = json.loads((folder / "state.json").read_text())
        del description["state"][name]
        (folder / "state.json").write_text(json.dumps(description))
        with pytest.raises(DamagedCheckpointError, match=r"state\.json is damaged: its checksum differs"):
            read_checkpoint(folder)


def test_when_no_checkpoint_is_whole_it_is_said_that_training_starts_anew(tmp_path: Path) -> None:
    for step in (1, 2):
        flip_a_byte(save_checkpoint(tmp_path, make(step)))
    said: list[str] = []
    assert latest_checkpoint(tmp_path, said.append) is None
    assert len(said) == 3 and "training starts at step 0" in said[-1]
    assert not any("before" in line for line in said)
