"""Trying on from single files: companions are found in the layout, and every fault is named."""

import pytest
import torch
from painted_source import PaintedSource
from PIL import Image

from vtonlib.data.folders import FolderError, read_files, write_folder

SIZE = {"height": 40, "width": 30}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("loose") / "vton"
    write_folder(PaintedSource(), root, train=2, test=2, image_format="png")
    return root / "test"


def paths(folder):
    return sorted((folder / "image").iterdir())[0], sorted((folder / "cloth").iterdir())[1]


def test_companions_are_found_in_the_layout(folder):
    person, garment = paths(folder)
    batch, expected = read_files(person, garment, **SIZE), PaintedSource().paired("test", torch.tensor([0]))
    for name in ("person", "dense_pose", "agnostic_mask"):
        torch.testing.assert_close(getattr(batch, name), getattr(expected, name), atol=1 / 127, rtol=0)
    assert (batch.agnostic * batch.agnostic_mask).abs().max() < 0.3, "painted grey (soft at the edge)"
    assert len(batch) == 1 and batch.flow_mask.sum() == 0, "nobody knows the truth of a photograph"


def test_files_anywhere_when_named(folder, tmp_path):
    person, garment = paths(folder)
    batch = read_files(person, garment, **SIZE)
    elsewhere = {}
    for option, source in (
        ("agnostic_mask", folder / "agnostic-mask" / f"{person.stem}_mask.png"),
        ("dense_pose", folder / "image-densepose" / person.name),
    ):
        elsewhere[option] = tmp_path / f"{option}.png"
        elsewhere[option].write_bytes(source.read_bytes())
    moved = tmp_path / "somebody.png"
    moved.write_bytes(person.read_bytes())
    again = read_files(moved, garment, **elsewhere, **SIZE)
    assert torch.equal(again.agnostic, batch.agnostic) and torch.equal(again.dense_pose, batch.dense_pose)


def test_a_missing_companion_names_the_option(folder, tmp_path):
    person, garment = paths(folder)
    alone = tmp_path / "image" / person.name
    alone.parent.mkdir()
    alone.write_bytes(person.read_bytes())
    with pytest.raises(FolderError, match=r"agnostic mask.*--mask"):
        read_files(alone, garment, **SIZE)


def test_a_missing_or_damaged_file_is_named(folder, tmp_path):
    person, garment = paths(folder)
    with pytest.raises(FolderError, match=r"nowhere\.png"):
        read_files(person, tmp_path / "nowhere.png", **SIZE)
    broken = tmp_path / "broken.png"
    broken.write_bytes(garment.read_bytes()[:200])
    with pytest.raises(FolderError, match=r"broken\.png"):
        read_files(person, broken, **SIZE)


def test_an_empty_mask_is_refused(folder, tmp_path):
    person, garment = paths(folder)
    empty = tmp_path / "empty.png"
    Image.new("L", (30, 40)).save(empty)
    with pytest.raises(FolderError, match=r"empty\.png"):
        read_files(person, garment, agnostic_mask=empty, **SIZE)
