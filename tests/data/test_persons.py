"""Persons alone: garments of another folder are put on them, nothing paired is to be had, every damage is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from damage import Damage, circle, edit, pixels, removed, renamed, set_list, three_joints
from dressed_source import Dressed, Posed
from painted_source import PaintedSource

from vtonlib.cli import main
from vtonlib.config import DataConfig
from vtonlib.data.folders import Folder, FolderError, check_folder, folder_uses, read_files, write_folder
from vtonlib.evaluation.report import Report
from vtonlib.presets import open_source
from vtonlib.scoring import all_examples, chosen

CONFIG = DataConfig(height=40, width=30)
ROWS = torch.arange(3)
KEPT = ("image", "image-densepose", "agnostic-mask", "image-parse-v3", "openpose_json")


def alone(root: Path, dresscode: bool) -> Path:
    """Three persons of the world's own kind, and a link to the folder whose garments they put on."""
    kind, layout = (Dressed, "dresscode") if dresscode else (PaintedSource, "viton_hd")
    write_folder(kind(), root.with_name("shop"), train=0, test=3, layout=layout, image_format="png")
    write_folder(Dressed(4), root.with_name("people"), train=0, test=3, image_format="png")
    for name in KEPT:
        shutil.copytree(root.with_name("people") / "test" / name, root / name)
    names = ("upper_body/000000_1", "lower_body/000001_1", "upper_body/000000_1")
    garments = names if dresscode else ("000002_00", "000000_01", "000002_00")
    lines = (f"{person:06d}_00.png {garment}.png\n" for person, garment in enumerate(garments))
    (root / "test_pairs_unpaired.txt").write_text("".join(lines))
    (root / "garments").symlink_to(root.with_name("shop"), target_is_directory=True)
    return root


