"""The autoencoder's training: the loss falls, latents are moved as they should be, the saved ones have unit power."""

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.grids import coordinate_grid, to_pixels, warp
from vtonlib.models.autoencoder import encode, load_autoencoder
from vtonlib.tasks.autoencoder import AutoencoderConfig, AutoencoderTask, random_similarities


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


def test_similarities_turn_scale_and_shift_without_shearing():
    torch.manual_seed(0)
    flow = to_pixels(random_similarities(64, 33, 25), 33, 25)
    right, down = flow[:, 16, 13] - flow[:, 16, 12], flow[:, 17, 12] - flow[:, 16, 12]
    torch.testing.assert_close((right * down).sum(-1), torch.zeros(64), atol=1e-4, rtol=0)
    torch.testing.assert_close(right.norm(dim=-1), down.norm(dim=-1), atol=1e-4, rtol=0)
    step = right.norm(dim=-1)
    assert 1 / 1.6 - 1e-4 <= step.min() < 0.75 and 1.3 < step.max() <= 1.6 + 1e-4
    turn = torch.atan2(right[:, 1], right[:, 0]).abs().rad2deg()
    assert 20 < turn.max() <= 30.01


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_garments_move_by_the_true_flow_and_others_only_where_the_picture_goes_on(share):
    batch = World(DataConfig(height=32, width=24, laid="anyhow")).paired("train", torch.arange(3))
    flow, known = AutoencoderTask(AutoencoderConfig(moved_share=share)).moves(batch, 12)
    if share:
        assert torch.equal(flow[:3], batch.flow) and torch.equal(known[:3], batch.flow_mask)
        assert torch.equal(known[3:, 0] > 0, flow[3:].abs().amax(-1) <= 1) and known[3:].mean() < 1
    else:
        assert torch.equal(flow, coordinate_grid(32, 24).expand(12, 32, 24, 2)) and bool(known.all())
        torch.testing.assert_close(warp(batch.person, flow[:3]), batch.person)


def test_a_batch_without_truth_is_moved_at_random():
    batch = World(DataConfig(height=32, width=24)).paired("train", torch.arange(2))
    batch.flow_mask.zero_()
    flow, known = AutoencoderTask(AutoencoderConfig(moved_share=1.0)).moves(batch, 8)
    assert not torch.equal(flow[:2], batch.flow) and bool(known[:2].any())
