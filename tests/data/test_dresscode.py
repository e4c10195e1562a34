"""DressCode: written and read again, one category or all, masks made where there are none; every damage is named."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from damage import (
    USES_OF_A_SOUND_FOLDER,
    edit,
    pixels,
    removed,
    renamed,
    set_list,
    shared_damage,
)
from dressed_source import Dressed
from PIL import Image

from vtonlib.config import DataConfig
from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.folders import Folder, FolderError, check_folder, folder_uses, read_files, write_folder
from vtonlib.data.folders.dresscode import ATR, CATEGORIES
from vtonlib.data.source import Split
from vtonlib.data.world import World

CONFIG = DataConfig(height=40, width=30)
PARTS = {
    "person": "images/{}_0.png",
    "cloth": "images/{}_1.png",
    "pose": "image-densepose/{}_0.png",
    "mask": "agnostic_masks/{}_0.png",
    "region": "gt_cloth_warped_mask/{}_0.png",
    "labels": "label_maps/{}_4.png",
    "joints": "keypoints/{}_2.json",
    "cloth-mask": "cloth_mask/{}_1.png",
    "flow": "true-flow/{}_0.safetensors",
}


def rows_of(row: list[float], count: int = 18) -> bytes:
    return json.dumps({"keypoints": [row] * count}).encode()


def wrote(data: bytes):
    return lambda file: file.write_bytes(data) and None


def person_for_mask(file: Path) -> None:
    shutil.copy(file.parents[1] / "images" / file.name, file)


def grey_person_for_mask(file: Path) -> None:
    person_for_mask(file)
    edit(lambda image: image.convert("L").point(lambda v: 90 + v // 4))(file)


FILE_DAMAGE = shared_damage(
    person="person", garment="cloth", pose="pose", labels="labels", joints="joints", flow="flow"
) | {
    "missing dense pose": ("pose", Path.unlink, "dense/"),
    "16 bits": ("mask", pixels(lambda x: x.astype(np.uint16) * 257), "mode I;16"),
    "photograph as mask": ("mask", person_for_mask, "a colour image"),
    "grey agnostic image as mask": ("mask", grey_person_for_mask, "a grey mask"),
    "inverted agnostic mask": ("mask", pixels(lambda x: 255 - x), "leaves most of the label map's garment visible"),
    "empty agnostic mask": ("mask", pixels(np.zeros_like), "an empty mask"),
    "mask of zeros and ones": ("mask", pixels(lambda x: x // 255), "an empty mask (brightest value 1)"),
    "full agnostic mask": ("mask", pixels(lambda x: np.full_like(x, 255)), "covers everything"),
    "inverted garment mask": ("cloth-mask", pixels(lambda x: 255 - x), "an inverted mask"),
    "empty worn region": ("region", pixels(np.zeros_like), "an empty mask"),
    "label map of colours": ("labels", edit(lambda image: image.convert("RGB")), "L for a label map. Store a palette"),
    "label map of CIHP": ("labels", pixels(lambda x: np.where(x == 0, 20, x).astype(np.uint8)), "numbers of ATR, not"),
    "label map of another size": ("labels", edit(lambda image: image.resize((15, 20), 0)), "15x20 pixels"),
    "joints of OpenPose": ("joints", wrote(b'{"people": []}'), "found no entry 'keypoints'"),
    "too few joints": ("joints", wrote(rows_of([1, 1, 1, 0], 17)), "17 joints"),
    "one joint": ("joints", wrote(rows_of([1, 1, 1, 0], 1)), "found 1 joint,"),
    "joints beyond single precision": ("joints", wrote(rows_of([1e300, 1, 1, 0])), "nose at [1e+300, 1.0]"),
    "joints without numbers": ("joints", wrote(rows_of([1, 1, 1])), "numbers (18, 3)"),
    "joints that are NaN": ("joints", wrote(rows_of([float("nan"), 1, 1, 0])), "nose at [nan, 1.0]"),
    "joints far away": ("joints", wrote(rows_of([1e6, 1, 1, 0])), "a joint at"),
}  # fmt: skip


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One example of each category in each split."""
    root = tmp_path_factory.mktemp("dresscode") / "three"
    write_folder(Dressed(), root, train=3, test=3, layout="dresscode", image_format="png")
    return root


@pytest.fixture
def root(three: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(three, tmp_path / "data"))


def numbers(folder: Folder, split: Split, first: int) -> torch.Tensor:
    """The source's numbers of the examples: those their names count, less those of the splits before."""
    return torch.tensor([int(pair.person.split("/")[1][:6]) - first for pair in folder.pairs(split)])