@pytest.fixture(scope="module", params=[False, True], ids=["viton_hd", "dresscode"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return alone(tmp_path_factory.mktemp("persons") / "data", request.param)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return alone(tmp_path_factory.mktemp("sound") / "data", dresscode=False)


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    """A copy whose garments are a folder, not a link."""
    return Path(shutil.copytree(sound, tmp_path / "data"))


def test_persons_are_read_with_garments_of_another_folder(both: Path) -> None:
    assert check_folder(both) == []
    folder, people = Folder(both, CONFIG), Dressed(4).paired("test", ROWS)
    batch = folder.unpaired("test", ROWS)
    assert folder.layout.name == "persons" and folder.size("test") == 3
    for name in ("person", "dense_pose", "agnostic_mask"):
        torch.testing.assert_close(getattr(batch, name), getattr(people, name), atol=0.0041, rtol=0)
    shop = Folder(both / "garments", CONFIG)
    expected = shop.paired("test", [0]) if shop.layout.name == "dresscode" else shop.paired("test", [2])
    assert torch.equal(batch.garment[0], expected.garment[0]) and torch.equal(batch.garment[0], batch.garment[2])
    assert torch.equal(batch.garment_mask[0], expected.garment_mask[0])
    assert not batch.flow_mask.any() and not batch.garment_region.any()


def test_the_agnostic_picture_is_made_and_so_is_the_mask(root: Path) -> None:
    batch = Folder(root, CONFIG).unpaired("test", ROWS)
    hidden = batch.agnostic_mask == 1
    assert hidden.any() and not batch.agnostic[hidden.expand_as(batch.agnostic)].abs().gt(0.005).any()
    shutil.rmtree(root / "agnostic-mask")
    assert check_folder(root) == []
    made = Folder(root, CONFIG).unpaired("test", ROWS).agnostic_mask
    assert 0.1 < made.mean() < 0.9 and set(made.unique().tolist()) == {0.0, 1.0}


def test_nothing_paired_and_no_training(root: Path) -> None:
    folder = Folder(root, CONFIG)
    with pytest.raises(FolderError, match=r"persons alone.*expected garments that are worn \(paired.*unpaired"):
        folder.paired("test", [0])
    with pytest.raises(FolderError, match=r"persons alone.*split 'train'"):
        folder.size("train")
    uses = folder_uses(root)
    assert (
        uses["evaluate"] == ""
        and "persons alone" in uses["train"]
        and list(uses) == ["train", "evaluate", "evaluate alias"]
    )
    (examples,) = all_examples(DataConfig(height=40, width=30, root=str(root)))
    assert examples.unpaired and len(next(examples.batches(3))[0]) == 3
    with pytest.raises(ValueError, match="no examples are called 'paired'; there are 'unpaired, persons alone'"):
        chosen([examples], ["paired"])
    assert chosen([examples], ["unpaired"]) == (examples,)
    with pytest.raises(FolderError, match=r"persons alone.*data\.reference"):
        open_source(DataConfig(height=40, width=30, root=str(root), reference="person"))
    with pytest.raises(ValueError, match="layout='persons': expected one of viton_hd, dresscode, deepfashion"):
        write_folder(PaintedSource(), root.with_name("new"), train=1, test=0, layout="persons")


def test_a_single_person_is_found_with_what_lies_beside(root: Path) -> None:
    garment = root / "garments" / "test" / "cloth" / "000002_00.png"
    batch = read_files(root / "image" / "000000_00.png", garment, height=40, width=30)
    expected = Folder(root, CONFIG).unpaired("test", [0])
    for name in ("person", "agnostic_mask", "dense_pose", "garment", "parse"):
        torch.testing.assert_close(getattr(batch, name), getattr(expected, name), msg=name)


def test_the_command_line_says_what_it_is_good_for(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(root)]) == 0
    said = capsys.readouterr().out
    assert "no problems found\n  train: no, a folder of persons alone" in said and "evaluate: yes" in said


def test_evaluation_gives_distances_of_sets_and_no_likeness(root: Path, tmp_path: Path, capsys) -> None:
    command = ["evaluate", "stableviton-tiny", "--data", str(root), "--count", "3", "--out", str(tmp_path / "out")]
    assert main([*command, "--splits", "paired"]) == 2 and "persons alone" in capsys.readouterr().err
    assert main(command) == 0
    (table,) = Report.from_json((tmp_path / "out" / "report.json").read_text()).tables
    (method,) = [row.method for row in table.rows if row.kind == "model" and table.cell(row.method, "FID")]
    assert table.split == "unpaired, persons alone" and (tmp_path / "out" / "grid.png").exists()
    assert table.cell(method, "FID").mean > 0 and table.cell(method, "KID") is not None
    for unknown in ("masked SSIM", "SSIM", "PSNR"):
        cell = table.cell(method, unknown)
        assert cell is None or np.isnan(cell.mean)


FILES: dict[str, tuple[str, Damage, str]] = {
    "missing person": ("image/{}.png", Path.unlink, "found nothing"),
    "missing pose": ("image-densepose/{}.png", Path.unlink, "found nothing"),
    "missing mask": ("garments/test/cloth/000002_00.png", Path.unlink, "found nothing"),
    "missing cloth mask": ("garments/test/cloth-mask/000000_01.png", Path.unlink, "found nothing"),
    "inverted cloth mask": ("garments/test/cloth-mask/000000_01.png", pixels(lambda x: 255 - x), "inverted"),
    "full mask": ("agnostic-mask/{}_mask.png", pixels(lambda x: np.full_like(x, 255)), "covers everything"),
    "mask of zeros and ones": ("agnostic-mask/{}_mask.png", pixels(lambda x: (x > 127).astype(np.uint8)), "empty mask"),
    "coloured labels": ("image-parse-v3/{}.png", edit(lambda image: image.convert("RGB")), "mode RGB"),
    "pose of another size": ("image-densepose/{}.png", edit(lambda image: image.resize((60, 80))), "60x80"),
    "joints of no body": ("openpose_json/{}_keypoints.json", three_joints, "3 joints"),
    "link in a circle": ("image/{}.png", circle, "something unreadable"),
}


@pytest.mark.parametrize("kind", FILES)
def test_damage_to_a_file_is_one_problem_and_refused_by_the_reader(root: Path, kind: str) -> None:
    name, damage, found = FILES[kind]
    file = root / name.format("000001_00")
    damage(file)
    (problem,) = check_folder(root)
    assert problem.file == file and found in str(problem) and problem.remedy
    with pytest.raises(FolderError) as raised:
        Folder(root, CONFIG).unpaired("test", ROWS)
    assert str(raised.value) == str(problem)


def of_poses(root: Path) -> str:
    shutil.rmtree(root / "garments")
    write_folder(Posed(), root / "garments", train=1, test=1, layout="deepfashion")
    return "garments"


def of_persons(root: Path) -> str:
    shutil.rmtree(root / "garments")
    shutil.copytree(root, root.with_name("others"))
    shutil.copytree(root.with_name("others"), root / "garments")
    return "garments"


LIST = "test_pairs_unpaired.txt"
PLACES: dict[str, tuple[Callable[[Path], str], str]] = {
    "no garments": (removed("garments"), "a folder of VITON-HD, DressCode"),
    "garments of pose transfer": (of_poses, "a folder of DeepFashion, without garments"),
    "garments of persons alone": (of_persons, "a folder of persons alone, without garments"),
    "no cloth": (removed("garments/test/cloth"), "expected a folder cloth/"),
    "no dense pose": (removed("image-densepose"), "expected a folder image-densepose/"),
    "pictures under another name": (renamed("image", "images"), "Rename images/ to image/"),
    "no list": (removed(LIST), "a name in image/ and a garment's"),
    "list under VITON-HD's name": (renamed(LIST, "test_pairs.txt"), "Rename test_pairs.txt to test_pairs_unpaired.txt"),
    "empty list": (set_list("", LIST), "no pairs"),
    "one name": (set_list("000000_00.png\n", LIST), "1 name in line 1"),
    "name above the root": (set_list("../000000_00.png 000002_00.png\n", LIST), "leads to another folder"),
    "duplicate pair": (set_list("000000_00.png 000002_00.png\n" * 2, LIST), "in lines 1 and 2"),
}


@pytest.mark.parametrize("kind", PLACES)
def test_damage_to_list_and_folders_is_one_problem_and_refused_at_once(root: Path, kind: str) -> None:
    damage, found = PLACES[kind]
    file = root / damage(root)
    file = root / LIST if "VITON-HD's" in kind else file
    (problem,) = check_folder(root, "persons")
    assert problem.file == file and found in str(problem) and problem.remedy
    with pytest.raises(FolderError) as raised:
        Folder(root, DataConfig(height=40, width=30, layout="persons"))
    assert str(raised.value) == str(problem)


def test_garments_of_dresscode_are_named_with_their_category(tmp_path: Path) -> None:
    root = alone(tmp_path / "data", dresscode=True)
    (root / LIST).write_text("000000_00.png 000000_1.png\n")
    (problem,) = check_folder(root)
    assert problem.file == root / LIST and "000000_1.png without a category" in problem.found
    assert "upper_body/000003_1.jpg" in problem.expected
    with pytest.raises(FolderError, match="without a category"):
        Folder(root, CONFIG)


def test_it_is_recognised_without_its_list_and_no_other_layout_is_taken_for_it(root: Path, tmp_path: Path) -> None:
    (root / LIST).unlink()
    (problem,) = check_folder(root)
    assert problem.file == root / LIST
    write_folder(PaintedSource(), tmp_path / "viton", train=1, test=1)
    assert Folder(tmp_path / "viton", CONFIG).layout.name == "viton_hd"
    (problem,) = check_folder(tmp_path / "viton" / "train")
    assert "neither lists of pairs nor their pictures" in problem.found and "garments/ (persons alone)" in str(problem)
