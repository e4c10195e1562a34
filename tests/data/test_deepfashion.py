"""DeepFashion: pose transfer written and read again at any size, flat names understood; every damage is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from damage import (
    pixels,
    removed,
    renamed,
    set_list,
    shared_damage,
    three_joints,
)
from dressed_source import Posed

from vtonlib.config import DataConfig
from vtonlib.data.folders import Folder, FolderError, check_folder, folder_uses, read_files, write_folder
from vtonlib.data.folders.deepfashion import unfolded
from vtonlib.data.reposing import PoseTransfer
from vtonlib.presets import open_source

CONFIG = DataConfig(height=40, width=30, reference="person")
HOME = "WOMEN/World/id_{:08d}"
PARTS = {
    "target": "img/{}/02_1_front.png",
    "reference": "img/{}/01_1_front.png",
    "pose": "img/{}/02_1_front_iuv.png",
    "silhouette": "silhouette/{}/01_1_front.png",
    "region": "true-region/{}/02_1_front.png",
    "labels": "image-parse/{}/02_1_front.png",
    "joints": "openpose_json/{}/02_1_front_keypoints.json",
    "flow": "true-flow/{}/02_1_front.safetensors",
}
FILE_DAMAGE = shared_damage(
    person="target", garment="reference", pose="pose", labels="labels", joints="joints", flow="flow", above=5
) | {
    "missing dense pose": ("pose", Path.unlink, "densepose/WOMEN"),
    "grey silhouette": ("silhouette", pixels(lambda x: np.full_like(x, 120)), "a grey mask"),
    "inverted silhouette": ("silhouette", pixels(lambda x: 255 - x), "an inverted mask"),
    "full region": ("region", pixels(lambda x: np.full_like(x, 255)), "covers everything"),
    "joints of no body": ("joints", three_joints, "3 joints"),
}  # fmt: skip


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("deepfashion") / "three"
    write_folder(Posed(), root, train=3, test=3, layout="deepfashion", image_format="png")
    return root


@pytest.fixture
def root(three: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(three, tmp_path / "data"))


def test_the_worlds_pose_transfer_is_written_and_read_again(tmp_path: Path) -> None:
    config = DataConfig(height=44, width=32, seed=3, reference="person")
    world, root = PoseTransfer(config), tmp_path / "world"
    write_folder(world, root, train=6, test=6, layout="deepfashion", image_format="png")
    assert check_folder(root) == []
    no = f"{root} is a folder of DeepFashion, for pose transfer"
    assert folder_uses(root) == {"train": "", "train segmentation": no, "train alias": no, "evaluate": ""}
    folder, rows = open_source(DataConfig(height=44, width=32, root=str(root), reference="person")), torch.arange(6)
    for split in ("train", "test"):
        found, expected = folder.paired(split, rows).tensors(), world.paired(split, rows).tensors()
        for name in expected:
            exact = name in {"flow", "flow_mask", "parse", "agnostic", "agnostic_mask", "index"}
            atol = 0 if exact else 2e-5 if name == "keypoints" else 0.0041
            torch.testing.assert_close(found[name], expected[name], atol=atol, rtol=0, equal_nan=True, msg=name)
        assert found["flow_mask"].mean() > 0.05
    found, expected = folder.unpaired("test", rows), world.unpaired("test", rows)
    torch.testing.assert_close(found.garment, expected.garment, atol=0.0041, rtol=0)
    torch.testing.assert_close(found.dense_pose, world.paired("test", rows).dense_pose, atol=0.0041, rtol=0)
    assert not found.flow_mask.any() and not found.garment_region.any() and found.agnostic_mask.all()


def test_names_are_those_of_deepfashion(three: Path) -> None:
    lines = (three / "test_pairs.csv").read_text().splitlines()
    assert lines[0] == "from,to"
    assert lines[1] == f"{HOME.format(3)}/01_1_front.png,{HOME.format(3)}/02_1_front.png"
    others = (three / "test_pairs_unpaired.csv").read_text().splitlines()
    assert others[1] == f"{HOME.format(9)}/01_1_front.png,{HOME.format(3)}/02_1_front.png"
    assert all((three / part.format(HOME.format(1))).exists() for part in PARTS.values())


@pytest.mark.parametrize(("height", "width"), [(256, 176), (512, 352)])
def test_the_papers_sizes(tmp_path: Path, height: int, width: int) -> None:
    """Written at one size and read at it: a photograph without anything of ours beside it."""
    root = tmp_path / "data"
    write_folder(Posed(4, height, width), root, train=1, test=1, layout="deepfashion")
    for ours in ("silhouette", "true-region", "true-flow", "image-parse", "openpose_json"):
        shutil.rmtree(root / ours)
    assert check_folder(root) == []
    batch = Folder(root, DataConfig(height=height, width=width, reference="person")).paired("test", [0])
    assert batch.size == (height, width)
    assert batch.agnostic_mask.eq(1).all() and batch.agnostic.eq(0).all() and batch.garment_mask.eq(1).all()
    assert torch.equal(batch.warped_garment, batch.garment) and not batch.misalign_mask.any()
    assert not batch.flow_mask.any() and batch.keypoints.isnan().all() and not batch.parse.any()
    body = (batch.dense_pose > -1).any(1, keepdim=True)
    assert torch.equal(batch.garment_region > 0.5, body) and 0.05 < body.float().mean() < 0.9


def test_flat_names_are_understood(root: Path) -> None:
    assert unfolded("fashionWOMENTees_Tanksid0000762403_1front.jpg") == "WOMEN/Tees_Tanks/id_00007624/03_1_front.jpg"
    assert unfolded("fashionMENDenimid0000008002_4full.jpg") == "MEN/Denim/id_00000080/02_4_full.jpg"
    before = Folder(root, CONFIG)
    flat = "fashionWOMENWorldid{:08d}{:02d}_1front.png"
    rows = "".join(f"{i},{flat.format(i, 1)},{flat.format(i, 2)}\r\n" for i in range(3))
    (root / "train_pairs.csv").write_bytes(f",from,to\r\n{rows}".encode("utf-8-sig"))
    assert check_folder(root) == []
    after = Folder(root, CONFIG)
    assert after.pairs("train") == before.pairs("train")
    assert torch.equal(after.paired("train", range(3)).garment, before.paired("train", range(3)).garment)


def test_dense_poses_in_a_tree_of_their_own(root: Path) -> None:
    before = Folder(root, CONFIG).paired("train", range(3))
    for file in sorted((root / "img").rglob("*_iuv.png")):
        target = root / "densepose" / file.relative_to(root / "img")
        target.parent.mkdir(parents=True, exist_ok=True)
        file.rename(target)
    assert check_folder(root) == []
    assert torch.equal(Folder(root, CONFIG).paired("train", range(3)).dense_pose, before.dense_pose)


def test_a_folder_of_garments_is_no_pose_transfer(tmp_path: Path) -> None:
    write_folder(Posed(), tmp_path / "viton", train=1, test=0)
    with pytest.raises(FolderError, match=r"a folder of VITON-HD, whose references are garments.*data.reference"):
        open_source(DataConfig(height=40, width=30, root=str(tmp_path / "viton"), reference="person"))


def test_a_pose_transfer_is_no_folder_of_garments(root: Path) -> None:
    with pytest.raises(
        FolderError, match=r"a folder of DeepFashion, for pose.*leffa_pose.*--set data.reference=person"
    ):
        open_source(DataConfig(height=40, width=30, root=str(root)))


def test_single_files_are_found_beside_the_picture(root: Path) -> None:
    home = root / "img" / HOME.format(4)
    batch = read_files(home / "02_1_front.png", home / "01_1_front.png", height=40, width=30)
    expected = Folder(root, CONFIG).paired("test", [1])
    for name in ("person", "garment", "agnostic", "agnostic_mask", "dense_pose"):
        torch.testing.assert_close(getattr(batch, name), getattr(expected, name), msg=name)
    assert batch.garment_mask.all()
    with pytest.raises(FolderError, match="--dense-pose"):
        read_files(home / "01_1_front.png", home / "02_1_front.png", height=40, width=30)


def test_every_damage_to_a_file_is_one_problem_and_refused_by_the_reader(tmp_path: Path) -> None:
    root, count = tmp_path / "data", len(FILE_DAMAGE)
    write_folder(Posed(count), root, train=count, test=0, layout="deepfashion", image_format="png")
    assert check_folder(root) == []
    expected = {}
    for number, (part, damage, found) in enumerate(FILE_DAMAGE.values()):
        file = root / PARTS[part].format(HOME.format(number))
        damage(file)
        expected[file] = found
    listed = check_folder(root)
    problems = {problem.file: problem for problem in listed}
    assert problems.keys() == expected.keys() and len(listed) == count
    folder = Folder(root, CONFIG)
    for example, (file, found) in enumerate(expected.items()):
        assert found in str(problems[file]) and problems[file].remedy, f"{found}: {problems[file]}"
        with pytest.raises(FolderError) as raised:
            folder.paired("train", [example])
        assert str(raised.value) == str(problems[file])


def pair(reference: int, target: int | None = None, first: str = "01_1_front") -> str:
    target = reference if target is None else target
    return f"{HOME.format(reference)}/{first}.png,{HOME.format(target)}/02_1_front.png\n"


TRAIN, TEST, UNPAIRED = "train_pairs.csv", "test_pairs.csv", "test_pairs_unpaired.csv"
HEAD = "from,to\n"
AWAY = f"{{}}/01_1_front.png,{HOME.format(1)}/02_1_front.png\n"


def list_is_a_folder(root: Path) -> str:
    (root / TRAIN).unlink()
    (root / TRAIN).mkdir()
    return TRAIN


def linked_out(root: Path) -> str:
    shutil.move(root / "img", root.parent / "elsewhere")
    (root / "img").symlink_to(root.parent / "elsewhere", target_is_directory=True)
    return "img"


STRUCTURE = {
    "no pictures": (removed("img"), "expected a folder img/"),
    "pictures of high resolution": (renamed("img", "img_highres"), "Rename img_highres/ to img/"),
    "pictures linked out": (linked_out, "a link out of the root"),
    "list under its usual name": (renamed(TRAIN, "fasion-resize-pairs-train.csv"), "Rename fasion-resize-pairs"),
    "list that is a folder": (list_is_a_folder, "unreadable (a folder)"),
    "other references without pairs": (removed(TEST), "expected a list of pairs"),
    "empty list": (set_list("", TRAIN), "no pairs"),
    "header alone": (set_list(HEAD, TRAIN), "no pairs"),
    "no header": (set_list(pair(0), TRAIN), "Write 'from,to' above it"),
    "another header": (set_list("source,target\n" + pair(0), TRAIN), "the header 'source,target'"),
    "semicolons": (set_list((HEAD + pair(0)).replace(",", ";"), TRAIN), "columns divided by ';'"),
    "tabs": (set_list((HEAD + pair(0)).replace(",", "\t"), TRAIN), "columns divided by tabs"),
    "semicolons below the header": (set_list(HEAD + pair(0).replace(",", ";"), TRAIN), "1 name in line 2"),
    "one name": (set_list(HEAD + pair(0) + f"{HOME.format(1)}/01_1_front.png,\n", TRAIN), "1 name in line 3"),
    "a quote that does not end": (set_list(HEAD + '"' + pair(0), TRAIN), "in line 2"),
    "not UTF-8": (set_list(HEAD.encode() + b"\xff\xfe,\n", TRAIN), "not UTF-8"),
    "UTF-16": (set_list((HEAD + pair(0)).encode("utf-16"), TRAIN), "not UTF-8"),
    "name above the root": (set_list(HEAD + pair(0) + AWAY.format("../.."), TRAIN), "leads to another folder"),
    "absolute name": (set_list(HEAD + pair(0) + AWAY.format("/etc"), TRAIN), "leads to another folder"),
    "backslashes": (set_list(HEAD + pair(0).replace("/", "\\"), TRAIN), "leads to another folder"),
    "name without extension": (set_list(HEAD + pair(0).replace(".png", ""), TRAIN), "without an image's extension"),
    "long name": (set_list(HEAD + pair(0).replace("World", "W" * 300), TRAIN), "characters"),
    "neither men nor women": (set_list(HEAD + pair(0).replace("WOMEN", "KIDS"), TRAIN), "such as WOMEN/Dresses/"),
    "picture beside the ids": (set_list(HEAD + "WOMEN/a.png,WOMEN/b.png\n", TRAIN), "such as WOMEN/Dresses/"),
    "pair to itself": (set_list(HEAD + pair(0, first="02_1_front"), TRAIN), "paired with itself in line 2"),
    "duplicate pair": (set_list(HEAD + pair(0) * 2, TRAIN), "in lines 2 and 3"),
    "two persons": (set_list(HEAD + pair(1, 0), TRAIN), "Move the line to train_pairs_unpaired.csv"),
    "person in both splits": (set_list(HEAD + pair(0) + pair(3), TRAIN), "1 person of train_pairs.csv, such as WOMEN"),
    "target not in the unpaired list": (set_list(HEAD + pair(9, 3) + pair(10, 4), UNPAIRED), "line 'REFERENCE,WOM"),
    "two references and one truth": (
        set_list(HEAD + pair(0) + pair(0, first="03_1_front"), TRAIN),
        "two pictures to take it from",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", STRUCTURE)
def test_damage_to_lists_and_folders_is_one_problem_and_refused_at_once(root: Path, kind: str) -> None:
    damage, found = STRUCTURE[kind]
    if "two references" in kind:
        home = root / "img" / HOME.format(0)
        shutil.copy(home / "01_1_front.png", home / "03_1_front.png")
    file = root / damage(root)
    file = root / TEST if kind == "person in both splits" else file  # the list that comes later
    problems = check_folder(root)
    assert [problem.file for problem in problems] == [file], problems
    assert found in str(problems[0]) and problems[0].remedy
    with pytest.raises(FolderError) as raised:
        Folder(root, CONFIG)
    assert str(raised.value) == str(problems[0])


def test_a_linked_folder_on_the_way_leads_nowhere(root: Path) -> None:
    shutil.move(root / "img" / "WOMEN", root.parent / "elsewhere")
    (root / "img" / "WOMEN").symlink_to(root.parent / "elsewhere", target_is_directory=True)
    problems = check_folder(root)
    assert problems and {problem.found for problem in problems} == {"a link out of the root"}
    with pytest.raises(FolderError, match="a link out of the root"):
        Folder(root, CONFIG).paired("train", [0])


def test_several_references_of_a_target_are_read_where_no_truth_contradicts(root: Path) -> None:
    shutil.rmtree(root / "true-flow")
    home = root / "img" / HOME.format(0)
    pixels(lambda x: 255 - x)(Path(shutil.copy(home / "01_1_front.png", home / "03_1_front.png")))
    (root / TRAIN).write_text(HEAD + pair(0) + pair(0, first="03_1_front"))
    assert check_folder(root) == []
    batch = Folder(root, CONFIG).paired("train", [0, 1])
    assert torch.equal(batch.person[0], batch.person[1])
    torch.testing.assert_close(batch.garment[0], -batch.garment[1])
