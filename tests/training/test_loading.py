"""Workers read ahead: the same batches in the same order, and the same errors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from vtonlib.config import DataConfig, override
from vtonlib.data.folders import Folder, FolderError, write_folder
from vtonlib.data.source import TrainingBatches
from vtonlib.data.world import World
from vtonlib.presets import open_source, preset
from vtonlib.shares import WHOLE, Share
from vtonlib.training.loading import shares
from vtonlib.training.trainer import Trainer

DATA = DataConfig(height=32, width=24)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "folder"
    write_folder(World(DATA), root, train=6, test=0)
    return root


def read(source: Any, workers: int, start: int = 0, share: Share = WHOLE) -> Iterator[Any]:
    return shares(TrainingBatches(source, 2, 1), share, CPU, start=start, workers=workers)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_workers_read_what_the_trainer_would(folder: Path) -> None:
    source = Folder(folder, DATA)
    list(islice(read(source, 0), 3))  # its threads run, and the workers have none of them
    share = Share(1, 2)
    for start in (0, 4):
        expected, found = (list(islice(read(source, workers, start, share), 4)) for workers in (0, 2))
        for one, other in zip(expected, found, strict=True):
            assert len(one) == 1
            assert all(
                torch.equal(t.nan_to_num(7), getattr(other, name).nan_to_num(7)) for name, t in one.tensors().items()
            )


def test_an_error_of_a_worker_is_the_error(folder: Path) -> None:
    source = Folder(folder, DATA)
    (victim,) = (folder / "train" / "image").glob("000003*")
    content = victim.read_bytes()
    victim.write_bytes(b"no picture")
    try:
        with pytest.raises(FolderError, match="000003"):
            list(islice(read(source, 1), 3))
    finally:
        victim.write_bytes(content)


def test_workers_do_not_use_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    chosen = [override(preset("matcher"), f"train.workers={count}") for count in (0, 2)]
    assert [open_source(c.data, workers=c.train.workers).device.type for c in chosen] == ["cuda", "cpu"]
    with pytest.raises(ValueError, match=r"train.workers=2: expected 0, since .* forked cannot use cuda"):
        next(read(World(DATA, device="cuda"), 2))


def test_batches_of_another_kind_have_no_workers(tiny: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"train.workers=2: expected 0, since these batches can only be read one by one"
    ):
        Trainer(tiny.TinyTask(), tiny.batches, tiny.train_config(workers=2), tmp_path).fit()


def test_training_with_workers_ends_with_the_same_weights(tiny: ModuleType, tmp_path: Path) -> None:
    ends = []
    for workers in (0, 1):
        torch.manual_seed(0)
        task = tiny.TinyTask()
        batches = TrainingBatches(World(DATA, train_size=32), 4, 0)
        Trainer(task, batches, tiny.train_config(workers=workers, steps=3), tmp_path / str(workers)).fit()
        ends.append(task.state_dict())
    assert all(torch.equal(tensor, ends[1][name]) for name, tensor in ends[0].items())
