"""The command line with folders of DressCode and DeepFashion: written, checked, trained on, evaluated, sampled from."""

from pathlib import Path

import pytest
from PIL import Image

from vtonlib.cli import main
from vtonlib.evaluation.report import Report

SIZE = ["--height", "32", "--width", "24", "--train", "8", "--test", "8", "--format", "png"]
SMALL = ["data.height=32", "data.width=24", "train.batch_size=4", "train.steps=2", "task.cached_examples=8"]
SMALL += ["train.sample_every=0", "task.block_out_channels=16,32", "task.attention_levels=true,false"]


@pytest.fixture(scope="module", params=["dresscode", "deepfashion"])
def folder(request, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("folder") / request.param
    assert main(["data", "make", str(root), "--layout", request.param, *SIZE]) == 0
    return root


def test_a_folder_is_checked_trained_on_and_evaluated(folder, tmp_path, capsys):
    preset = {"dresscode": "leffa", "deepfashion": "leffa_pose"}[folder.name]
    assert main(["data", "check", str(folder)]) == 0
    assert main(["data", "check", str(folder), "--layout", folder.name]) == 0
    assert "evaluate: yes" in capsys.readouterr().out
    out, told = tmp_path / "run", f"data.layout={folder.name}"
    assert main(["train", preset, "--data", str(folder), "--out", str(out), "--set", *SMALL, told]) == 0
    assert main(["evaluate", str(out), "--count", "2"]) == 0
    report = Report.from_json((out / "report.json").read_text())
    assert [table.split for table in report.tables] == ["paired", "unpaired"]
    if folder.name == "dresscode":
        person, garment = (folder / "dresses" / "images" / f"000012_{number}.png" for number in (0, 1))
    else:
        home = folder / "img" / "WOMEN" / "World" / "id_00000012"
        person, garment = home / "02_1_front.png", home / "01_1_front.png"
    command = ["sample", str(out), "--person", str(person), "--garment", str(garment), "--steps", "2"]
    assert main([*command, "--out", str(tmp_path / "worn.png")]) == 0
    with Image.open(tmp_path / "worn.png") as image:
        assert image.size == (24, 32)


def test_a_preset_or_model_of_the_other_kind_is_refused(folder, tmp_path, capsys):
    other, remedy = ("leffa_pose", "reference=garment") if folder.name == "dresscode" else ("leffa", "reference=person")
    assert main(["train", other, "--data", str(folder), "--out", str(tmp_path / "run"), "--set", *SMALL]) == 2
    assert remedy in capsys.readouterr().err and not (tmp_path / "run" / "model").exists()
    shipped = f"{other.replace('_', '-')}-tiny"
    assert main(["evaluate", shipped, "--data", str(folder), "--out", str(tmp_path / "out")]) == 2
    assert remedy in capsys.readouterr().err


def test_the_wrong_layout_is_one_line(folder, capsys):
    with pytest.raises(SystemExit, match="1 problem"):
        main(["data", "check", str(folder), "--layout", "viton_hd"])
    assert "neither lists of pairs nor train/ and test/" in capsys.readouterr().out


def test_one_category_is_enough(folder, tmp_path, capsys):
    if folder.name != "dresscode":
        pytest.skip("DressCode has categories")
    root = folder / "lower_body"
    assert main(["data", "check", str(root)]) == 0
    assert "evaluate: yes" in capsys.readouterr().out
    few = [setting.replace("batch_size=4", "batch_size=1").replace("examples=8", "examples=1") for setting in SMALL]
    assert main(["train", "leffa", "--data", str(root), "--out", str(tmp_path / "run"), "--set", *few]) == 0
