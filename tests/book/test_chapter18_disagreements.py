"""Where papers and released code differ in how they read folders, and what the library does."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from dressed_source import Dressed
from painted_source import PaintedSource
from PIL import Image

from vtonlib.config import DataConfig
from vtonlib.data.folders import Folder, check_folder, folder_uses, write_folder
from vtonlib.data.folders.decode import BODY_PARTS, decode_picture
from vtonlib.data.folders.read import to_images

CONFIG = DataConfig(height=40, width=30)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_folder(PaintedSource(), tmp_path / "data", train=0, test=3, image_format="png")
    return tmp_path / "data"


@pytest.mark.disagreement("D90")
@pytest.mark.parametrize(("ours", "readme"), [("agnostic-v3.2", "agnostic"), ("cloth-mask", "cloth_mask")])
def test_the_loaders_names_and_the_readmes(root: Path, ours: str, readme: str) -> None:
    assert (root / "test" / ours).is_dir() and check_folder(root) == []
    (root / "test" / ours).rename(root / "test" / readme)
    (problem,) = check_folder(root)
    assert problem.remedy == f"Rename {readme}/ to {ours}/"


@pytest.mark.disagreement("D91")
def test_part_numbers_are_read_as_leffas_and_pictures_as_they_are(tmp_path: Path) -> None:
    parts = np.arange(25, dtype=np.uint8).repeat(40).reshape(25, 40)
    Image.fromarray(parts).save(tmp_path / "numbers.png")
    found, _ = decode_picture(tmp_path / "numbers.png", tmp_path, "parts", (40, 25))
    values = to_images(np.array(found)[None])
    assert torch.equal(values[0, 0], values[0, 2]) and float(values.min()) == -1
    assert float(values.max()) == pytest.approx(BODY_PARTS / 127.5 - 1) and round(float(values.max()), 2) == -0.81
    drawn = np.random.default_rng(0).integers(0, 256, (25, 40, 3), dtype=np.uint8)
    Image.fromarray(drawn).save(tmp_path / "drawn.png")
    as_is, _ = decode_picture(tmp_path / "drawn.png", tmp_path, "image", (40, 25))
    assert (as_is == drawn).all() and (as_is != drawn[..., ::-1]).any(), "no channels are exchanged"


@pytest.mark.disagreement("D92")
def test_a_small_garments_mask_is_not_replaced(root: Path) -> None:
    file = root / "test" / "cloth-mask" / "000000_01.png"
    small = np.zeros((40, 30), np.uint8)
    small[18:22, 13:17] = 255
    Image.fromarray(small).save(file)
    assert check_folder(root) == []
    mask = Folder(root, CONFIG).unpaired("test", [0]).garment_mask
    assert mask.sum() == 16, "released: fewer than 122,880 white pixels, so all white"


@pytest.mark.disagreement("D93")
def test_the_paired_garment_of_each_data_set(root: Path, tmp_path: Path) -> None:
    pairs = Folder(root, CONFIG).pairs("test")
    assert [pair.garment for pair in pairs] == [f"{i:06d}_01.png" for i in range(3)]
    own = torch.from_numpy(np.array(Image.open(root / "test" / "cloth" / "000001_00.png")))
    batch = Folder(root, CONFIG).paired("test", [1])
    torch.testing.assert_close((batch.garment[0] + 1) * 127.5, own.movedim(-1, 0).float(), atol=1e-3, rtol=0)
    write_folder(Dressed(), tmp_path / "dress", train=0, test=3, layout="dresscode", image_format="png")
    named = (tmp_path / "dress" / "upper_body" / "test_pairs_paired.txt").read_text()
    assert named == "000000_0.png 000000_1.png\n"
    for category in ("upper_body", "lower_body", "dresses"):
        shutil.copy(
            tmp_path / "dress" / category / "test_pairs_paired.txt",
            tmp_path / "dress" / category / "test_pairs_unpaired.txt",
        )
    assert "everyone their own garment" in folder_uses(tmp_path / "dress")["evaluate"]
