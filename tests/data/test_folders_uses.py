"""What a folder can be used for: one rule, which check, training and evaluation share; the memory of a check."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from damage import USES_OF_A_SOUND_FOLDER
from gan_stages import stage_config
from painted_source import PaintedSource
from PIL import Image

from vtonlib import experiment
from vtonlib.cli import main
from vtonlib.config import DataConfig
from vtonlib.data.folders import Folder, FolderError, check_folder, folder_uses, write_folder
from vtonlib.data.world import World
from vtonlib.presets import open_source

CONFIG = DataConfig(height=32, width=24)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("uses") / "data"
    write_folder(World(CONFIG), root, train=8, test=4)
    return root


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "data"))


def without(root: Path, *folders: str) -> None:
    for split in ("train", "test"):
        for name in folders:
            shutil.rmtree(root / split / name)


def test_a_whole_folder_is_good_for_everything(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert folder_uses(root) == USES_OF_A_SOUND_FOLDER
    assert main(["data", "check", str(root)]) == 0
    assert "no problems found\n  train: yes\n  train segmentation: yes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("folders", "presets"),
    [
        (("image-parse-v3", "image-parse"), {"segmentation", "alias"}),
        (("warped-cloth",), {"alias"}),
        (("misalign-mask",), {"alias"}),
    ],
)
def test_what_a_preset_needs_is_asked_for_before_it_is_trained(
    root: Path, tmp_path: Path, folders: tuple[str, ...], presets: set[str]
) -> None:
    without(root, *folders)
    assert check_folder(root) == [] and len(Folder(root, CONFIG).paired("train", torch.arange(2))) == 2
    uses = folder_uses(root)
    told = {"evaluate alias"} if "segmentation" in presets else set()
    assert {use for use, reason in uses.items() if reason} == {f"train {preset}" for preset in presets} | told
    for preset in presets:
        assert folders[0] in uses[f"train {preset}"]
        with pytest.raises(FolderError, match=rf"train/{folders[0]}: found nothing"):
            experiment.train(stage_config(preset, steps=1, root=str(root)), tmp_path / preset)
        assert not (tmp_path / preset).exists()


def test_one_missing_file_of_a_needed_folder_is_named(root: Path) -> None:
    victim = min((root / "train" / "image-parse-v3").iterdir())
    victim.unlink()
    (problem,) = check_folder(root)
    assert problem.file == victim and problem.found == "nothing, as for 1 of 8 listed names"
    reason = f"{victim}: nothing, as for 1 of 8 listed names"
    assert {use: why for use, why in folder_uses(root).items() if why} == {
        "train segmentation": reason,
        "train alias": reason,
    }
    assert len(Folder(root, CONFIG).paired("train", torch.arange(1))) == 1
    with pytest.raises(FolderError, match=victim.name):
        open_source(DataConfig(height=32, width=24, root=str(root)), preset="alias").paired("train", torch.arange(1))


def as_jpeg(file: Path) -> None:
    with Image.open(file) as image:
        image.convert("L").save(file.with_suffix(".jpg"))
    file.unlink()


@pytest.mark.parametrize(
    ("folder", "harm", "found"),
    [
        ("image-parse-v3", as_jpeg, "000000_00.jpg in its place (4 of 4 listed names)"),
        ("openpose_json", Path.unlink, "no file of a listed name"),
        ("misalign-mask", Path.unlink, "no file of a listed name"),
    ],
)
def test_optional_files_that_are_all_lost_are_one_problem(root: Path, folder: str, harm, found: str) -> None:
    for file in (root / "test" / folder).iterdir():
        harm(file)
    (problem,) = check_folder(root)
    assert problem.found == found and folder in str(problem) and f"remove {folder}/" in problem.remedy
    assert len(Folder(root, CONFIG).unpaired("test", range(4))) == 4, "who does not need them reads on"


def test_alias_is_not_evaluated_without_a_label_map(root: Path, tmp_path: Path, capsys) -> None:
    victim = max((root / "test" / "image-parse-v3").iterdir())
    victim.unlink()
    assert {use for use, why in folder_uses(root).items() if why} == {"evaluate alias"}
    assert main(["evaluate", "alias-tiny", "--data", str(root), "--count", "1", "--out", str(tmp_path / "out")]) == 2
    assert f"{victim}: found nothing" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_folder_without_test_split_trains_and_is_not_evaluated(root: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / "test")
    (root / "test_pairs.txt").unlink()
    assert check_folder(root) == []
    assert folder_uses(root) == {
        "train": "",
        "train segmentation": "",
        "train alias": "",
        "evaluate": f"{root}/test_pairs.txt is not there",
        "evaluate alias": f"{root}/test_pairs.txt is not there",
    }
    experiment.train(stage_config("geometric_matching", steps=1, root=str(root)), tmp_path / "run")


def test_a_folder_without_train_split_or_other_garments(root: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / "train")
    (root / "train_pairs.txt").unlink()
    names = [line.split()[0] for line in (root / "test_pairs.txt").read_text().splitlines()]
    (root / "test_pairs.txt").write_text("".join(f"{name} {name}\n" for name in names))
    assert check_folder(root) == []
    uses = folder_uses(root)
    assert "train_pairs.txt is not there" in uses["train"] and uses["train alias"]
    assert "everyone their own garment" in uses["evaluate"]
    with pytest.raises(FolderError, match=r"train_pairs\.txt: found nothing"):
        experiment.train(stage_config("geometric_matching", steps=1, root=str(root)), tmp_path / "run")
    with pytest.raises(FolderError, match="everyone with their own garment"):
        Folder(root, CONFIG).unpaired("test", torch.arange(1))


@pytest.mark.parametrize("name", ["", "train", "train/image", "train/image-parse-v3"])
def test_a_folder_without_permission_is_one_problem(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, access = root / name, os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != closed and access(path, mode))
    (problem,) = check_folder(root)
    assert problem.file == closed and "without permission" in problem.found
    with pytest.raises(FolderError, match="without permission"):
        Folder(root, CONFIG)


def test_a_link_is_no_place_for_a_new_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    for name, target in (("link", "real"), ("broken", "nowhere")):
        (tmp_path / name).symlink_to(target)
        with pytest.raises(FolderError, match="found a link, expected nothing"):
            write_folder(PaintedSource(), tmp_path / name, train=1, test=0)
    assert not list((tmp_path / "real").iterdir()) and len(list(tmp_path.iterdir())) == 3


def test_a_place_where_nothing_can_be_made_is_named_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError) as raised:
        write_folder(PaintedSource(), tmp_path / "file" / "new", train=1, test=0)
    assert raised.value.problem.file == tmp_path / "file" / "new" and "no folder can be made" in str(raised.value)


KILLED = """
import os, sys
from pathlib import Path
from painted_source import PaintedSource
from vtonlib.data.folders import write_folder

