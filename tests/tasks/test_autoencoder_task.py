"""The autoencoder's training: the loss falls, and the saved latents are scaled to unit power."""

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.models.autoencoder import encode, load_autoencoder
from vtonlib.tasks.autoencoder import AutoencoderConfig, AutoencoderTask


def test_learns_and_saves_a_scaled_autoencoder(tmp_path):
    torch.manual_seed(0)
    batch = World(DataConfig(height=16, width=24)).paired("train", torch.arange(2))
    task = AutoencoderTask(AutoencoderConfig(block_out_channels=(16, 16, 16)))
    optimizer = torch.optim.AdamW(task.autoencoder.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        terms = task.phases[0].loss(batch)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        losses.append(terms["l1"].item())
    assert losses[-1] < 0.8 * losses[0]
    task.latent_power.fill_(4.0)
    task.save(tmp_path)
    loaded = load_autoencoder(tmp_path)
    assert loaded.config.scaling_factor == 0.5
    images = batch.person
    with torch.no_grad():
        mode = task.autoencoder.eval().encode(images).latent_dist.mode()
    torch.testing.assert_close(encode(loaded, images), mode / 2)


def test_sides_that_the_levels_cannot_halve_are_named():
    batch = World(DataConfig(height=18, width=24)).paired("train", torch.arange(1))
    with pytest.raises(ValueError, match=r"images are 18x24: data.height and data.width must be multiples of 4"):
        AutoencoderTask(AutoencoderConfig(block_out_channels=(16, 16, 16))).loss(batch)
