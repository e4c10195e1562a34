"""Every kind of damage gives exactly one problem, which names the file; the reader refuses it with the same words."""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from damage import (
    FLOW,
    FLOW_MASK,
    Damage,
    edit,
    first_joint,
    many_digits,
    noisy_jpeg,
    pipe,
    pixels,
    png_header_of,
    removed,
    renamed,
    set_list,
    shared_damage,
    shifted,
    store_flow,
    three_joints,
)
from painted_source import PaintedSource

from vtonlib.config import DataConfig
from vtonlib.data.folders import Folder, FolderError, check_folder, write_folder

CONFIG = DataConfig(height=40, width=30)
PARTS = {
    "person": "image/{}.png",
    "pose": "image-densepose/{}.png",
    "agnostic": "agnostic-v3.2/{}.png",
    "agnostic-mask": "agnostic-mask/{}_mask.png",
    "region": "gt_cloth_warped_mask/{}.png",
    "parse": "image-parse-v3/{}.png",
    "joints": "openpose_json/{}_keypoints.json",
    "flow": "true-flow/{}.safetensors",
    "cloth": "cloth/{}.png",
    "cloth-mask": "cloth-mask/{}.png",
}


def agnostic_for_mask(file: Path) -> None:
    shutil.copy(file.parents[1] / "agnostic-v3.2" / file.name.replace("_mask", ""), file)


def grey_agnostic_for_mask(file: Path) -> None:
    agnostic_for_mask(file)
    edit(lambda image: image.convert("L"))(file)