class Killer(PaintedSource):
    def unpaired(self, split, indices):
        os.kill(os.getpid(), 9)

write_folder(Killer(), Path(sys.argv[1]), train=2, test=2)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_what_a_killed_writer_left_is_gone_after_the_next(tmp_path: Path) -> None:
    paths = os.pathsep.join(map(str, (Path(__file__).parents[1] / "support", Path(__file__).parents[2])))
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "new"], env=os.environ | {"PYTHONPATH": paths})
    assert killed.returncode == -9
    assert list(tmp_path.glob(".new*")), "it was killed while writing"
    write_folder(PaintedSource(), tmp_path / "new", train=1, test=1)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert check_folder(tmp_path / "new") == []


MEASURED = """
import resource, sys
from vtonlib.data.folders import check_folder
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert check_folder(sys.argv[1]) == []
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
def test_large_pictures_are_checked_in_little_memory(tmp_path: Path) -> None:
    """Two examples of 12 megapixels: five, whole and in floats, were 2.7 GB."""
    root = tmp_path / "large"
    write_folder(PaintedSource(), root, train=2, test=0)
    for name in ("true-flow", "openpose_json", "openpose-json", "image-parse", "image-parse-v3", "misalign-mask"):
        shutil.rmtree(root / "train" / name)
    for file in (root / "train").rglob("*.*g"):
        with Image.open(file) as image:
            image.resize((3000, 4000), Image.Resampling.NEAREST).save(file, compress_level=1)
    done = subprocess.run([sys.executable, "-c", MEASURED, root], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 600
