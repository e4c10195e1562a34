from __future__ import annotations

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.textures import PLAIN
from vtonlib.data.world import World
from vtonlib.evaluation.image import ssim
from vtonlib.evaluation.picture_zoo import KEPT, LOST, MATCHED, one_aside, patterned, picture_zoo


@pytest.fixture(scope="module")
def world() -> World:
    return World(DataConfig())


@pytest.fixture(scope="module")
def zoo(world) -> dict[str, torch.Tensor]:
    return picture_zoo(world, "test", patterned(world, "test", 6))


def test_every_garment_has_a_pattern_that_could_be_missing(world) -> None:
    indices = patterned(world, "test", 20)
    assert len(indices) == 20 and not (world.scenes("test", indices).garment.texture == PLAIN).any()


def test_every_picture_differs_from_the_truth_by_its_one_error(world, zoo) -> None:
    batch = world.paired("test", patterned(world, "test", 6))
    assert set(zoo) == {"truth", MATCHED, *KEPT, *LOST}
    torch.testing.assert_close(zoo["truth"], batch.person)
    for name, image in zoo.items():
        assert image.shape == batch.person.shape and image.isfinite().all()
        assert name == "truth" or (image - batch.person).abs().max() > 0.02
    outside = 1 - batch.garment_region.ceil()
    for name in ("mirrored", "other colours", "pattern missing", "smooth blend", MATCHED):
        assert ((zoo[name] - batch.person) * outside).abs().max() < 1e-5


def test_the_pixel_aside_and_the_other_person_are_what_they_are_called(zoo) -> None:
    torch.testing.assert_close(one_aside(zoo["truth"])[..., 1:], zoo["truth"][..., :-1])
    torch.testing.assert_close(zoo["another person"][0], zoo["truth"][1])
    assert ssim(zoo[MATCHED], zoo["truth"]).min() > 0.98
