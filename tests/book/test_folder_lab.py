"""The ten folders of the chapter on folders: which the check names, and that each of the others can be told."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vtonlib.check.lab import FOLDERS, HARMS, PERSONS, PLACES, write_lab
from vtonlib.config import DataConfig
from vtonlib.data.folders import Folder, FolderError, check_folder
from vtonlib.data.world import World
from vtonlib.viz.folder_figures import files_of, folder_figure, tree

SEEN = {
    "mask inverted": "agnostic-mask",
    "mask of 0 and 1": "agnostic-mask",
    "labels in colours": "image-parse-v3",
    "garment turned by EXIF": "cloth",
    "picture cut short": "image",
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    paths = write_lab(tmp_path_factory.mktemp("lab") / "ten")
    assert [path.name for path in paths] == list(FOLDERS) and sorted(PLACES) == list(range(10))
    return {HARMS[place]: path for place, path in zip(PLACES, paths, strict=True)}


def test_the_check_names_five_and_passes_five(folders: dict[str, Path]) -> None:
    found = {harm: {problem.file.parent.name for problem in check_folder(path)} for harm, path in folders.items()}
    assert {harm: names for harm, names in found.items() if names} == {harm: {name} for harm, name in SEEN.items()}


def test_the_others_differ_from_the_sound_one_in_their_own_file(folders: dict[str, Path]) -> None:
    rows = torch.arange(PERSONS)
    true = World(DataConfig()).paired("test", rows)
    batches = {harm: Folder(folders[harm], DataConfig()).paired("test", rows) for harm in folders if harm not in SEEN}
    sound = batches.pop("nothing")
    assert torch.equal(sound.parse, true.parse) and len(batches) == 4
    fields = {"labels resized as brightness": "parse", "left for right": "parse"}
    for harm, batch in batches.items():
        changed = {
            n for n, x in batch.tensors().items() if not torch.equal(x.nan_to_num(), getattr(sound, n).nan_to_num())
        }
        assert changed == {fields.get(harm, "dense_pose")}


def test_nothing_is_written_where_something_lies(tmp_path: Path) -> None:
    (tmp_path / ".sound").mkdir()
    (tmp_path / ".sound" / "file").write_text("x")
    with pytest.raises(FolderError, match="found files"):
        write_lab(tmp_path)


def test_a_tree_names_each_folder_once(folders: dict[str, Path]) -> None:
    root = folders["nothing"]
    files = files_of(root, "/000000_00", "pairs")
    lines = tree(root, files).splitlines()
    assert lines[0] == "test/" and lines.count("  cloth/") == 1 and lines[-1] == "test_pairs.txt"
    assert "    000000_00.png" in lines and not any("000001" in line for line in lines)
    figure = folder_figure({"VITON-HD": (root, files)}, columns=4)
    titles = [one.get_title() for one in figure.axes if one.get_title()]
    assert "cloth" in titles and len(titles) == sum(file.suffix == ".png" for file in files)
