"""Settings out of range are refused however they arrive: from the command line, from a file, from Python."""

import json
from dataclasses import dataclass, fields

import numpy as np
import pytest

from vtonlib.cli import main
from vtonlib.config import DataConfig, TrainConfig, from_json, override, to_json
from vtonlib.presets import PRESETS, preset, read_config
from vtonlib.settings import Range, Settings, hints_of, split_annotation

REFUSED = [
    ("matcher", "train.steps=-5", "train.steps=-5: expected at least 1"),
    ("matcher", "train.steps=0", "expected at least 1"),
    ("matcher", "train.batch_size=-1", "train.batch_size=-1: expected at least 1"),
    ("matcher", "train.max_grad_norm=-1", "train.max_grad_norm=-1.0: expected at least 0"),
    ("matcher", "train.learning_rate=0", "expected above 0"),
    ("matcher", "train.learning_rate=nan", "expected a finite number"),
    ("matcher", "train.warmup_steps=-1", "expected at least 0"),
    ("matcher", "train.ema_decay=1.5", "expected 0 to 1"),
    ("matcher", "train.seed=-1", "expected 0 to 4294967295"),
    ("matcher", "data.height=0", "expected 8 to 8192"),
    ("matcher", "data.width=100000", "expected 8 to 8192"),
    ("matcher", "task.heads=0", "expected at least 1"),
    ("stableviton", "task.block_out_channels=16,-32", "expected at least 1"),
    ("stableviton", "task.block_out_channels=", "found nothing, expected at least one"),
    ("stableviton", "task.cached_examples=-1", "expected at least 0"),
    ("geometric_matching", "task.control=5", "task.control: found 1 value, expected 2 (int 2 to 16, int 2 to 16)"),
    ("geometric_matching", "task.control=5,1", "expected 2 to 16"),
    ("stableviton", "preset=alias", "preset=alias: not a setting to change. Name the preset after `train`"),
    ("stableviton", "size=base", "size=base: not a setting to change. Use --size"),
]


@pytest.mark.parametrize(("name", "assignment", "message"), REFUSED, ids=[f"{n} {a}" for n, a, _ in REFUSED])
def test_an_assignment_out_of_range_is_refused_before_anything_is_written(name, assignment, message, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", name, "--out", str(out), "--set", assignment]) == 2
    printed = capsys.readouterr().err
    assert message in printed and assignment.partition("=")[0] in printed and len(printed.splitlines()) == 1
    assert not out.exists()


def test_a_stored_setting_out_of_range_is_refused_by_name():
    with pytest.raises(ValueError, match=r"run/config\.json\.batch_size=-1: expected at least 1"):
        from_json(TrainConfig, '{"batch_size": -1}', where="run/config.json")


def test_a_record_out_of_range_cannot_be_made():
    with pytest.raises(ValueError, match=r"TrainConfig\.steps=0: expected at least 1"):
        TrainConfig(steps=0)
    with pytest.raises(ValueError, match=r"DataConfig\.height=7: expected 8 to 8192"):
        DataConfig(height=7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DataConfig(seed=1.5), r"DataConfig\.seed=1\.5: expected int 0 to 4294967295"),
        (lambda: TrainConfig(steps=1e3), r"TrainConfig\.steps=1000\.0: expected int at least 1"),
        (lambda: TrainConfig(batch_size=True), r"TrainConfig\.batch_size=True: expected int at least 1"),
        (lambda: TrainConfig(weight_decay="0"), r"TrainConfig\.weight_decay='0': expected float at least 0"),
    ],
)
def test_another_kind_of_number_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()
    assert TrainConfig(weight_decay=0, seed=np.int64(3)).seed == 3


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("size", ["tiny", "small", "base"])
def test_every_number_of_every_preset_has_a_range_that_it_lies_in(name, size):
    config = preset(name, size=size)
    for group in (config.task, config.data, config.train):
        assert isinstance(group, Settings)
        for field in fields(group):
            hint = hints_of(type(group))[field.name]
            kind, notes = split_annotation(hint)
            assert kind not in (int, float) or any(isinstance(note, Range) for note in notes), field.name
        assert from_json(type(group), to_json(group)) == group


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "words"),
    [
        (Range(1), [1, 1e9], [0, -1, float("nan")], "at least 1"),
        (Range(0, 1), [0, 0.5, 1], [-0.1, 1.1], "0 to 1"),
        (Range(0, above=True), [1e-9], [0, -1], "above 0"),
        (Range(0, 1, above=True), [1], [0, 2], "above 0, at most 1"),
    ],
)
def test_ranges(bounds, inside, outside, words):
    assert all(value in bounds for value in inside) and not any(value in bounds for value in outside)
    assert str(bounds) == words


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs(Settings):
    pair: tuple[int, int] = (1, 2)


def test_a_tuple_has_as_many_items_as_its_annotation():
    assert override(Pairs(), "pair=3,4") == Pairs(pair=(3, 4)) == from_json(Pairs, json.dumps({"pair": [3, 4]}))
    for change in (lambda: override(Pairs(), "pair=3"), lambda: from_json(Pairs, '{"pair": [1, 2, 3]}')):
        with pytest.raises(ValueError, match=r"pair: found \d values?, expected 2 \(int, int\)"):
            change()


SAMPLE = ["sample", "run", "--person", "a.png", "--garment", "b.png", "--out", "c.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*SAMPLE, "--steps", "-1"], "--steps: found -1, expected a whole number from 1 to 1000"),
        ([*SAMPLE, "--steps", "x"], "--steps: found 'x', expected a whole number"),
        ([*SAMPLE, "--height", "0", "--width", "0"], "--height: found 0, expected a whole number from 8 to 8192"),
        ([*SAMPLE, "--guidance-scale", "inf"], "--guidance-scale: found 'inf', expected a finite number"),
        ([*SAMPLE, "--seed", "-1"], "--seed: found -1, expected a whole number"),
        (["evaluate", "run", "--count", "0"], "--count: found 0, expected a whole number of at least 1"),
        (["data", "make", "x", "--train", "-1"], "--train: found -1, expected a whole number of at least 0"),
        (["data", "make", "x", "--height", "9000"], "--height: found 9000, expected a whole number from 8 to 8192"),
    ],
)
def test_arguments_out_of_range(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "[" * 100_000,
        '{"preset": "alias", "size": "tiny"}',
        '{"preset": [], "size": {}, "task": 1}',
        "\udcff",
    ],
)
def test_a_config_that_is_none_is_named(text, tmp_path):
    path = tmp_path / "config.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"config\.json: not the config of a run"):
        read_config(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(FileNotFoundError, match=r"config\.json: no such file"):
        read_config(path)