def of_another(file: Path) -> None:
    """As much is white as before, and a third of it where the agnostic image shows the person."""
    pixels(lambda x: np.roll(x, max(1, (x > 127).any(0).sum() // 3), 1))(file)


def leading_nowhere(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere.png")


UNFOUND = '{"people": [{"pose_keypoints_2d": [' + ", ".join("0" * 75) + "]}]}"


FILE_DAMAGE: dict[str, tuple[str, Damage, str]] = shared_damage(
    person="person", garment="cloth", pose="pose", labels="parse", joints="joints", flow="flow"
) | {
    "missing agnostic": ("agnostic", Path.unlink, "found nothing"),
    "missing agnostic mask": ("agnostic-mask", Path.unlink, "found nothing"),
    "missing cloth mask": ("cloth-mask", Path.unlink, "found nothing"),
    "missing worn region": ("region", Path.unlink, "found nothing"),
    "16 bits": ("cloth-mask", pixels(lambda x: x.astype(np.uint16) * 257), "mode I;16"),
    "agnostic image as mask": ("agnostic-mask", agnostic_for_mask, "a colour image"),
    "grey agnostic image as mask": ("agnostic-mask", grey_agnostic_for_mask, "a grey mask"),
    "inverted agnostic mask": ("agnostic-mask", pixels(lambda x: 255 - x), "an inverted mask"),
    "inverted cloth mask": ("cloth-mask", pixels(lambda x: 255 - x), "an inverted mask"),
    "inverted worn region": ("region", pixels(lambda x: 255 - x), "an inverted mask"),
    "empty agnostic mask": ("agnostic-mask", pixels(np.zeros_like), "an empty mask"),
    "mask of zeros and ones": ("cloth-mask", pixels(lambda x: x // 255), "an empty mask (brightest value 1)"),
    "empty worn region": ("region", pixels(np.zeros_like), "an empty mask"),
    "full agnostic mask": ("agnostic-mask", pixels(lambda x: np.full_like(x, 255)), "covers everything"),
    "full cloth mask": ("cloth-mask", pixels(lambda x: np.full_like(x, 255)), "covers everything"),
    "blank densepose": ("pose", pixels(np.zeros_like), "a blank image"),
    "person of another size": ("person", edit(lambda image: image.resize((60, 80))), "60x80 pixels"),
    "cloth mask of another size": ("cloth-mask", edit(lambda image: image.resize((15, 20))), "15x20 pixels"),
    "one pixel": ("person", edit(lambda image: image.resize((1, 1))), "1x1 pixels"),
    "decompression bomb": ("person", png_header_of(60000, 60000), "megapixels"),
    "joints of no body": ("joints", three_joints, "3 joints"),
    "joints of nobody": ("joints", lambda f: f.write_text('{"people": []}'), "found nobody"),
    "joints that were not found": ("joints", lambda f: f.write_text(UNFOUND), "found no joint"),
    "another's mask": ("agnostic-mask", of_another, "agnostic image shows"),
    "mask with another suffix": ("agnostic-mask", lambda f: f.rename(f.with_suffix(".jpg")), "_mask.jpg in its place"),
    "link to nothing": ("person", leading_nowhere, "a link to nothing (nowhere.png)"),
    "joints without people": ("joints", lambda f: f.write_text("[]"), "found not the expected structure"),
    "flow that is no safetensors": ("flow", lambda f: f.write_bytes(b"\x80\x04pickle"), "found no safetensors file ("),
    "flow without mask": ("flow", store_flow(flow=FLOW), "found no entry 'flow_mask'"),
    "flow of the wrong shape": ("flow", store_flow(flow=FLOW[..., 0], flow_mask=FLOW_MASK), "'flow' [40, 30]"),
    "flow_mask with NaN": ("flow", store_flow(flow=FLOW, flow_mask=FLOW_MASK * np.float32("nan")), "the value nan"),
    "flow_mask with sevens": ("flow", store_flow(flow=FLOW, flow_mask=FLOW_MASK * 7), "the value 7"),
    "flow that leads far away": ("flow", store_flow(flow=FLOW - 500, flow_mask=FLOW_MASK), "coordinates up to 500"),
    "flow without pixels": ("flow", store_flow(flow=FLOW[:0], flow_mask=FLOW_MASK[:0]), "a flow of 30x0"),
    "JPEG with zeros inside": ("person", noisy_jpeg(lambda d, m: d[:m] + bytes(400) + d[m + 400 :]), "damaged image"),
    "JPEG with a tail of zeros": ("person", noisy_jpeg(lambda d, m: d[:m] + bytes(len(d) - m)), "damaged image"),
    "JPEG cut, its end appended": ("person", noisy_jpeg(lambda d, m: d[:m] + b"\xff\xd9"), "damaged image"),
    "blank agnostic": ("agnostic", pixels(lambda x: np.full_like(x, 127)), "a blank image"),
    "mask of another place": ("agnostic-mask", shifted, "another place than the agnostic image hides"),
    "joints nested deeply": ("joints", lambda f: f.write_bytes(b"[" * 100_000) and None, "JSON nested too deeply"),
    "joint of 400 digits": ("joints", many_digits, "found numbers too large to read"),
    "joint at infinity": ("joints", first_joint(float("inf"), 0, 1), "nose at [inf, 0.0]"),
    "joint far away": ("joints", first_joint(1e30, 0, 1), "a joint at (1e+30, 0)"),
}  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One example in train for each kind of damage, and three in test."""
    root = tmp_path_factory.mktemp("sound") / "data"
    write_folder(PaintedSource(100), root, train=len(FILE_DAMAGE), test=3, image_format="png")
    return root


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "data"))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("three") / "data"
    write_folder(PaintedSource(), root, train=3, test=3, image_format="png")
    return root


@pytest.fixture
def small(three: Path, tmp_path: Path) -> Path:
    """Three examples in each split."""
    return Path(shutil.copytree(three, tmp_path / "data"))


def inflict(root: Path, kind: str, index: int) -> tuple[Path, str]:
    """Damage a file of the example ``index`` of train; the file, and what is to be found there."""
    part, damage, found = FILE_DAMAGE[kind]
    file = root / "train" / PARTS[part].format(f"{index:06d}_00")
    damage(file)
    return file, found


@pytest.mark.parametrize("kind", FILE_DAMAGE)
def test_damage_to_a_file_is_one_problem_and_refused_by_the_reader(small: Path, kind: str) -> None:
    file, found = inflict(small, kind, 1)
    problems = check_folder(small)
    assert [problem.file for problem in problems] == [file]
    assert found in str(problems[0]) and str(file) in str(problems[0])
    assert problems[0].found and problems[0].expected and problems[0].remedy
    folder = Folder(small, CONFIG)
    assert len(folder.paired("train", torch.tensor([0, 2]))) == 2, "the other examples are untouched"
    with pytest.raises(FolderError) as raised:
        folder.paired("train", torch.tensor([0, 1]))
    assert raised.value.problem.file == file
    assert found in str(raised.value)


@pytest.mark.parametrize("seed", range(6))
def test_any_set_of_damages_in_any_order_is_reported_whole(root: Path, seed: int) -> None:
    shuffle = random.Random(seed)
    kinds = shuffle.sample(sorted(FILE_DAMAGE), k=shuffle.choice([2, 7, len(FILE_DAMAGE)]))
    where = shuffle.sample(range(len(FILE_DAMAGE)), k=len(kinds))
    expected = dict(inflict(root, kind, index) for kind, index in zip(kinds, where, strict=True))
    problems = {problem.file: str(problem) for problem in check_folder(root)}
    assert problems.keys() == expected.keys()
    assert all(expected[file] in problems[file] for file in expected)
    assert len(check_folder(root)) == len(kinds)


def folder_leading_nowhere(root: Path) -> str:
    shutil.rmtree(root / "test" / "cloth")
    (root / "test" / "cloth").symlink_to("nowhere")
    return "test/cloth"


def folder_linked_out(root: Path) -> str:
    shutil.move(root / "test" / "cloth", root.parent / "elsewhere")
    (root / "test" / "cloth").symlink_to(root.parent / "elsewhere", target_is_directory=True)
    return "test/cloth"


A, B, C = (f"00000{i}_00.png" for i in range(3))
GOOD = f"{A} {B}\n{B} {C}\n"
STRUCTURE: dict[str, tuple[Callable[[Path], str], str]] = {
    "no train list": (removed("train_pairs.txt"), "nothing beside train/"),
    "no test list": (removed("test_pairs.txt"), "nothing beside test/"),
    "no train folder": (removed("train"), "expected the folder train_pairs.txt names"),
    "no test folder": (removed("test"), "Copy test/ of the data set there"),
    "empty list": (set_list(""), "no pairs"),
    "list of empty lines": (set_list("\n \n"), "no pairs"),
    "one name": (set_list(GOOD + f"{A}\n"), f"1 name in line 3 ('{A}')"),
    "three names": (set_list(GOOD + f"{A} {B} {C}\n"), "3 names in line 3"),
    "not UTF-8": (set_list(GOOD.encode() + b"\xff\xfe.png a.png\n"), f"not UTF-8 (at offset {len(GOOD)})"),
    "UTF-16": (set_list(GOOD.encode("utf-16")), "not UTF-8"),
    "name above the root": (set_list(GOOD + f"../../{A} {A}\n"), "leads to another folder in line 3 ('../../"),
    "name above the root, garment": (set_list(GOOD + f"{A} ../{A}\n"), "leads to another folder in line 3"),
    "absolute name": (set_list(GOOD + f"/etc/{A} {A}\n"), "leads to another folder in line 3"),
    "backslash": (set_list(GOOD + f"..\\{A} {A}\n"), "leads to another folder in line 3"),
    "long name": (set_list(GOOD + f"{'a' * 300}.png {A}\n"), "a name of 304 characters in line 3"),
    "list that is a pipe": (lambda root: pipe(root / "test_pairs.txt") or "test_pairs.txt", "unreadable (a pipe)"),
    "parse under its older name": (removed("train/image-parse-v3"), "Rename image-parse/ to image-parse-v3/"),
    "poses misnamed": (removed("test/openpose_json"), "Rename openpose-json/ to openpose_json/"),
    "warps misnamed": (renamed("train/warped-cloth", "Warped_Cloth"), "Rename Warped_Cloth/ to warped-cloth/"),
    "drive letter": (set_list(GOOD + f"C:{A} {A}\n"), "leads to another folder in line 3"),
    "name without extension": (set_list(GOOD + "000000_00 000001_00\n"), "without an image's extension in line 3"),
    "two dots": (set_list(GOOD + f".. {A}\n"), "leads to another folder in line 3"),
    "duplicate pair": (set_list(GOOD + f"{A} {B}\n"), f"the pair '{A} {B}' in lines 1 and 3"),
    "no cloth folder": (removed("test/cloth"), "expected a folder cloth/"),
    "no densepose folder": (removed("train/image-densepose"), "expected a folder image-densepose/"),
    "no worn region in train": (removed("train/gt_cloth_warped_mask"), "expected a folder gt_cloth_warped_mask/"),
    "README's agnostic": (renamed("train/agnostic-v3.2", "agnostic"), "Rename agnostic/ to agnostic-v3.2/"),
    "README's cloth_mask": (renamed("test/cloth-mask", "cloth_mask"), "Rename cloth_mask/ to cloth-mask/"),
    "folder linked out": (folder_linked_out, "a link out of the root"),
    "folder leading nowhere": (folder_leading_nowhere, "a link to nothing (nowhere)"),
    "person not in the unpaired list": (set_list(f"{A} {B}\n{C} {B}\n", "test_pairs_unpaired.txt"), f"no line for {B}"),
}  # fmt: skip


@pytest.mark.parametrize("kind", STRUCTURE)
def test_damage_to_lists_and_folders_is_one_problem_and_refused_at_once(small: Path, kind: str) -> None:
    damage, found = STRUCTURE[kind]
    file = small / damage(small)
    problems = check_folder(small)
    assert [problem.file for problem in problems] == [file]
    assert found in str(problems[0])
    with pytest.raises(FolderError) as raised:
        Folder(small, CONFIG)
    assert str(raised.value) == str(problems[0])


def test_a_root_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("gone")
    expected = {
        "link": "found a link to nothing (gone)",
        "nowhere": "found nothing",
        "file": "found a file",
        "empty": "found neither lists of pairs nor",
    }
    for name, found in expected.items():
        (problem,) = check_folder(tmp_path / name)
        assert problem.file == tmp_path / name and found in str(problem)
        with pytest.raises(FolderError, match=re.escape(found)):
            Folder(tmp_path / name, CONFIG)


def test_an_example_of_another_shape_stands_out(small: Path) -> None:
    """All files of an example agree with each other, but would be stretched."""
    for part in ("person", "pose", "agnostic", "agnostic-mask", "region", "parse"):
        edit(lambda image: image.resize((36, 36), 0))(small / "train" / PARTS[part].format("000001_00"))
    for name in ("warped-cloth", "misalign-mask", "true-flow"):
        shutil.rmtree(small / "train" / name)
    (problem,) = check_folder(small)
    assert problem.file == small / "train" / "image" / "000001_00.png"
    assert "36x36 pixels (height/width 1)" in str(problem)
    with pytest.raises(FolderError, match=r"000001_00.png: found 36x36 pixels"):
        Folder(small, CONFIG).paired("train", torch.tensor([1]))


def test_the_unpaired_garment_is_looked_at_too(small: Path) -> None:
    (small / "test" / "cloth" / "000002_01.png").unlink()
    (problem,) = check_folder(small)
    assert problem.file == small / "test" / "cloth" / "000002_01.png"
    folder = Folder(small, CONFIG)
    assert len(folder.paired("test", torch.arange(3))) == 3
    with pytest.raises(FolderError, match=r"000002_01.png: found nothing"):
        folder.unpaired("test", torch.arange(3))


def test_a_file_without_permission(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, read = small / "train" / "image" / "000001_00.png", Path.read_bytes

    def guarded(path: Path) -> bytes:
        if path == file:
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", guarded)
    (problem,) = check_folder(small)
    assert problem.file == file and "without permission" in problem.found


def test_the_first_error_says_that_there_are_more(small: Path) -> None:
    os.remove(small / "test_pairs.txt")
    shutil.rmtree(small / "train" / "cloth")
    with pytest.raises(FolderError, match=r"and 1 more: python -m vtonlib data check"):
        Folder(small, CONFIG)
    assert len(check_folder(small)) == 2


def test_checking_changes_nothing(small: Path) -> None:
    state = {file: file.read_bytes() for file in small.rglob("*") if file.is_file()}
    assert check_folder(str(small)) == []
    assert {file: file.read_bytes() for file in small.rglob("*") if file.is_file()} == state


def test_soft_and_jpeg_masks_and_grey_photographs_pass(small: Path) -> None:
    for part in ("cloth-mask", "region"):
        edit(lambda image: image.convert("RGB"), format="JPEG", quality=60)(
            small / "train" / PARTS[part].format("000000_00")
        )
    edit(lambda image: image.convert("L"))(small / "train" / PARTS["person"].format("000001_00"))
    edit(lambda image: image.point(lambda v: 255 * (v > 127)).convert("1"))(
        small / "train" / PARTS["agnostic-mask"].format("000001_00")
    )
    assert check_folder(small) == []
