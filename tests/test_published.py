"""Leffa's published settings: what the paper says of each stage, and networks of the right size."""

from __future__ import annotations

import pytest
import torch
from leffa_goldens import released_keys

from vtonlib.config import from_json, to_json
from vtonlib.models.leffa import LeffaUNet
from vtonlib.official import load
from vtonlib.presets import ExperimentConfig
from vtonlib.published import FOLLOWING, LEFFA_POSE, LEFFA_TRY_ON, RELEASED
from vtonlib.tasks.leffa import LeffaConfig, LeffaTask

STAGES = [
    *(pytest.param(stage, id=f"try-on {number}") for number, stage in enumerate(LEFFA_TRY_ON)),
    *(pytest.param(stage, id=f"pose {number}") for number, stage in enumerate(LEFFA_POSE)),
]


def test_the_stages_are_the_papers() -> None:
    told = [
        (stage.data.height, stage.data.width, stage.train.steps, stage.train.batch_size, stage.task.following.leffa)
        for stage in (*LEFFA_TRY_ON, *LEFFA_POSE)
    ]
    assert told == [
        (512, 384, 10_000, 256, 0),
        (1024, 768, 36_000, 64, 0),
        (1024, 768, 10_000, 64, 1e-3),
        (256, 192, 80_000, 256, 0),
        (512, 384, 80_000, 256, 0),
        (512, 384, 24_000, 256, 1e-3),
    ]
    assert {stage.train.learning_rate for stage in (*LEFFA_TRY_ON, *LEFFA_POSE)} == {1e-5}
    assert (FOLLOWING.temperature, FOLLOWING.max_time, FOLLOWING.resolution) == (2.0, 499, 1 / 4)
    assert not {stage.task.order for stage in LEFFA_TRY_ON} ^ {"leffa"}
    assert {stage.data.reference for stage in LEFFA_POSE} == {"person"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_builds_and_its_loss_is_on_15_of_16_attentions(stage: ExperimentConfig) -> None:
    assert from_json(LeffaConfig, to_json(stage.task)) == stage.task
    assert isinstance(stage.task, LeffaConfig)
    with torch.device("meta"):
        unet = LeffaTask.new_unet(stage.task)
    rows, columns = stage.data.height // 8, stage.data.width // 8
    assert rows % unet.multiple == columns % unet.multiple == 0
    depths = [rows // 2**level for level in range(4) for _ in range(5 if level < 3 else 1)]  # the middle attends once
    assert sum(depth / rows >= FOLLOWING.resolution for depth in depths) == len(depths) - 1 == 15


def test_the_loss_adds_no_parameters() -> None:
    for stages in (LEFFA_TRY_ON, LEFFA_POSE):
        with torch.device("meta"):
            shapes = [{k: v.shape for k, v in LeffaTask.new_unet(stage.task).state_dict().items()} for stage in stages]
        assert shapes[0] == shapes[1] == shapes[2]


@pytest.mark.parametrize("release", RELEASED)
def test_the_released_shapes_are_those_of_the_released_tensors(release: str) -> None:
    with torch.device("meta"):
        loaded = load(release, {key: torch.empty(shape) for key, shape in released_keys(release).items()})
        named = LeffaUNet(**RELEASED[release])
    ours = {key: value.shape for key, value in named.state_dict().items()}
    assert {key: value.shape for key, value in loaded.state_dict().items()} == ours
    given, arguments = dict(loaded.config), dict(named.config)
    if release == "leffa_try_on":
        arguments["transformer_layers_per_block"] = (1, 1, 1, 1)
    assert {key for key in given if given[key] != arguments[key]} <= {"_use_default_values"}
