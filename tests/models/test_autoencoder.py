"""The shipped autoencoder: it reconstructs the world, at the scale and sizes the rest relies on."""

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.evaluation.image import psnr
from vtonlib.models.autoencoder import decode, downscale, encode, load_autoencoder


@pytest.fixture(scope="module")
def autoencoder():
    return load_autoencoder()


@pytest.mark.parametrize(("height", "width"), [(64, 48), (128, 96)])
def test_reconstructs_unseen_persons_and_garments(autoencoder, height, width):
    batch = World(DataConfig(height=height, width=width)).paired("test", torch.arange(8))
    for images in (batch.person, batch.garment):
        latents = encode(autoencoder, images)
        assert latents.shape == (8, 4, height // downscale(autoencoder), width // downscale(autoencoder))
        assert psnr(decode(autoencoder, latents), images).mean() > 24


def test_latents_have_unit_power(autoencoder):
    batch = World(DataConfig()).paired("train", torch.arange(16))
    images = torch.cat((batch.person, batch.agnostic, batch.dense_pose, batch.garment))
    assert 0.8 < encode(autoencoder, images).square().mean() < 1.25


def test_it_is_frozen_and_names_no_folder(autoencoder):
    assert not any(parameter.requires_grad for parameter in autoencoder.parameters())
    assert not autoencoder.training
    assert autoencoder.config._name_or_path == ""


def test_sizes_that_do_not_divide_are_refused(autoencoder):
    with pytest.raises(ValueError, match="31x24; both sides must be multiples of 2"):
        encode(autoencoder, torch.zeros(1, 3, 31, 24))


def test_a_folder_without_an_autoencoder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="train autoencoder"):
        load_autoencoder(tmp_path)
