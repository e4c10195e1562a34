"""What the released loaders read is there: loaders written from the documented layouts find every sample.

StableVITON's: names from ``{train,test}_pairs.txt``; ``agnostic-mask`` by putting ``_mask.png`` in place of ``.jpg``,
255 to be painted, inverted after loading; ``gt_cloth_warped_mask`` in train only. VITON-HD's: the person's files by
putting ``_rendered.png``, ``_keypoints.json`` and ``.png`` in place of ``.jpg``; labels scattered into 20 channels;
joints 2 and 5, 9 and 12 of 25 are the shoulders and hips between which it erases.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vtonlib.cli import main
from vtonlib.config import DataConfig
from vtonlib.data.folders import check_folder
from vtonlib.data.world import World

HEIGHT, WIDTH, TRAIN, TEST = 64, 48, 6, 12


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("released") / "data"
    assert main(["data", "make", str(root), "--train", str(TRAIN), "--test", str(TEST)]) == 0
    assert check_folder(root) == []
    return root


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == ("PNG" if path.suffix == ".png" else "JPEG")
        return np.asarray(image)


def lines(root: Path, split: str) -> list[tuple[str, str]]:
    return [tuple(line.split()) for line in (root / f"{split}_pairs.txt").read_text().splitlines()]


def stableviton(root: Path, split: str, *, paired: bool) -> list[dict[str, np.ndarray]]:
    samples = []
    for person, other in lines(root, split):
        folder, garment = root / split, person if paired else other
        sample = {
            "image": picture(folder / "image" / person),
            "densepose": picture(folder / "image-densepose" / person),
            "agnostic": picture(folder / "agnostic-v3.2" / person),
            "keep": 1 - picture(folder / "agnostic-mask" / person.replace(".jpg", "_mask.png")) / 255,
            "cloth": picture(folder / "cloth" / garment),
            "cloth_mask": picture(folder / "cloth-mask" / garment),
        }
        if split == "train":
            sample["warped"] = picture(folder / "gt_cloth_warped_mask" / person)
        samples.append(sample)
    return samples


@pytest.mark.parametrize(
    ("split", "paired", "count"), [("train", True, TRAIN), ("test", True, TEST), ("test", False, TEST)]
)
def test_stableviton_reads_every_sample(root: Path, split: str, paired: bool, count: int) -> None:
    samples = stableviton(root, split, paired=paired)
    assert len(samples) == count
    source, rows = World(DataConfig(height=HEIGHT, width=WIDTH)), torch.arange(count)
    truth = source.paired(split, rows) if paired else source.unpaired(split, rows)
    for sample, garment, mask in zip(samples, truth.garment, truth.agnostic_mask, strict=True):
        assert all(
            x.shape[:2] == (HEIGHT, WIDTH) and x.ndim == 2 + (k in {"image", "densepose", "agnostic", "cloth"})
            for k, x in sample.items()
        )
        shown = sample["cloth"] / 127.5 - 1
        assert np.abs(shown - garment.movedim(0, -1).numpy()).mean() < 0.05
        keep = sample["keep"]
        assert np.abs(keep - (1 - mask[0].numpy())).max() < 0.01, "1 is kept, 0 is painted"
        grey = np.abs(sample["agnostic"].astype(float) - 127.5)[keep == 0]
        assert grey.mean() < 4, "the agnostic image is grey where it is painted"


def viton_hd(root: Path, split: str) -> list[dict[str, np.ndarray]]:
    samples = []
    for person, garment in lines(root, split):
        folder = root / split
        labels = picture(folder / "image-parse" / person.replace(".jpg", ".png"))
        one_hot = torch.zeros(20, *labels.shape).scatter_(0, torch.from_numpy(labels.astype(np.int64))[None], 1.0)
        joints = folder / "openpose-json" / person.replace(".jpg", "_keypoints.json")
        people = json.loads(joints.read_text())["people"]
        samples.append(
            {
                "image": picture(folder / "image" / person),
                "cloth": picture(folder / "cloth" / garment),
                "cloth_mask": picture(folder / "cloth-mask" / garment),
                "pose": picture(folder / "openpose-img" / person.replace(".jpg", "_rendered.png")),
                "parse": one_hot.numpy(),
                "joints": np.array(people[0]["pose_keypoints_2d"]).reshape(-1, 3)[:, :2],
            }
        )
    return samples


@pytest.mark.parametrize(("split", "count"), [("train", TRAIN), ("test", TEST)])
def test_viton_hd_reads_every_sample(root: Path, split: str, count: int) -> None:
    samples = viton_hd(root, split)
    assert len(samples) == count
    assert any(sample["parse"][10].any() for sample in samples), "the neck is torso skin"
    for sample in samples:
        assert (sample["parse"].sum(0) == 1).all()
        assert sample["joints"].shape == (25, 2)
        assert np.linalg.norm(sample["joints"][12] - sample["joints"][9]) > 1, "it divides by the width of the hips"
        assert sample["pose"].shape == (HEIGHT, WIDTH, 3) and 0.02 < (sample["pose"].max(-1) > 30).mean() < 0.5
        for x, y in sample["joints"][[9, 12]].round().astype(int):
            assert sample["pose"][y, x].max() > 60, "the skeleton passes through the hips"
