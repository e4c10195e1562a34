"""A translation from the command line: trained, evaluated, used on a picture, and kept apart from try-on."""

import json

import pytest
import torch
from gan_stages import new_pipeline
from PIL import Image

from vtonlib import experiment
from vtonlib.cli import main
from vtonlib.config import DataConfig
from vtonlib.data.domains import Domains
from vtonlib.data.folders import write_folder
from vtonlib.data.world import World
from vtonlib.evaluation.report import Report
from vtonlib.pipelines.pictures import PictureOutput
from vtonlib.pipelines.translation import TranslationPipeline

WORDS = (
    *("task.channels=4", "task.projection=8", "task.selection.count=12", "task.discriminator_channels=4"),
    *("task.discriminator_layers=2", "data.height=32", "data.width=24", "train.steps=2", "train.batch_size=4"),
    *("train.sample_every=2", "train.precision=no", "task.identity=0.5", "task.cached_examples=8"),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "translation"
    assert main(["train", "translation", "--out", str(out), "--set", *WORDS]) == 0
    return out


@pytest.fixture(scope="module")
def portrait(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "portrait.png"
    source = Domains(World(DataConfig(height=32, width=24))).paired("test", [0]).source
    PictureOutput(images=source).pil()[0].save(path)
    return path


def test_the_run_holds_a_pipeline_a_log_of_both_phases_and_pictures(run):
    assert isinstance(experiment.load_pipeline(run), TranslationPipeline)
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    terms = {line["phase"]: set(line["terms"]) for line in lines if "phase" in line}
    generator = {"adversarial", "contrastive", "change", "identity"}
    assert terms == {"discriminator": {"adversarial"}, "generator": generator}
    with Image.open(run / "samples" / "step-000002.png") as picture:
        assert picture.size == (3 * 24 + 2 * 2, 8 * 32 + 7 * 2), "eight people: source, translation, target"


def test_evaluate_holds_it_against_its_source_and_its_start(run):
    assert main(["evaluate", str(run), "--count", "34"]) == 0
    (table,) = Report.from_json((run / "report.json").read_text()).tables
    assert [(row.method, row.kind) for row in table.rows] == [
        ("translation", "model"),
        ("source, unchanged", "baseline"),
        ("as training began", "baseline"),
        ("source with a true pattern", "baseline"),
        ("target domain", "baseline"),
    ]
    assert table.cell("source, unchanged", "outside L1").mean == 0 < table.cell("translation", "outside L1").mean
    assert table.cell("translation", "outside L1").n == 34
    assert (run / "report.md").read_text().startswith("# translation, tiny, 34 examples a split")
    with Image.open(run / "grid.png") as picture:
        assert picture.size == (3 * 24 + 2 * 2, 6 * 32 + 5 * 2)


def test_the_start_is_that_of_the_run(run):
    """Drawn from the run's seed: two steps at a small rate have hardly moved it."""
    begun = experiment.load_pipeline(run)
    sources = Domains(World(DataConfig(height=32, width=24))).paired("test", range(2)).source
    assert (begun(sources).images.cpu() - sources).abs().mean() < 0.05


def test_translate_writes_what_the_pipeline_makes(run, portrait, tmp_path, capsys):
    out = tmp_path / "striped.png"
    assert main(["translate", str(run), "--image", str(portrait), "--out", str(out)]) == 0
    assert f"written: {out}" in capsys.readouterr().out
    with Image.open(portrait) as before, Image.open(out) as after:
        expected = experiment.load_translation(run)(before.convert("RGB")).pil()[0]
        assert after.size == (24, 32) and after.tobytes() == expected.tobytes()
    assert (
        main(["translate", str(run), "--image", str(portrait), "--out", str(out), "--height", "64", "--width", "48"])
        == 0
    )
    with Image.open(out) as larger:
        assert larger.size == (48, 64)


def test_try_on_and_translation_are_kept_apart(run, portrait, tmp_path, capsys):
    new_pipeline().save_pretrained(tmp_path / "alias")
    size = ["--height", "32", "--width", "24"]
    assert (
        main(["translate", str(tmp_path / "alias"), "--image", str(portrait), "--out", str(tmp_path / "x.png"), *size])
        == 2
    )
    assert "this pipeline tries garments on; `sample` does that, with a garment" in capsys.readouterr().err
    batch = World(DataConfig(height=32, width=24)).paired("test", torch.arange(1))
    with pytest.raises(ValueError, match="this pipeline translates pictures, and knows no garments; `translate` does"):
        experiment.try_on(experiment.load_pipeline(run), batch)


def test_what_a_translation_cannot_do_is_said(run, tmp_path, capsys):
    write_folder(World(DataConfig(height=32, width=24)), tmp_path / "vton", train=8, test=4)
    folder = str(tmp_path / "vton")
    commands = {
        "a translation has no blind twin, and one split, test": ["evaluate", str(run), "--splits", "cross"],
        "the two domains exist in the procedural world alone": ["evaluate", str(run), "--data", folder],
        "procedural world alone; leave data.root empty": [
            "train",
            "translation",
            "--data",
            folder,
            "--out",
            folder + "2",
        ],
        "nothing here": ["translate", str(run), "--image", str(tmp_path / "nothing.png"), "--out", folder + ".png"],
    }
    for message, command in list(commands.items())[:3]:
        assert main(command) == 2
        assert message in capsys.readouterr().err
    assert main(commands["nothing here"]) == 2
    assert "nothing.png" in capsys.readouterr().err
