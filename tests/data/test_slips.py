"""Slips change the file that they name and nothing that is true; numbers resized as brightness become other labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dressed_source import Dressed
from PIL import Image

from vtonlib.data.batch import PARSE_LABELS, TryOnBatch
from vtonlib.data.moving import MIRRORED_LABELS
from vtonlib.data.slips import LABEL_SLIPS, LATER_SLIPS, SLIPS, jpeg, reread_labels, resized
from vtonlib.data.truth import BODY_PARTS

FIELDS = {
    "all": {"garment", "agnostic", "dense_pose"},
    "mask": {"agnostic_mask", "agnostic"},
    "dense pose": {"dense_pose"},
    "garment": {"garment"},
    "labels": {"parse"},
}
ALL = SLIPS | LABEL_SLIPS | LATER_SLIPS


@pytest.fixture(scope="module")
def batches() -> tuple[TryOnBatch, TryOnBatch]:
    rows = torch.arange(3)
    return Dressed(3).unpaired("test", rows), Dressed(3, 80, 60).paired("test", rows)


@pytest.mark.parametrize("name", ALL)
def test_a_slip_changes_its_file_alone(batches: tuple[TryOnBatch, TryOnBatch], name: str) -> None:
    sound, stored = batches
    before, after = sound.tensors(), ALL[name].apply(sound, stored).tensors()
    changed = {field for field in before if not torch.equal(before[field].nan_to_num(), after[field].nan_to_num())}
    assert changed and changed <= FIELDS[ALL[name].file]
    assert all(after[field].shape == before[field].shape for field in before)
    low, high = (float(bound) for bound in after["agnostic_mask"].aminmax())
    assert 0 <= low <= high <= 1 and after["dense_pose"].abs().max() <= 1 and after["garment"].abs().max() <= 1


def test_what_they_do(batches: tuple[TryOnBatch, TryOnBatch]) -> None:
    sound, stored = batches
    told = {name: slip.apply(sound, stored) for name, slip in ALL.items()}
    assert torch.equal(told["mask inverted"].agnostic_mask, 1 - sound.agnostic_mask)
    assert told["mask of 0 and 1"].agnostic_mask.max() < 0.004
    assert told["mask too small"].agnostic_mask.sum() < 0.95 * sound.agnostic_mask.sum()
    assert torch.equal(told["garment: mirrored"].garment.flip(-1), sound.garment)
    assert torch.equal(told["pose: another's"].dense_pose[1], sound.dense_pose[0])
    on_black, outside = told["garment: on black"].garment, sound.garment_mask.expand_as(sound.garment) == 0
    assert outside.any() and (on_black[outside] == -1).all()
    numbers = ((told["pose: numbers"].dense_pose + 1) * 127.5).round()
    assert numbers.max() == len(BODY_PARTS) - 1 and torch.equal(numbers[:, 0], numbers[:, 2])
    assert torch.equal(told["labels: sides"].parse, sound.parse[:, MIRRORED_LABELS])
    assert (told["PNG"].garment - sound.garment).abs().max() <= 0.5 / 127.5 + 1e-6
    worse, better = (float((jpeg(sound.garment, q) - sound.garment).abs().mean()) for q in (20, 95))
    assert worse > 2 * better > 0


def test_numbers_of_labels_have_no_mean() -> None:
    parse = torch.zeros(1, len(PARSE_LABELS), 8, 8)
    parse[:, PARSE_LABELS.index("left_arm"), :, :3] = 1
    parse[:, PARSE_LABELS.index("background"), :, 3:] = 1
    nearest, smooth = (reread_labels(parse, 4, 4, way) for way in (Image.Resampling.NEAREST, Image.Resampling.BOX))
    present = [{PARSE_LABELS[k] for k in found.flatten(2).any(-1)[0].nonzero()[:, 0]} for found in (nearest, smooth)]
    assert present[0] == {"left_arm", "background"} and present[1] == {"left_arm", "background", "upper_garment"}


def test_pictures_are_resized_as_pillow_resizes_their_bytes() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    images = torch.from_numpy(pixels).movedim(-1, 0)[None].float() / 127.5 - 1
    wanted = np.asarray(Image.fromarray(pixels).resize((4, 3), Image.Resampling.BILINEAR))
    found = resized(images, 3, 4, Image.Resampling.BILINEAR)
    assert (((found[0] + 1) * 127.5).round().movedim(0, -1).numpy() == wanted).all()
