"""The weights that come with the library: small, safe to read, able to dress somebody, and known where from."""

from __future__ import annotations

import json
from functools import partial

import pytest
import torch
from safetensors.torch import load_file

from tools.gpu import LARGEST_CHECKPOINT
from vtonlib import checkpoints
from vtonlib.cli import main
from vtonlib.data.domains import Domains
from vtonlib.evaluation.baselines import copy_flow
from vtonlib.evaluation.correspondence import end_point_error
from vtonlib.evaluation.image import ssim
from vtonlib.evaluation.translation import UNCHANGED, TranslationEvaluation
from vtonlib.experiment import try_on
from vtonlib.grids import resize_flow
from vtonlib.models.classifier import load_classifier
from vtonlib.pipelines.translation import TranslationPipeline
from vtonlib.presets import read_config
from vtonlib.tasks.translation import TranslationTask
from vtonlib.training.identity import seed_everything

MOST_TOGETHER = 48 * 2**20
every_name = pytest.mark.parametrize("name", checkpoints.NAMES)
all_names = pytest.mark.parametrize("name", checkpoints.ALL)


@every_name
def test_five_lines_dress_people_nobody_trained_on(name: str) -> None:
    """The garment is painted: nearer to the truth inside the mask than the garment of the next person would be."""
    pipeline, world = checkpoints.load(name), checkpoints.source(name)
    people = world.unpaired("test", torch.arange(8))
    worn = try_on(pipeline, people).image
    likeness = ssim(worn, people.person, people.agnostic_mask)
    others = ssim(worn, people.person.roll(1, 0), people.agnostic_mask)
    assert likeness.mean() > 0.5 and likeness.mean() > others.mean() + 0.2
    keep = 1 - people.agnostic_mask
    torch.testing.assert_close(worn * keep, people.agnostic * keep)
    colour = (worn * people.garment_region).sum((2, 3)) / people.garment_region.sum((2, 3))
    true = (people.person * people.garment_region).sum((2, 3)) / people.garment_region.sum((2, 3))
    assert (colour - true).abs().mean() < 0.25 < (colour - true.roll(1, 0)).abs().mean()


def test_the_seed_decides() -> None:
    pipeline, people = checkpoints.load(), checkpoints.source().paired("test", torch.arange(1))
    first, again, other = (try_on(pipeline, people, seed=s).image for s in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


@all_names
def test_what_is_shipped_is_small_and_no_pickle(name: str) -> None:
    folder = checkpoints.folder(name)
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} <= {".json", ".safetensors", ".md", ".png"}
    assert sum(file.stat().st_size for file in files) <= LARGEST_CHECKPOINT
    stored = [load_file(file) for file in files if file.suffix == ".safetensors"]
    assert stored and all(x.dtype in (torch.float16, torch.int64) for tensors in stored for x in tensors.values())
    networks = [part for part in checkpoints.load(name).components.values() if isinstance(part, torch.nn.Module)]
    assert all(p.dtype == torch.float32 for network in networks for p in network.parameters())
    assert not [f for f in files if f.suffix in (".json", ".md") and "/tmp" in f.read_text(encoding="utf8")]
    assert json.loads((folder / "model_index.json").read_text(encoding="utf8"))["_class_name"]


