"""A folder written from a source and read again holds the same examples, at any size."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from painted_source import PaintedSource
from PIL import Image

from vtonlib.config import DataConfig, Laid
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.folders import Folder, FolderError, Pair, check_folder, write_folder
from vtonlib.data.folders.layout import UNKNOWN_LABEL
from vtonlib.data.folders.read import hide
from vtonlib.data.folders.viton_hd import CIHP
from vtonlib.data.source import training_batches
from vtonlib.data.world import World
from vtonlib.grids import resize_flow, resize_image, resize_mask

CONFIG = DataConfig(height=40, width=30)
ALL = torch.arange(3)
MASKS = ("garment_mask", "agnostic_mask", "garment_region", "misalign_mask")
IMAGES = ("person", "garment", "agnostic", "dense_pose", "warped_garment")
HALF_LEVEL = 0.5 / 255 + 1e-6


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("folders") / "world"
    write_folder(PaintedSource(), root, train=3, test=3, cross=2, image_format="png")
    return root


def assert_equal_batches(found: TryOnBatch, expected: TryOnBatch, *, levels: float = 1.0) -> None:
    """Equal within the given number of half levels of 8 bits; labels, truth and indices exactly."""
    for name, tensor in expected.tensors().items():
        atol = levels * HALF_LEVEL * (2 if name in IMAGES else 1 if name in MASKS else 0)
        # Only here do two roundings meet: the agnostic image is bounded by the (rounded) mask.
        atol = 2 * atol if name == "agnostic" else 2e-5 if name == "keypoints" else atol
        torch.testing.assert_close(
            found.tensors()[name], tensor, atol=atol, rtol=0, equal_nan=True, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.parametrize("split", ["train", "test"])
def test_paired_round_trip(root: Path, split: str) -> None:
    folder = Folder(root, CONFIG)
    assert folder.size(split) == 3
    assert_equal_batches(folder.paired(split, ALL), PaintedSource().paired(split, ALL))


@pytest.mark.parametrize(("image_format", "laid"), [("png", "straight"), ("jpg", "straight"), ("png", "anyhow")])
def test_the_world_is_written_soundly(tmp_path: Path, image_format: str, laid: Laid) -> None:
    config = DataConfig(height=32, width=24, seed=3, laid=laid)
    world, few = World(config), torch.arange(12)
    write_folder(world, tmp_path / "world", train=12, test=12, cross=12, image_format=image_format)
    assert check_folder(tmp_path / "world") == []
    folder = Folder(tmp_path / "world", config)
    for split in ("train", "test", "cross"):
        found, expected = folder.paired(split, few), world.paired(split, few)
        if image_format == "png":
            assert_equal_batches(found, expected)
        assert torch.equal(found.flow, expected.flow) and torch.equal(found.parse, expected.parse)
    if image_format == "png":
        difference = folder.unpaired("test", few).garment - world.unpaired("test", few).garment
        assert difference.abs().max() < 2.1 * HALF_LEVEL


def test_unpaired_round_trip_and_what_a_photograph_cannot_tell(root: Path) -> None:
    source, folder = PaintedSource(), Folder(root, CONFIG)
    found, paired, other = folder.unpaired("test", ALL), folder.paired("test", ALL), source.unpaired("test", ALL)
    expected = replace(
        paired,
        garment=other.garment,
        garment_mask=other.garment_mask,
        flow=torch.zeros_like(paired.flow),
        warped_garment=torch.ones_like(paired.person),
        **{name: torch.zeros_like(paired.flow_mask) for name in ("flow_mask", "garment_region", "misalign_mask")},
    )
    assert_equal_batches(found, expected)
    assert (found.garment - paired.garment).abs().max() > 0.1


def test_order_and_repetition_follow_the_indices(root: Path) -> None:
    folder = Folder(root, CONFIG)
    rows = folder.paired("test", torch.tensor([2, 0, 2]))
    assert rows.index.tolist() == [2, 0, 2]
    assert torch.equal(rows.person[0], rows.person[2])
    assert torch.equal(rows.person[1], folder.paired("test", torch.tensor([0])).person[0])
    for read in (folder.paired, folder.unpaired):
        listed = read("test", [2, 0, 2])
        assert torch.equal(listed.index, rows.index) and torch.equal(listed.person, rows.person)


def test_a_written_folder_is_sound_and_named_as_in_viton_hd(root: Path) -> None:
    assert check_folder(root) == []
    assert (root / "train_pairs.txt").read_text() == "".join(f"00000{i}_00.png 00000{i}_00.png\n" for i in range(3))
    assert (root / "test_pairs.txt").read_text().splitlines()[2] == "000002_00.png 000002_01.png"
    assert (root / "test" / "agnostic-mask" / "000001_00_mask.png").exists()
    with Image.open(root / "test" / "image-parse-v3" / "000001_00.png") as parse:
        assert parse.mode == "P"
    assert not list(root.parent.glob(".*.tmp"))


def test_jpeg_round_trip(tmp_path: Path) -> None:
    write_folder(PaintedSource(), tmp_path / "jpeg", train=3, test=1, image_format="jpg")
    assert check_folder(tmp_path / "jpeg") == []
    assert (tmp_path / "jpeg" / "train" / "cloth-mask" / "000000_00.jpg").exists()
    found, expected = Folder(tmp_path / "jpeg", CONFIG).paired("train", ALL), PaintedSource().paired("train", ALL)
    assert (found.person - expected.person).abs().mean() < 0.02
    assert torch.equal(found.flow, expected.flow)
    assert found.agnostic[(found.agnostic_mask == 1).expand(-1, 3, -1, -1)].abs().max() == 0


def test_reading_at_another_size_resizes_as_grids_do(root: Path) -> None:
    full = Folder(root, CONFIG).paired("train", ALL)
    half = Folder(root, DataConfig(height=20, width=15)).paired("train", ALL)
    for name in ("person", "garment", "dense_pose"):
        expected = resize_image(getattr(full, name), 20, 15)
        torch.testing.assert_close(getattr(half, name), expected, atol=2.1 / 127.5, rtol=0)
    for name in MASKS:
        torch.testing.assert_close(getattr(half, name), resize_mask(getattr(full, name), 20, 15), atol=0.005, rtol=0)
    torch.testing.assert_close(half.keypoints, full.keypoints, equal_nan=True)
    assert torch.equal(half.parse.sum(1), torch.ones(3, 20, 15))
    known = half.flow_mask[:, 0] == 1
    assert 0.05 < known.float().mean() < 0.5
    torch.testing.assert_close(half.flow[known], resize_flow(full.flow, 20, 15)[known])
    assert half.flow[~known].abs().max() == 0


def test_flow_at_another_size_is_still_the_truth(root: Path) -> None:
    """The painted flow is 1.5 times the identity: so it is at every size."""
    double = Folder(root, DataConfig(height=80, width=60)).paired("train", ALL)
    x = torch.linspace(-1, 1, 60).expand(3, 80, 60)
    known = double.flow_mask[:, 0] == 1
    torch.testing.assert_close(double.flow[..., 0][known], 1.5 * x[known], atol=1e-5, rtol=0)


def test_a_folder_of_a_folder_shrinks_it(root: Path, tmp_path: Path) -> None:
    small = DataConfig(height=20, width=15)
    write_folder(Folder(root, small), tmp_path / "small", train=3, test=3, image_format="png")
    assert check_folder(tmp_path / "small") == []
    found, expected = Folder(tmp_path / "small", small), Folder(root, small)
    assert_equal_batches(found.paired("test", ALL), expected.paired("test", ALL))
    assert_equal_batches(found.unpaired("test", ALL), expected.unpaired("test", ALL))


def test_without_optional_files_the_fields_say_unknown(root: Path, tmp_path: Path) -> None:
    bare = copied(root, tmp_path / "bare")
    for part in (
        "image-parse-v3",
        "openpose_json",
        "true-flow",
        "warped-cloth",
        "misalign-mask",
        "image-parse",
        "openpose-json",
    ):
        for file in (bare / "test" / part).iterdir():
            file.unlink()
        (bare / "test" / part).rmdir()
    assert check_folder(bare) == []
    batch = Folder(bare, CONFIG).paired("test", ALL)
    assert batch.keypoints.isnan().all() and batch.warped_garment.eq(1).all()
    assert not batch.flow_mask.any() and not batch.flow.any() and not batch.parse.any()
    assert torch.equal(batch.misalign_mask, batch.garment_region) and batch.garment_region.any()
    write_folder(Folder(bare, CONFIG), tmp_path / "again", train=1, test=3, image_format="png")
    assert not (tmp_path / "again" / "test" / "true-flow").exists()
    assert_equal_batches(Folder(tmp_path / "again", CONFIG).paired("test", ALL), batch)


def test_the_unpaired_list_of_catvton_is_looked_up_by_person(root: Path, tmp_path: Path) -> None:
    folder = copied(root, tmp_path / "cat")
    names = [f"00000{i}_00.png" for i in range(3)]
    (folder / "test_pairs.txt").write_text("".join(f"{n} {n}\n" for n in names))
    with pytest.raises(FolderError, match=r"test_pairs.txt: found everyone with their own garment"):
        Folder(folder, CONFIG).unpaired("test", ALL)
    lines = [f"{n} {n.replace('_00', '_01')}\r\n" for n in reversed(names)]
    (folder / "test_pairs_unpaired.txt").write_bytes("".join(lines).encode("utf-8-sig"))
    assert check_folder(folder) == []
    read = Folder(folder, CONFIG)
    assert read.pairs("test")[0] == Pair("000000_00.png", "000000_01.png")
    assert torch.equal(read.unpaired("test", ALL).garment, Folder(root, CONFIG).unpaired("test", ALL).garment)


def test_listed_extensions_need_not_be_the_files(root: Path, tmp_path: Path) -> None:
    """VITON-HD lists .jpg; its masks and poses may be stored as .png."""
    folder = copied(root, tmp_path / "mixed")
    image = folder / "test" / "image" / "000000_00.png"
    with Image.open(image) as picture:
        picture.save(image.with_suffix(".jpg"), quality=95)
    image.unlink()
    text = (folder / "test_pairs.txt").read_text().replace("000000_00.png", "000000_00.jpg")
    (folder / "test_pairs.txt").write_text(text)
    assert check_folder(folder) == []
    assert torch.equal(
        Folder(folder, CONFIG).paired("test", ALL).garment, Folder(root, CONFIG).paired("test", ALL).garment
    )


def test_large_jpeg_files_are_read_nearly_as_whole_ones(tmp_path: Path) -> None:
    """Decoding at a reduced scale changes an image by less than its compression does."""
    write_folder(PaintedSource(height=320, width=240), tmp_path / "large", train=1, test=0, image_format="jpg")
    found = Folder(tmp_path / "large", CONFIG).paired("train", torch.tensor([0]))
    whole = Folder(tmp_path / "large", DataConfig(height=320, width=240)).paired("train", torch.tensor([0]))
    assert (found.person - resize_image(whole.person, 40, 30)).abs().max() < 0.04


def test_training_reads_a_folder_as_it_reads_the_source(root: Path) -> None:
    streams = (training_batches(s, batch_size=3, seed=1) for s in (Folder(root, CONFIG), _First(PaintedSource(), 3)))
    for found, expected in zip(*([next(stream) for _ in range(3)] for stream in streams), strict=True):
        assert torch.equal(found.index, expected.index)
        assert (found.person - expected.person).abs().max() < 2.1 * HALF_LEVEL


def test_memory_changes_nothing_but_the_time(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, forgetful = Folder(root, CONFIG), Folder(root, CONFIG)
    first = kept.paired("test", ALL)
    first.person.zero_()  # what a caller does to a batch does not reach the memory
    monkeypatch.setattr("vtonlib.data.folders.read.CACHE_BYTES", 0)
    assert_equal_batches(kept.paired("test", ALL), forgetful.paired("test", ALL), levels=0)
    kept.unpaired("test", ALL)
    assert_equal_batches(kept.paired("test", ALL), forgetful.paired("test", ALL), levels=0)
    assert len(kept._cache) == 6 and not forgetful._cache


def test_hide_leaves_nothing_inside_and_a_composed_image_alone() -> None:
    person, mask = torch.rand(2, 3, 5, 4) * 2 - 1, torch.rand(2, 1, 5, 4)
    composed = person * (1 - mask)
    assert torch.equal(hide(composed, mask), composed)
    binary = mask.round()
    torch.testing.assert_close(hide(person, binary), person * (1 - binary), atol=0, rtol=0)


def test_labels_of_cihp_are_mapped_both_ways() -> None:
    assert sorted(number for numbers in CIHP.numbers.values() for number in numbers) == list(range(21))
    assert [int(CIHP.table()[numbers[0]]) for numbers in CIHP.numbers.values()] == list(range(14))
    assert (CIHP.table()[21:] == UNKNOWN_LABEL).all()


def test_openpose_bodies_of_18_and_25_joints_are_read(root: Path, tmp_path: Path) -> None:
    folder = copied(root, tmp_path / "pose")
    file = folder / "test" / "openpose_json" / "000000_00_keypoints.json"
    before = Folder(folder, CONFIG).paired("test", ALL[:1]).keypoints
    triples = np.array(json.loads(file.read_text())["people"][0]["pose_keypoints_2d"]).reshape(25, 3)
    coco = np.concatenate([np.delete(triples, 8, axis=0)[:14], np.zeros((4, 3))])
    file.write_text(json.dumps({"people": [{"pose_keypoints_2d": coco.ravel().tolist()}]}))
    assert torch.equal(Folder(folder, CONFIG).paired("test", ALL[:1]).keypoints.nan_to_num(9), before.nan_to_num(9))


@pytest.mark.parametrize("occupied", ["file", "folder"])
def test_nothing_is_overwritten(tmp_path: Path, occupied: str) -> None:
    target = tmp_path / "taken"
    kept = target if occupied == "file" else target / "notes.txt"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")
    with pytest.raises(FolderError, match=r"taken: found .* expected nothing, or an empty folder"):
        write_folder(PaintedSource(), target, train=1, test=1, image_format="png")
    assert kept.read_text() == "mine"


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    class Failing(PaintedSource):
        def unpaired(self, split, indices):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(Failing(), tmp_path / "new", train=1, test=1, image_format="png")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "new").mkdir()
    write_folder(PaintedSource(), tmp_path / "new", train=1, test=0, image_format="png")
    assert check_folder(tmp_path / "new") == []


@pytest.mark.parametrize(
    ("counts", "message"), [((9, 1), "train=9: expected 0 to 4"), ((0, 0), "all 0"), ((-1, 1), "train=-1")]
)
def test_impossible_counts_are_refused(tmp_path: Path, counts: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_folder(PaintedSource(), tmp_path / "x", train=counts[0], test=counts[1], image_format="png")
    assert list(tmp_path.iterdir()) == []


def test_a_split_that_is_not_there(root: Path, tmp_path: Path) -> None:
    assert Folder(root, CONFIG).size("cross") == 2
    write_folder(PaintedSource(), tmp_path / "x", train=1, test=1, image_format="png")
    with pytest.raises(FolderError, match=r"cross_pairs.txt: found nothing, expected a list for the split 'cross'"):
        Folder(tmp_path / "x", CONFIG).size("cross")


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_outside_the_split(root: Path, index: int) -> None:
    with pytest.raises(IndexError, match=f"test_pairs.txt: found 3 pairs, expected one numbered {index}"):
        Folder(root, CONFIG).paired("test", torch.tensor([0, index]))


def test_another_ratio_of_sides_is_refused(root: Path) -> None:
    with pytest.raises(FolderError, match=r"found 30x40 pixels .* expected height/width 1 as data.height / data.width"):
        Folder(root, DataConfig(height=32, width=32)).paired("test", ALL)


class _First(PaintedSource):
    """The first examples of a source."""

    def __init__(self, source: PaintedSource, count: int) -> None:
        super().__init__(count, source.height, source.width)


def copied(root: Path, target: Path) -> Path:
    shutil.copytree(root, target)
    return target
