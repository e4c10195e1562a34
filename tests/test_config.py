import dataclasses
import json
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtonlib.config import DataConfig, TrainConfig, from_json, override, to_json


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """Every kind of field that a config may have."""

    steps: int = 10
    rate: float = 1e-3
    name: str = "a"
    fast: bool = False
    mode: Literal["auto", "no"] = "auto"
    layers: Literal[1, 2] = 1
    channels: tuple[int, ...] = (8, 16)
    levels: tuple[bool, ...] = (True, False)
    limit: int | None = None
    ratio: float | None = None
    train: TrainConfig = field(default_factory=TrainConfig)


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    data: DataConfig = field(default_factory=DataConfig)
    sample: Sample = field(default_factory=Sample)


@pytest.mark.parametrize(
    "assignment, value",
    [
        ("sample.steps=60", 60),
        ("sample.steps= 60 ", 60),
        ("sample.steps=-1", -1),
        ("sample.rate=2e-4", 2e-4),
        ("sample.rate=1", 1.0),
        ("sample.name=runs/a=b", "runs/a=b"),
        ("sample.name=", ""),
        ("sample.fast=true", True),
        ("sample.fast=False", False),
        ("sample.mode=no", "no"),
        ("sample.channels=4,8,12", (4, 8, 12)),
        ("sample.channels=4", (4,)),
        ("sample.levels=false,true", (False, True)),
        ("sample.limit=5", 5),
        ("sample.limit=none", None),
        ("sample.ratio=0.5", 0.5),
        ("sample.train.batch_size=4", 4),
        ("data.height=128", 128),
    ],
)
def test_override(assignment, value):
    changed = override(Experiment(), assignment)
    for name in assignment.partition("=")[0].split("."):
        changed = getattr(changed, name)
    assert changed == value and type(changed) is type(value)


def test_override_changes_that_field_only_and_a_copy_only():
    config = Experiment()
    changed = override(config, "sample.train.steps=7")
    assert config == Experiment()
    assert dataclasses.replace(
        changed,
        sample=dataclasses.replace(changed.sample, train=dataclasses.replace(changed.sample.train, steps=1000)),
    ) == dataclasses.replace(config, sample=override(config.sample, "train.steps=1000"))


def test_the_last_assignment_wins_and_none_changes_nothing():
    assert override(Experiment(), "data.seed=1", "data.width=96", "data.seed=2").data.seed == 2
    assert override(Experiment()) == Experiment()


@pytest.mark.parametrize(
    "assignment, message",
    [
        ("sample.step=60", r"sample\.step: unknown key 'step'; Sample has steps, rate, name, fast"),
        ("smaple.steps=60", "unknown key 'smaple'; Experiment has data, sample"),
        ("sample.train.stps=1", "unknown key 'stps'; TrainConfig has steps, batch_size"),
        ("sample.steps.x=60", "'steps' is a value, it has no key 'x'"),
        ("sample.train=60", "'train' is a group; its keys: steps, batch_size"),
        ("sample.steps", "expected key=value"),
        ("sample.steps=6.5", r"sample\.steps=6\.5: expected int"),
        ("sample.steps=", "expected int"),
        ("sample.steps=many", r"sample\.steps=many: expected int"),
        ("sample.rate=fast", r"sample\.rate=fast: expected float"),
        ("sample.fast=1", r"sample\.fast=1: expected true or false"),
        ("sample.mode=maybe", r"sample\.mode=maybe: expected one of auto, no"),
        ("sample.channels=4,x", r"sample\.channels=x: expected int"),
        ("sample.limit=few", "expected int"),
        ("sample.=1", "unknown key ''"),
        ("=1", "unknown key ''"),
    ],
)
def test_wrong_overrides(assignment, message):
    with pytest.raises(ValueError, match=message):
        override(Experiment(), assignment)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_settings_are_numbers(text):
    with pytest.raises(ValueError, match="rate"):
        override(Sample(), f"rate={text}")


def test_json_round_trip():
    config = override(
        Experiment(), "sample.channels=1,2,3", "sample.levels=true", "sample.limit=3", "data.root=ä b", "sample.rate=1"
    )
    assert from_json(Experiment, to_json(config)) == config
    assert hash(from_json(Experiment, to_json(config))) == hash(config), "lists became tuples, all the way down"


@settings(deadline=None)
@given(
    st.builds(
        TrainConfig,
        steps=st.integers(1),
        learning_rate=st.floats(0, 1, exclude_min=True),
        precision=st.sampled_from(["auto", "no", "fp16", "bf16"]),
    )
)
def test_json_round_trip_of_any_values(config):
    assert from_json(TrainConfig, to_json(config)) == config


def test_json_is_readable_and_ends_with_a_newline():
    text = to_json(DataConfig(height=128, width=96))
    assert text.endswith("}\n") and '\n  "height": 128,' in text
    assert json.loads(text)["width"] == 96


def test_missing_keys_take_their_defaults():
    assert from_json(Experiment, '{"data": {"seed": 3}}') == override(Experiment(), "data.seed=3")


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", r"run/config\.json: not JSON"),
        ("[]", r"run/config\.json: expected a JSON object for Experiment, found list"),
        ('{"dta": {}}', r"run/config\.json: unknown key 'dta'; Experiment has data, sample"),
        ('{"data": 3}', r"run/config\.json\.data: expected a JSON object for DataConfig, found int"),
        ('{"data": {"height": "64"}}', r"run/config\.json\.data\.height='64': expected int"),
        ('{"data": {"height": 64.5}}', r"height=64\.5: expected int"),
        ('{"data": {"height": true}}', "height=True: expected int"),
        ('{"sample": {"rate": "1"}}', "rate='1': expected float"),
        ('{"sample": {"fast": 1}}', "fast=1: expected bool"),
        ('{"sample": {"name": null}}', "name=None: expected str"),
        ('{"sample": {"mode": "maybe"}}', "mode='maybe': expected one of auto, no"),
        ('{"sample": {"mode": 3}}', "mode=3: expected one of auto, no"),
        ('{"sample": {"channels": 3}}', "channels=3: expected"),
        ('{"sample": {"channels": ["8", 16]}}', "channels.*'8'.*: expected int"),
        ('{"sample": {"limit": "5"}}', "limit='5': expected"),
        ('{"sample": {"rate": NaN}}', "rate"),
    ],
)
def test_wrong_json_names_the_file_and_the_key(text, message):
    with pytest.raises(ValueError, match=message):
        from_json(Experiment, text, where="run/config.json")


def test_null_where_it_is_allowed_and_whole_numbers_as_floats():
    config = from_json(Sample, '{"limit": null, "ratio": 2, "rate": 1}')
    assert config.limit is None and config.ratio == 2.0
    assert type(config.rate) is float and type(config.ratio) is float


@pytest.mark.parametrize("kind", [DataConfig, TrainConfig])
def test_configs_are_frozen_and_keyword_only(kind):
    with pytest.raises(dataclasses.FrozenInstanceError):
        kind().seed = 1
    with pytest.raises(TypeError):
        kind(3)


def test_numbers_among_named_values_stay_numbers():
    changed = override(Sample(), "layers=2")
    assert changed.layers == 2 and from_json(Sample, to_json(changed)) == changed
    with pytest.raises(ValueError, match="layers=3: expected one of 1, 2"):
        override(Sample(), "layers=3")