def merged(parse: torch.Tensor) -> torch.Tensor:
    """A parse map as ATR's labels know it: neck and torso skin are face."""
    parse = parse.clone()
    for name in ATR.merged:
        parse[:, PARSE_LABELS.index("face")] += parse[:, PARSE_LABELS.index(name)]
        parse[:, PARSE_LABELS.index(name)] = 0
    return parse


def test_the_world_in_three_categories_is_written_and_read_again(tmp_path: Path) -> None:
    config = DataConfig(height=40, width=32, seed=3, laid="anyhow")
    world, root = World(config), tmp_path / "world"
    write_folder(world, root, train=8, test=8, layout="dresscode", image_format="png")
    assert check_folder(root) == []
    assert folder_uses(root) == USES_OF_A_SOUND_FOLDER
    folder = Folder(root, config)
    assert folder.layout.name == "dresscode" and folder.layout.sections == CATEGORIES
    assert [pair.person.split("/")[0] for pair in folder.pairs("train")[:4]] == [*CATEGORIES, "upper_body"]
    for split, first in (("train", 0), ("test", 8)):
        which = numbers(folder, split, first)
        assert sorted(which.tolist()) == list(range(8))
        found, expected = folder.paired(split, range(8)).tensors(), world.paired(split, which).tensors()
        assert torch.equal(found["parse"], merged(expected["parse"]))
        for name in expected.keys() - {"parse", "index"}:
            exact = name in {"flow", "flow_mask"}
            atol = 0 if exact else 2e-5 if name == "keypoints" else 0.0041
            torch.testing.assert_close(found[name], expected[name], atol=atol, rtol=0, equal_nan=True, msg=name)
    found, expected = folder.unpaired("test", range(8)), world.unpaired("test", numbers(folder, "test", 8))
    for name in ("garment", "garment_mask", "agnostic", "agnostic_mask", "dense_pose"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), atol=0.0041, rtol=0, msg=name)
    assert not found.flow_mask.any() and not found.garment_region.any()


def test_names_are_those_of_dresscode(three: Path) -> None:
    assert (three / "lower_body" / "train_pairs.txt").read_text() == "000001_0.png 000001_1.png\n"
    assert (three / "dresses" / "test_pairs_paired.txt").read_text() == "000005_0.png 000005_1.png\n"
    assert (three / "dresses" / "test_pairs_unpaired.txt").read_text() == "000005_0.png 000011_1.png\n"
    assert all((three / "lower_body" / part.format("000001")).exists() for part in PARTS.values())
    assert (three / "lower_body" / "skeletons" / "000001_5.jpg").exists()
    rows = json.loads((three / "upper_body" / "keypoints" / "000000_2.json").read_text())["keypoints"]
    assert np.shape(rows) == (18, 4) and max(row[0] for row in rows) > 40, "counted in 384x512 pixels"


