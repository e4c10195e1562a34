"""The command line end to end, at the smallest sizes: every verb, and errors that are one line."""

import json
from dataclasses import replace

import pytest
import torch
from PIL import Image

from vtonlib.cli import main
from vtonlib.config import DataConfig
from vtonlib.data.folders import Folder
from vtonlib.data.world import World
from vtonlib.evaluation.report import Report, beats

SMALL = ["data.height=32", "data.width=24", "train.batch_size=4", "train.steps=2", "task.cached_examples=8"]
MODEL = ["task.block_out_channels=16,32", "task.attention_levels=false,true", "task.cross_attention_dim=12"]
MODEL += ["train.save_every=1", "train.sample_every=0"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("folder") / "vton"
    assert (
        main(
            [
                "data",
                "make",
                str(root),
                "--height",
                "32",
                "--width",
                "24",
                "--train",
                "8",
                "--test",
                "4",
                "--format",
                "png",
            ]
        )
        == 0
    )
    return root


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "stableviton"
    assert main(["train", "stableviton", "--out", str(out), "--set", *SMALL, "--set", *MODEL]) == 0
    return out


def test_list_names_every_preset(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("stableviton", "autoencoder", "matcher", "classifier", "64x48"))


def test_a_run_folder_holds_what_it_promises(run):
    assert {p.name for p in run.iterdir()} >= {"config.json", "log.jsonl", "checkpoints", "final"}
    assert json.loads((run / "config.json").read_text())["train"]["steps"] == 2
    assert not [p for p in run.rglob("*") if p.suffix in {".bin", ".pt", ".pkl"}]


def test_training_again_does_nothing(run, capsys):
    before = (run / "log.jsonl").read_bytes()
    assert main(["train", "stableviton", "--out", str(run), "--set", *SMALL, *MODEL]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert (run / "log.jsonl").read_bytes() == before


def test_evaluate_writes_a_report_with_every_split_and_baseline(run):
    assert main(["evaluate", str(run), "--count", "6"]) == 0
    report = Report.from_json((run / "report.json").read_text())
    main_tables = [table for table in report.tables if not table.split.endswith(" by fabric")]
    kinds = ("paired", "unpaired", "cross")
    assert [t.split for t in main_tables] == [
        f"{kind}, laid {laid}" for laid in ("anyhow", "straight") for kind in kinds
    ]
    assert len(report.tables) == 6 * len(main_tables)
    for table in main_tables:
        methods = {row.method for row in table.rows}
        assert methods >= {"warps.0", "StableVITON", "oracle", "uniform", "flip", "nearest colour", "copy", "agnostic"}
        assert methods >= {"person's own latents, decoded", "latents moved by truth", "true person blurred four times"}
    assert beats(report, "paired, laid anyhow", "EPE", "oracle", "uniform")
    fabrics = report.table("unpaired, laid anyhow: texture ratio by fabric")
    assert fabrics.cell("oracle", "all").mean == pytest.approx(1)
    assert (run / "report.md").read_text().startswith("# stableviton")
    with Image.open(run / "grid.png") as picture:
        assert picture.size == (4 * 24 + 3 * 2, 6 * 32 + 5 * 2), "six rows, four columns, two pixels apart"


def test_evaluate_shows_the_blind_twin_and_another_garments_pixels(run, tmp_path):
    twin = tmp_path / "twin"
    assert main(["train", "stableviton", "--out", str(twin), "--set", *SMALL, *MODEL, "task.keys_see=place"]) == 0
    straight = ["--splits", "paired, laid straight"]
    assert main(["evaluate", str(run), "--count", "2", "--blind", str(twin), *straight]) == 0
    table = Report.from_json((run / "report.json").read_text()).table("paired, laid straight")
    methods = {row.method for row in table.rows}
    assert methods >= {
        "warps.0",
        "warps.0, blind twin",
        "warps.0, other garment",
        "uniform attention 8x6",
        "random pixel",
    }
    assert main(["evaluate", str(twin), "--count", "2", *straight]) == 0
    (table, *_) = Report.from_json((twin / "report.json").read_text()).tables
    epe, misled = (table.cell(f"warps.0{which}", "EPE").mean for which in ("", ", other garment"))
    assert epe == pytest.approx(misled, rel=0.02)  # blind keys: only the noise of the two readings differs


def test_data_make_lays_garments_as_it_is_told(folder, tmp_path):
    size = ["--height", "32", "--width", "24", "--train", "8", "--test", "4"]
    assert main(["data", "make", str(tmp_path / "anyhow"), *size, "--laid", "anyhow", "--format", "png"]) == 0
    config = DataConfig(height=32, width=24)
    found, straight = (Folder(root, config).paired("test", torch.arange(4)) for root in (tmp_path / "anyhow", folder))
    expected = World(replace(config, laid="anyhow")).paired("test", torch.arange(4))
    torch.testing.assert_close(found.garment, expected.garment, atol=0.03, rtol=0)
    assert torch.equal(found.flow, expected.flow) and not torch.equal(found.flow, straight.flow)
    assert torch.equal(found.agnostic, straight.agnostic)


def test_a_folder_takes_the_place_of_the_world(folder, tmp_path):
    out = tmp_path / "run"
    assert main(["data", "check", str(folder)]) == 0
    assert main(["train", "stableviton", "--data", str(folder), "--out", str(out), "--set", *SMALL, *MODEL]) == 0
    assert main(["evaluate", str(out), "--count", "2"]) == 0
    report = Report.from_json((out / "report.json").read_text())
    assert [table.split for table in report.tables] == ["paired", "unpaired"]


def test_try_on_from_files(run, folder, tmp_path):
    images = sorted((folder / "test" / "image").iterdir())
    garments = sorted((folder / "test" / "cloth").iterdir())
    picture, correspondence = tmp_path / "result.png", tmp_path / "correspondence.png"
    command = ["sample", str(run), "--person", str(images[0]), "--garment", str(garments[1]), "--steps", "2"]
    assert main([*command, "--out", str(picture), "--correspondence", str(correspondence)]) == 0
    with Image.open(picture) as image:
        assert image.size == (24, 32)
        assert image.mode == "RGB"
    with Image.open(correspondence) as image:
        assert min(image.size) > 100
    first = picture.read_bytes()
    assert main([*command, "--out", str(picture)]) == 0
    assert picture.read_bytes() == first, "seeded"


def files(folder):
    """What `sample` is given of the first person and the second garment."""
    images, garments = (sorted((folder / "test" / name).iterdir()) for name in ("image", "cloth"))
    return ["--person", str(images[0]), "--garment", str(garments[1]), "--steps", "2"]


def test_how_a_diffusion_model_samples_is_chosen(run, folder, tmp_path):
    def sample(*options):
        assert main(["sample", str(run), *files(folder), "--out", str(tmp_path / "a.png"), *options]) == 0
        return (tmp_path / "a.png").read_bytes()

    plain = sample()
    assert sample("--scheduler", "ddim", "--guidance-scale", "1", "--start", "noise", "--repaint") == plain
    assert sample("--start", "leaking") == plain, "noise levels that end in pure noise leak nothing"
    different = [["--guidance-scale", "4"], ["--guidance-scale", "4", "--guidance-on", "both"], ["--no-repaint"]]
    results = [sample(*options) for options in [*different, ["--no-repaint", "--repaint-latents"], ["--seed", "1"]]]
    assert len({plain, *results}) == len(results) + 1


def test_what_a_pipeline_does_not_have_is_told_in_one_line(run, folder, tmp_path, capsys):
    command = ["sample", str(run), *files(folder), "--out", str(tmp_path / "a.png")]
    assert main([*command, "--scheduler", "plms"]) == 2
    printed = capsys.readouterr().err
    assert (
        "'plms' combines predicted noises, but this model's noise levels end in" in printed and printed.count("\n") == 1
    )


def test_an_inverted_mask_is_warned_of(run, folder, tmp_path, capsys):
    mask = sorted((folder / "test" / "agnostic-mask").iterdir())[0]
    with Image.open(mask) as picture:
        picture.convert("L").point(lambda value: 255 - value).save(tmp_path / "mask.png")
    command = ["sample", str(run), *files(folder), "--out", str(tmp_path / "a.png")]
    assert main(command) == 0 and not capsys.readouterr().err
    assert main([*command, "--mask", str(tmp_path / "mask.png")]) == 0
    printed = capsys.readouterr().err
    assert (
        printed.startswith("warning: agnostic_mask (sample 0) looks inverted: 1 = paint") and printed.count("\n") == 1
    )


def test_data_check_reports_and_fails(folder, tmp_path, capsys):
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    victim = next((broken / "train" / "cloth").iterdir())
    victim.write_bytes(b"")
    with pytest.raises(SystemExit, match="1 problem"):
        main(["data", "check", str(broken)])
    assert victim.name in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "stablevitron"], "unknown preset 'stablevitron'; known: stableviton"),
        (["train", "matcher", "--set", "train.stepz=3"], "unknown key 'stepz'; TrainConfig has steps"),
        (["train", "matcher", "--set", "train.steps=many"], "train.steps=many: expected int"),
        (["train", "matcher", "--set", "steps"], "'steps': expected key=value"),
        (["evaluate", "nowhere"], "nowhere"),
        (["data", "check", "nowhere"], "nowhere"),
        (
            ["sample", "nowhere", "--person", "a.png", "--garment", "b.png", "--out", "c.png"],
            "nowhere: neither a folder",
        ),
        (
            ["sample", ".", "--person", "a.png", "--garment", "b.png", "--out", "c.png", "--height", "8"],
            "give both or neither",
        ),
    ],
)
def test_errors_are_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        assert main(arguments) == 2
        printed = capsys.readouterr().err
        assert len(printed.strip().splitlines()) == 1
    except SystemExit as error:
        printed = capsys.readouterr().out + str(error)
    assert message in printed


def test_the_same_seed_gives_the_same_weights(tmp_path):
    from safetensors.torch import load_file

    states = []
    for name in ("a", "b"):
        out = tmp_path / name
        assert main(["train", "stableviton", "--out", str(out), "--set", *SMALL, *MODEL]) == 0
        states.append(load_file(out / "final" / "unet" / "diffusion_pytorch_model.safetensors"))
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
