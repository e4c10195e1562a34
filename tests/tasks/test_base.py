from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from vtonlib.data.batch import TryOnBatch
from vtonlib.tasks.base import Phase, Task


def loss(batch: TryOnBatch) -> dict[str, Tensor]:
    raise NotImplementedError


class Pair(Task):
    averaged = ("first",)

    def __init__(self, *phases: Phase) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 2), nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        self.second[1].weight = self.second[0].weight  # tied
        self.phases = phases


def test_trained_names_each_submodule_once() -> None:
    task = Pair(Phase("a", ("second", "first"), loss), Phase("b", ("first",), loss, interval=2))
    task.check()
    assert task.trained() == ("second", "first")


def test_nested_submodules_may_be_trained() -> None:
    Pair(Phase("a", ("second.0",), loss)).check()


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ((), r"Pair.phases are named \[\]: expected at least one"),
        ((Phase("a", ("first",), loss), Phase("a", ("second",), loss)), r"named \['a', 'a'\]: .* different names"),
        ((Phase("a", ("first",), loss, interval=0),), "phase 'a' has interval 0, expected at least 1"),
        ((Phase("a", ("third",), loss),), "Pair has no submodule 'third'; its children: first, second"),
    ],
)
def test_phases_that_cannot_be_trained(phases: tuple[Phase, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pair(*phases).check()


def test_averaged_children_must_exist() -> None:
    task = Pair(Phase("a", ("first",), loss))
    task.averaged = ("frist",)
    with pytest.raises(ValueError, match="no submodule 'frist'"):
        task.check()


def test_saves_what_was_trained(tmp_path: Path) -> None:
    task = Pair(Phase("a", ("second",), loss))
    task.save(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["second.safetensors"]
    saved = load_file(tmp_path / "second.safetensors")
    assert all(torch.equal(saved[name], t) for name, t in task.second.state_dict().items())


def test_a_task_draws_nothing_unless_it_says_so() -> None:
    assert Task().sample(None) == ()