def test_all_weights_together_are_small() -> None:
    files = [file for file in checkpoints.WEIGHTS.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= MOST_TOGETHER


@pytest.mark.parametrize("name", checkpoints.POSES)
def test_a_pose_transfer_paints_the_person_in_the_pose(name: str) -> None:
    """On people nobody trained on, in others' garments: nearer to the truth than the reference as it is, and than the
    next person's picture; and attention knows better than a copy where each point was."""
    pipeline, poses = checkpoints.load(name), checkpoints.source(name)
    people = poses.unpaired("test", torch.arange(16))
    made = try_on(pipeline, people)
    likeness, copied, others = (
        ssim(image, people.person, people.garment_region).mean()
        for image in (made.image, people.garment, made.image.roll(1, 0))
    )
    assert likeness > copied + 0.1 and likeness > others + 0.1
    _, flow = made.correspondence()
    truth = people.flow, people.flow_mask
    found, copy = (
        end_point_error(resize_flow(f, *people.size), *truth, lattice=people.size).nanmean()
        for f in (flow, copy_flow(people))
    )
    assert found < 0.8 * copy


@pytest.mark.parametrize("name", checkpoints.TRANSLATIONS)
def test_a_translation_beats_its_source_and_its_start(name: str) -> None:
    """On people nobody trained on: tops become striped, as strongly as the target's, and the rest stays."""
    made = checkpoints.provenance(name)
    config = read_config(checkpoints.folder(name) / "config.json")
    seed_everything(config.train.seed)
    start = TranslationPipeline(TranslationTask(config.task).translator.eval())
    domains, classifier = Domains(checkpoints.source(name), config.task.pattern), load_classifier()
    patterned = partial(classifier.shows, texture=config.task.pattern)
    scores = TranslationEvaluation("test", extractor=classifier, patterned=patterned)
    batch = domains.paired("test", range(64))
    scores.add(batch, {"made": checkpoints.load(name)(batch.source).images}, {"start": start(batch.source).images})
    table = scores.table()

    def mean(row: str, metric: str) -> float:
        return table.cell(row, metric).mean

    for other in (UNCHANGED, "start"):
        assert mean("made", "patterned") > mean(other, "patterned") + 0.5
        assert mean("made", "FID") < 0.7 * mean(other, "FID") and mean("made", "KID") < 0.7 * mean(other, "KID")
    assert 0.6 < mean("made", "texture") < 1.4
    assert mean("made", "outside L1") < 0.08 and mean("made", "outside SSIM") > 0.9
    assert made.scores["test"]["patterned"] == pytest.approx(mean("made", "patterned"), abs=0.15)


@all_names
def test_it_is_known_how_each_was_made(name: str) -> None:
    made = checkpoints.provenance(name)
    assert made.trainings and made.machine and made.examples >= 32
    config = json.loads((checkpoints.folder(name) / "config.json").read_text(encoding="utf8"))
    assert config in [training.config for training in made.trainings]
    for training in made.trainings:
        settings = training.config["train"]
        assert (training.steps, training.batch_size, training.seed) == tuple(
            settings[key] for key in ("steps", "batch_size", "seed")
        )
        assert f"{training.preset} {training.size} ({training.steps:,} steps" in made.sentence()
    for laid in ("straight", "anyhow") if name in checkpoints.NAMES else ():
        for split in ("paired", "unpaired", "cross"):
            assert 0 < made.scores[f"{split}, laid {laid}"]["masked SSIM"] < 1
    for split in ("paired", "unpaired", "cross") if name in checkpoints.POSES else ():
        assert 0 < made.scores[split]["masked SSIM"] < 1


def test_provenance_survives_its_file_and_damage_is_named() -> None:
    made = checkpoints.provenance()
    assert checkpoints.Provenance.from_json(made.to_json()) == made
    for text in ("", "[]", "{}", '{"trainings": [], "machine": "x"}', '{"trainings": [{"steps": 1}]}'):
        with pytest.raises(ValueError, match=r"here: not a model's provenance record"):
            checkpoints.Provenance.from_json(text, where="here")


def test_hours_are_said_only_where_all_are_known() -> None:
    one = checkpoints.Training(preset="a", size="tiny", steps=1200, batch_size=8, seed=3, hours=0.25, config={})
    other = checkpoints.Training(preset="b", size="tiny", steps=10, batch_size=8, seed=3, hours=None, config={})
    known = checkpoints.Provenance(trainings=(one, one), machine="2 cores", examples=64, scores={})
    assert known.sentence() == (
        "a tiny (1,200 steps of 8, 15 minutes), then a tiny (1,200 steps of 8, 15 minutes): 30 minutes in all, on 2 "
        "cores, seed 3."
    )
    unknown = checkpoints.Provenance(trainings=(one, other), machine="2 cores", examples=64, scores={})
    assert unknown.hours is None and "in all" not in unknown.sentence()


def test_it_is_said_when_attention_was_told_the_truth() -> None:
    def words(**supervision: float) -> str:
        config = {"task": {"supervision": supervision}}
        return checkpoints.Training(
            preset="a", size="tiny", steps=10, batch_size=8, seed=3, hours=None, config=config
        ).words()

    assert words(coordinates=1.0, rows=0.0) == "a tiny (10 steps of 8; attention told the true flow)"
    assert words(rows=0.1) == words(coordinates=1.0)
    assert words(coordinates=0.0, rows=0.0) == words() == "a tiny (10 steps of 8)"


def test_an_unknown_name_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    for call in (checkpoints.folder, checkpoints.load, checkpoints.source, checkpoints.provenance):
        with pytest.raises(ValueError, match=rf"'alias-tine'; there are: .*{checkpoints.DEFAULT}"):
            call("alias-tine")
    assert main(["evaluate", "alias-tine"]) == 2
    assert f"neither a folder nor the name of a shipped model ({checkpoints.NAMES[0]}" in capsys.readouterr().err


def test_a_name_stands_for_its_folder_unless_there_is_such_a_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = checkpoints.located("alias-tiny")
    assert shipped == checkpoints.folder("alias-tiny") and checkpoints.shipped(shipped) == "alias-tiny"
    (tmp_path / "alias-tiny").mkdir()
    own = checkpoints.located("alias-tiny")
    assert own.resolve() == tmp_path / "alias-tiny" and not checkpoints.shipped(own)
