"""The equations of the chapter on folders, each from its formula, and its worked examples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.folders.decode import decode_picture
from vtonlib.data.folders.made import GARMENTS, KEPT, LIMBS, WIDER, mask_of_labels, painted_grey
from vtonlib.data.folders.read import hide
from vtonlib.data.folders.viton_hd import CIHP


@pytest.mark.equation("eq-agnostic-picture")
def test_the_agnostic_picture_pixel_by_pixel() -> None:
    rng = np.random.default_rng(0)
    person, mask = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8), rng.integers(0, 256, (5, 7), dtype=np.uint8)
    made = painted_grey({"person": person, "agnostic_mask": mask}, "") / 127.5 - 1
    for row, column, channel in np.ndindex(5, 7, 3):
        x, m = person[row, column, channel] / 127.5 - 1, mask[row, column] / 255
        assert abs(made[row, column, channel] - (1 - m) * x) <= 0.5 / 127.5 + 1e-9, "rounded to a byte"
    by_hand = np.array([[[40] * 3, [80] * 3, [120] * 3, [200] * 3]], dtype=np.uint8)
    found = painted_grey({"person": by_hand, "agnostic_mask": np.array([[0, 0, 153, 255]], dtype=np.uint8)}, "")
    assert found[0, :, 0].tolist() == [40, 80, 124, 128]


@pytest.mark.equation("eq-nothing-hidden-shows")
def test_nothing_hidden_shows() -> None:
    g = torch.Generator().manual_seed(0)
    stored, mask = torch.rand(2, 3, 4, 5, generator=g) * 2 - 1, torch.rand(2, 1, 4, 5, generator=g)
    mask[0, 0, 0], mask[1, 0, 0] = 0, 1
    found = hide(stored, mask)
    for b, c, i, j in np.ndindex(2, 3, 4, 5):
        m = float(mask[b, 0, i, j])
        assert float(found[b, c, i, j]) == pytest.approx(min(max(float(stored[b, c, i, j]), m - 1), 1 - m))
    right = stored * (1 - mask)
    assert torch.equal(hide(right, mask), right) and torch.equal(found[0, :, 0], stored[0, :, 0])
    assert not found[1, :, 0].any()


@pytest.mark.equation("eq-mask-of-labels")
@pytest.mark.parametrize("category", list(GARMENTS))
def test_a_mask_of_labels_by_a_loop(category: str) -> None:
    parse = np.random.default_rng(1).choice(len(PARSE_LABELS), (48, 9), p=[0.8, *[0.2 / 13] * 13]).astype(np.uint8)
    covered = [PARSE_LABELS.index(name) for name in (*GARMENTS[category], *LIMBS[category])]
    kept, r = [PARSE_LABELS.index(name) for name in KEPT], round(48 * WIDER)
    found = mask_of_labels({"parse": parse}, category)
    assert r == 2 and set(np.unique(found)) == {0, 255}
    for i, j in np.ndindex(48, 9):
        near = parse[max(0, i - r) : i + r + 1, max(0, j - r) : j + r + 1]
        assert (found[i, j] > 0) == (np.isin(near, covered).any() and parse[i, j] not in kept)


@pytest.mark.equation("eq-nearest-label")
@pytest.mark.parametrize(("new", "old"), [((16, 20), (27, 31)), ((40, 36), (17, 25)), ((16, 16), (32, 32))])
def test_labels_are_those_under_the_centres(tmp_path: Path, new: tuple[int, int], old: tuple[int, int]) -> None:
    numbers = np.random.default_rng(2).integers(0, 20, old, dtype=np.uint8)
    Image.fromarray(numbers).save(tmp_path / "labels.png")
    size = (new[1], new[0])
    found, stored = decode_picture(tmp_path / "labels.png", tmp_path, "labels", size, CIHP)
    assert stored == (old[1], old[0])
    for i, j in np.ndindex(new):
        y, x = ((k + 0.5) * a // b for k, a, b in ((i, old[0], new[0]), (j, old[1], new[1])))
        assert found[i, j] == CIHP.table()[numbers[int(y), int(x)]]


def test_by_hand_labels_have_no_mean() -> None:
    labels = np.array([[0, 14, 5, 5], [0, 14, 14, 0], [0, 0, 5, 5], [0, 0, 9, 9]], dtype=np.uint8)
    image, way = Image.fromarray(labels), Image.Resampling
    assert np.asarray(image.resize((2, 2), way.NEAREST)).tolist() == [[14, 0], [0, 9]]
    assert np.asarray(image.resize((2, 2), way.BOX)).tolist() == [[7, 6], [0, 7]]
    assert 7 in CIHP.numbers["upper_garment"] and 6 in CIHP.numbers["dress"]
