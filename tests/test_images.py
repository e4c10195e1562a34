from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vtonlib.images import check_ranges, grid, save_png, to_uint8


def test_bytes_and_their_ends() -> None:
    values = torch.tensor([-2.0, -1.0, 0.0, 1.0, 3.0, -1 + 2 * 100 / 255])
    image = values.expand(3, 1, 6)
    assert to_uint8(image)[0, :, 0].tolist() == [0, 0, 128, 255, 255, 100]
    assert to_uint8(image).dtype == torch.uint8


def test_every_byte_survives() -> None:
    bytes_ = torch.arange(256, dtype=torch.uint8).expand(3, 1, 256)
    assert torch.equal(to_uint8(bytes_.float() / 127.5 - 1).movedim(-1, 0), bytes_)


def test_batches_go_channels_last() -> None:
    images = torch.rand(2, 3, 8, 6) * 2 - 1
    result = to_uint8(images)
    assert result.shape == (2, 8, 6, 3) and result.is_contiguous()
    assert torch.equal(result[1], to_uint8(images[1]))


def test_what_is_not_an_image() -> None:
    with pytest.raises((ValueError, TypeError)):
        to_uint8(torch.zeros(1, 8, 6))
    with pytest.raises(ValueError, match="NaN"):
        to_uint8(torch.full((3, 8, 6), torch.nan))


def test_grid_has_a_row_for_each_example_and_a_column_for_each_kind() -> None:
    columns = [torch.full((2, 3, 4, 3), value) for value in (-1.0, -0.5, 0.0)]
    columns[1][1] = 0.5
    picture = grid(columns, gap=1)
    assert picture.shape == (3, 2 * 4 + 1, 3 * 3 + 2)
    assert picture[0, :4, :3].unique().item() == -1
    assert picture[0, :4, 4:7].unique().item() == -0.5
    assert picture[0, 5:, 4:7].unique().item() == 0.5
    assert picture[0, :, 8:][:4].unique().item() == 0
    assert picture[:, 4].unique().item() == 1 and picture[:, :, 3].unique().item() == 1


def test_grid_of_nothing_or_of_different_sizes() -> None:
    with pytest.raises(ValueError, match="found none"):
        grid([])
    with pytest.raises((ValueError, TypeError)):
        grid([torch.zeros(2, 3, 4, 3), torch.zeros(2, 3, 3, 4)])


def test_png_round_trip_and_replacement(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.png"
    for seed in range(2):
        image = torch.rand(3, 7, 5, generator=torch.Generator().manual_seed(seed)) * 2 - 1
        save_png(path, image)
        with Image.open(path) as file:
            assert file.mode == "RGB" and file.size == (5, 7)
            assert np.array_equal(np.asarray(file), to_uint8(image).numpy())
    assert [p.name for p in path.parent.iterdir()] == ["x.png"]
    with pytest.raises(ValueError, match="NaN"):
        save_png(path, torch.full((3, 7, 5), torch.nan))
    with Image.open(path) as file:
        assert file.size == (5, 7)


@pytest.mark.parametrize(
    ("images", "masks", "message"),
    [
        ({"garment": 255 * torch.rand(1, 3, 4, 4)}, {}, "garment has values from .*: expected -1 to 1"),
        ({"garment": torch.full((1, 3, 4, 4), torch.nan)}, {}, "garment has values from nan"),
        ({}, {"mask": torch.full((1, 1, 4, 4), 255.0)}, "mask has values from 255 to 255: expected 0 to 1"),
        ({}, {"mask": -torch.ones(1, 1, 4, 4)}, "mask has values from -1 to -1: expected 0 to 1"),
    ],
)
def test_values_out_of_range_are_named(images, masks, message):
    check_ranges({"fine": torch.tensor([-1.0, 1.005])}, {"fine": torch.tensor([0.0, 1.0]), "empty": torch.zeros(0)})
    with pytest.raises(ValueError, match=message):
        check_ranges(images, masks)