def test_one_category_is_a_folder_too(three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_folder(three / "lower_body") == []
    everything = Folder(three, CONFIG)
    for place, category in enumerate(CATEGORIES):
        one = Folder(three / category, CONFIG)
        assert one.size("train") == one.size("test") == 1 and one.pairs("train")[0].person.startswith(category)
        assert torch.equal(one.paired("test", [0]).person, everything.paired("test", [place]).person)
        assert torch.equal(one.unpaired("test", [0]).garment, everything.unpaired("test", [place]).garment)
    monkeypatch.chdir(three / "dresses")
    assert Folder(Path("."), CONFIG).pairs("train")[0].person == "dresses/000002_0.png"


def test_jpeg_is_written_and_read(tmp_path: Path) -> None:
    write_folder(Dressed(), tmp_path / "jpeg", train=3, test=3, layout="dresscode")
    assert check_folder(tmp_path / "jpeg") == []
    assert (tmp_path / "jpeg" / "upper_body" / "images" / "000000_0.jpg").exists()
    rows = torch.arange(3)
    found, expected = Folder(tmp_path / "jpeg", CONFIG).paired("train", rows), Dressed().paired("train", rows)
    assert (found.person - expected.person).abs().mean() < 0.02


def test_masks_are_made_of_label_maps_where_there_are_none(tmp_path: Path) -> None:
    """They cover the garment and the arms, leave the face, and are nearly as large as the world's own."""
    config = DataConfig(height=64, width=48)
    world, root = World(config), tmp_path / "world"
    write_folder(world, root, train=8, test=0, layout="dresscode", image_format="png")
    for category in CATEGORIES:
        for name in ("agnostic_masks", "gt_cloth_warped_mask", "cloth_mask"):
            shutil.rmtree(root / category / name)
    assert check_folder(root) == []
    folder = Folder(root, config)
    made, true = folder.paired("train", range(8)), world.paired("train", numbers(folder, "train", 0))
    worn, hidden = true.garment_region > 0.5, made.agnostic_mask > 0.5
    assert hidden[worn].all() and set(made.agnostic_mask.unique().tolist()) == {0.0, 1.0}
    face = true.parse[:, PARSE_LABELS.index("face")][:, None] > 0
    assert not hidden[face].any()
    assert (made.agnostic_mask.mean((1, 2, 3)) < 1.5 * true.agnostic_mask.mean((1, 2, 3))).all()
    assert not made.agnostic[hidden.expand_as(made.agnostic)].any(), "mid grey where it is painted"
    for found, expected, least in (
        (made.garment_region, true.garment_region, 0.97),
        (made.garment_mask, true.garment_mask, 0.85),
    ):
        overlap = ((found > 0.5) & (expected > 0.5)).sum() / ((found > 0.5) | (expected > 0.5)).sum()
        assert overlap > least


def test_a_category_may_have_nobody_in_a_split(tmp_path: Path) -> None:
    """One upper garment to train on, a lower one and a dress to test on: what no list names, an empty list says."""
    root = tmp_path / "data"
    write_folder(Dressed(), root, train=1, test=3, cross=2, layout="dresscode", image_format="png")
    lists = {name: (root / "dresses" / name).read_text() for name in ("train_pairs.txt", "cross_pairs_unpaired.txt")}
    assert set(lists.values()) == {""}
    assert check_folder(root) == [] and not any(folder_uses(root).values())
    folder = Folder(root, CONFIG)
    assert [folder.size(split) for split in ("train", "test", "cross")] == [1, 3, 2]
    assert len(folder.unpaired("cross", range(2))) == 2
    assert check_folder(root / "dresses") == []
    assert folder_uses(root / "dresses")["train"] == f"{root / 'dresses' / 'train_pairs.txt'} is empty"
    with pytest.raises(FolderError, match=r"cross_pairs_paired\.txt: found no pairs"):
        Folder(root / "dresses", CONFIG).paired("cross", [0])
    (root / "upper_body" / "train_pairs.txt").write_text("")
    problems = check_folder(root)
    assert [problem.file.parent.name for problem in problems] == list(CATEGORIES), "nobody at all is no split"
    assert {problem.found for problem in problems} == {"no pairs"}


def test_a_list_emptied_by_accident_is_noticed(root: Path) -> None:
    """Its persons still lie there, and no list names them."""
    (root / "upper_body" / "train_pairs.txt").write_text("")
    (problem,) = check_folder(root)
    assert problem.file == root / "upper_body" / "train_pairs.txt"
    assert "1 of images/ in no list, such as 000000" in problem.found and "Restore the list" in problem.remedy
    with pytest.raises(FolderError, match="in no list, such as 000000"):
        Folder(root, CONFIG)


def test_without_masks_a_label_map_must_show_the_garment(root: Path) -> None:
    shutil.rmtree(root / "dresses" / "agnostic_masks")
    pixels(np.zeros_like)(root / "dresses" / "label_maps" / "000002_4.png")
    (problem,) = check_folder(root)
    assert problem.file.name == "000002_4.png" and "nothing of which to make the agnostic mask" in str(problem)
    Path.unlink(root / "dresses" / "label_maps" / "000002_4.png")
    (problem,) = check_folder(root)
    assert problem.file.name == "000002_0.png" and "label_maps/000002_4.png" in problem.remedy


def test_part_numbers_are_a_dense_pose_too(root: Path) -> None:
    """DressCode's own ``dense/``: as Leffa reads it, the number in every channel."""
    for category in CATEGORIES:
        (root / category / "dense").mkdir()
        for file in (root / category / "image-densepose").iterdir():
            with Image.open(file) as image:
                parts = np.where(np.asarray(image).max(-1) > 60, 7, 0).astype(np.uint8)
            Image.fromarray(parts).save(root / category / "dense" / file.name.replace("_0.", "_5."))
        shutil.rmtree(root / category / "image-densepose")
    assert check_folder(root) == []
    pose = Folder(root, CONFIG).paired("train", range(3)).dense_pose
    values = sorted(set((((pose + 1) * 127.5).round()).unique().tolist()))
    assert values == [0, 7]
    victim = root / "upper_body" / "dense" / "000000_5.png"
    pixels(lambda x: x + 30)(victim)
    (problem,) = check_folder(root)
    assert problem.file == victim and "part 37" in str(problem)


def test_every_damage_to_a_file_is_one_problem_and_refused_by_the_reader(tmp_path: Path) -> None:
    root, count = tmp_path / "data", len(FILE_DAMAGE)
    write_folder(Dressed(count), root, train=count, test=0, layout="dresscode", image_format="png")
    assert check_folder(root) == []
    expected = {}
    for number, (part, damage, found) in enumerate(FILE_DAMAGE.values()):
        file = root / CATEGORIES[number % 3] / PARTS[part].format(f"{number:06d}")
        damage(file)
        expected[file] = found
    problems = {problem.file: problem for problem in check_folder(root)}
    assert problems.keys() == expected.keys() and len(check_folder(root)) == count
    folder = Folder(root, CONFIG)
    for (file, found), example in zip(expected.items(), numbers(folder, "train", 0).argsort().tolist(), strict=True):
        assert found in str(problems[file]) and problems[file].remedy, f"{found}: {problems[file]}"
        with pytest.raises(FolderError) as raised:
            folder.paired("train", [example])
        assert str(raised.value) == str(problems[file])


A, B = "upper_body/000000", "upper_body/000003"
TRAIN, PAIRED, UNPAIRED = (
    f"upper_body/{name}.txt" for name in ("train_pairs", "test_pairs_paired", "test_pairs_unpaired")
)


def line(person: int, garment: int, suffix: str = ".png") -> str:
    return f"{person:06d}_0{suffix} {garment:06d}_1{suffix}\n"


def no_masks_no_labels(root: Path) -> str:
    shutil.rmtree(root / "dresses" / "label_maps")
    shutil.rmtree(root / "dresses" / "agnostic_masks")
    return "dresses/agnostic_masks"


def list_is_a_folder(root: Path) -> str:
    (root / TRAIN).unlink()
    (root / TRAIN).mkdir()
    return TRAIN


def linked_out(root: Path) -> str:
    shutil.move(root / "dresses" / "images", root.parent / "elsewhere")
    (root / "dresses" / "images").symlink_to(root.parent / "elsewhere", target_is_directory=True)
    return "dresses/images"


def folder_in_a_circle(root: Path) -> str:
    shutil.rmtree(root / "dresses" / "cloth_mask")
    (root / "dresses" / "cloth_mask").symlink_to("cloth_mask")
    return "dresses/cloth_mask"


STRUCTURE = {
    "folder that is a link in a circle": (folder_in_a_circle, "expected a folder cloth_mask/"),
    "no list of a category": (removed(TRAIN), "expected a list of pairs"),
    "list under another name": (renamed(PAIRED, "test_pairs.txt"), "Rename test_pairs.txt to test_pairs_paired.txt"),
    "no pictures": (removed("dresses/images"), "expected a folder images/"),
    "pictures under another name": (renamed("dresses/images", "image"), "Rename image/ to images/"),
    "no dense pose": (removed("lower_body/image-densepose"), "Copy image-densepose/ of the data set there, or dense/"),
    "dense pose under another name": (renamed("lower_body/image-densepose", "densepose"), "Rename densepose/"),
    "neither masks nor label maps": (no_masks_no_labels, "or label_maps/"),
    "masks under another name": (renamed("dresses/agnostic_masks", "agnostic-mask"), "Rename agnostic-mask/"),
    "category under another name": (lambda root: renamed("upper_body", "Upper-Body")(root) and "Upper-Body", "Rename"),
    "category of another data set": (lambda root: renamed("dresses", "dress")(root) and "dress", "unknown category"),
    "pictures linked out": (linked_out, "a link out of the root"),
    "list that is a folder": (list_is_a_folder, "unreadable (a folder)"),
    "empty list beside other garments": (set_list("", PAIRED), "no pairs"),
    "list of empty lines": (set_list("\n\n", PAIRED), "no pairs"),
    "a NUL byte": (set_list(line(0, 0) + "00\x000001_0.png 000001_1.png\n", TRAIN), "a NUL byte in line 2 ('00\\0"),
    "one name": (set_list(line(0, 0) + "000001_0.png\n", TRAIN), "1 name in line 2"),
    "the category as third column": (set_list(line(0, 0).strip() + "\t0\n", TRAIN), "3 names in line 1"),
    "not UTF-8": (set_list(line(0, 0).encode() + b"\xff\xfe", TRAIN), "not UTF-8"),
    "name above the root": (set_list(line(0, 0) + "../000001_0.png 000001_1.png\n", TRAIN), "leads to another folder"),
    "absolute name": (set_list(line(0, 0) + "/etc/1_0.png 000001_1.png\n", TRAIN), "leads to another folder"),
    "name without extension": (set_list(line(0, 0) + "000001_0 000001_1\n", TRAIN), "without an image's extension"),
    "columns swapped": (set_list("000000_1.png 000000_0.png\n", TRAIN), "a person's name such as 000000_0.jpg"),
    "names of VITON-HD": (set_list("000000_00.png 000000_01.png\n", TRAIN), "another name in line 1"),
    "person as own garment": (set_list("000000_0.png 000000_0.png\n", TRAIN), "a garment's name such as 000000_1.jpg"),
    "another's garment in a paired list": (set_list(line(3, 0), PAIRED), "Move the line to test_pairs_unpaired.txt"),
    "duplicate pair": (set_list(line(0, 0) * 2, TRAIN), "in lines 1 and 2"),
    "person in both splits": (set_list(line(3, 3) + line(0, 0), PAIRED), "1 person of train_pairs.txt"),
    "person not in the unpaired list": (set_list(line(9, 3), UNPAIRED), "Add a line '000003_0.png GARMENT'"),
    "unpaired list not UTF-8": (set_list(b"\xff\xff", UNPAIRED), "not UTF-8"),
}  # fmt: skip


@pytest.mark.parametrize("kind", STRUCTURE)
def test_damage_to_lists_and_folders_is_one_problem_and_refused_at_once(root: Path, kind: str) -> None:
    damage, found = STRUCTURE[kind]
    if kind == "person in both splits":
        with (root / UNPAIRED).open("a") as unpaired:
            unpaired.write(line(0, 9))
    file = root / damage(root)
    problems = check_folder(root, "dresscode")
    assert [problem.file for problem in problems] == [file], problems
    assert found in str(problems[0]) and problems[0].remedy
    with pytest.raises(FolderError) as raised:
        Folder(root, DataConfig(height=40, width=30, layout="dresscode"))
    assert str(raised.value) == str(problems[0])


def test_a_category_of_an_unknown_name_is_named(root: Path) -> None:
    (root / "upper_body").rename(root / "jackets")
    (problem,) = check_folder(root / "jackets")
    assert problem.file == root / "jackets" and "unknown category" in str(problem)


def test_layouts_are_recognised_chosen_or_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (problem,) = check_folder(tmp_path / "other")
    assert all(title in str(problem) for title in ("VITON-HD", "DressCode", "DeepFashion"))
    (root / "train").mkdir()
    (problem,) = check_folder(root)
    assert "VITON-HD and DressCode" in problem.found and "data.layout=" in problem.remedy
    assert check_folder(root, "dresscode") == []
    assert "a folder of VITON-HD, DressCode, DeepFashion or persons alone" in str(check_folder(tmp_path / "nowhere")[0])
    with pytest.raises(FolderError, match="one layout"):
        Folder(root, CONFIG)
    with pytest.raises(ValueError, match="layout='dress code': expected one of"):
        write_folder(Dressed(), tmp_path / "new", train=1, test=0, layout="dress code")


def test_every_category_needs_other_garments(root: Path) -> None:
    (root / "dresses" / "test_pairs_unpaired.txt").unlink()
    assert check_folder(root) == [] and "dresses/test_pairs_paired.txt" in folder_uses(root)["evaluate"]
    assert len(Folder(root, CONFIG).paired("test", range(3))) == 3
    with pytest.raises(FolderError, match=r"dresses/test_pairs_paired\.txt: found everyone with their own garment"):
        Folder(root, CONFIG).unpaired("test", [0])


@pytest.mark.parametrize("name", ["", "upper_body/images", "dresses/label_maps"])
def test_a_folder_without_permission_is_one_problem(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, access = root / name, os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != closed and access(path, mode))
    (problem,) = check_folder(root)
    assert problem.file == closed and "without permission" in problem.found


def test_single_files_are_found_beside_the_person(root: Path) -> None:
    person, garment = (root / "upper_body" / "images" / f"000003_{n}.png" for n in (0, 1))
    batch, expected = read_files(person, garment, height=40, width=30), Folder(root, CONFIG).paired("test", [0])
    for name in ("person", "garment", "agnostic_mask", "dense_pose", "parse"):
        torch.testing.assert_close(getattr(batch, name), getattr(expected, name), msg=name)
    (root / "upper_body" / "agnostic_masks" / "000003_0.png").unlink()
    made, expected = read_files(person, garment, height=40, width=30), Folder(root, CONFIG).paired("test", [0])
    assert torch.equal(made.agnostic_mask, expected.agnostic_mask) and made.agnostic_mask.any()
    (root / "upper_body" / "label_maps" / "000003_4.png").unlink()
    with pytest.raises(FolderError, match=r"agnostic mask of 000003_0.png\. Name it with --mask"):
        read_files(person, garment, height=40, width=30)
