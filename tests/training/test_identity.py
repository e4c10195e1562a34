from __future__ import annotations

import random
from types import ModuleType

import numpy as np
import pytest
import torch

from vtonlib.training.identity import check_same_settings, check_same_tensors, identity, model_state, seed_everything


def draws(*key: int) -> tuple[float, float, float]:
    seed_everything(*key)
    return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002


def test_seeds_are_a_function_of_seed_process_and_step() -> None:
    keys = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (0, 1, 1), (2**40, 0, 0)]
    found = [draws(*key) for key in keys]
    assert found == [draws(*key) for key in keys]
    for generator in zip(*found, strict=True):
        assert len(set(generator)) == len(keys)


def test_model_state_leaves_out_what_no_phase_changes(tiny: ModuleType) -> None:
    task = tiny.TinyTask()
    task.register_buffer("seen", torch.zeros(()))
    names = set(model_state(task))
    assert "seen" in names and {name.split(".")[0] for name in names} == {"net", "seen"}


def test_identity_ignores_what_may_change(tiny: ModuleType) -> None:
    task, config = tiny.TinyTask(), tiny.train_config()
    base = identity(task, config, config)
    for same in (tiny.train_config(steps=99), tiny.train_config(save_every=1, log_every=7, sample_every=3)):
        assert identity(task, same, same) == base
    for other in (tiny.train_config(seed=3), tiny.train_config(batch_size=2), tiny.train_config(schedule="cosine")):
        assert identity(task, other, other) != base
    assert identity(tiny.TinyGAN(), config, config) != base


def test_settings_that_differ_are_named() -> None:
    check_same_settings({"a": {"b": 1}, "c": [1, 2]}, {"c": [1, 2], "a": {"b": 1}}, "x")
    with pytest.raises(ValueError, match=r"runs/1 belongs to another run: a.b is 2 there, 1 here; c is absent there"):
        check_same_settings({"a": {"b": 1}, "c": 0}, {"a": {"b": 2}}, "runs/1")


def test_tensors_that_differ_are_named() -> None:
    ours = {"a": torch.zeros(2, 3), "b": torch.zeros(2)}
    check_same_tensors(ours, {"b": torch.ones(2), "a": torch.ones(2, 3)}, "x")
    theirs = {"a": torch.zeros(3, 2), "c": torch.zeros(1), "b": torch.zeros(2, dtype=torch.float64)}
    message = (
        r"x does not fit the task: a: float32 \[3, 2\] there, float32 \[2, 3\] here; "
        r"b: float64 \[2\] there, float32 \[2\] here; c: float32 \[1\] there, absent here"
    )
    with pytest.raises(ValueError, match=message):
        check_same_tensors(ours, theirs, "x")
    with pytest.raises(ValueError, match="and 3 more"):
        check_same_tensors({}, {str(n): torch.zeros(1) for n in range(8)}, "x")


def test_a_list_that_shrank_makes_another_run(tiny: ModuleType) -> None:
    task = tiny.TinyTask()
    identities = []
    for count in (8, 7):
        task.train_examples = count
        identities.append(identity(task, tiny.train_config(), tiny.train_config()))
    with pytest.raises(ValueError, match="train_examples is 8 there, 7 here"):
        check_same_settings(identities[1], identities[0], "step-000002")
