"""The StableVITON task: what it trains, what it leaves alone, and that it learns."""

import dataclasses

import pytest
import torch

from vtonlib.config import DataConfig, TrainConfig
from vtonlib.data.world import World
from vtonlib.models.autoencoder import new_autoencoder
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline
from vtonlib.tasks.latents import LatentSource, encode_batch
from vtonlib.tasks.stable_viton import StableVITONConfig, StableVITONTask


@pytest.fixture(scope="module")
def batch():
    return World(DataConfig(height=32, width=24)).paired("train", torch.arange(4))


@pytest.fixture
def task(tmp_path):
    torch.manual_seed(0)
    new_autoencoder((16, 16, 16)).save_pretrained(tmp_path / "autoencoder")
    config = StableVITONConfig(
        block_out_channels=(16, 32),
        attention_levels=(False, True),
        cross_attention_dim=12,
        autoencoder=str(tmp_path / "autoencoder"),
    )
    return StableVITONTask(config)


def test_twenty_steps_on_one_batch_lower_the_loss(task, batch):
    trained = [p for name in task.phases[0].trains for p in task.get_submodule(name).parameters()]
    optimizer = torch.optim.AdamW(trained, lr=2e-3)
    losses = []
    for _ in range(20):
        torch.manual_seed(1)  # the same noise: the loss of one example must fall
        loss = task.phases[0].loss(batch)["denoise"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_the_autoencoder_stays_as_it_is(task, batch):
    task.phases[0].loss(batch)["denoise"].backward()
    assert all(p.grad is None and not p.requires_grad for p in task.autoencoder.parameters())


def test_the_loss_looks_mostly_at_what_is_to_be_painted(task, batch):
    """With a prediction of 0 the loss is the latents' weighted mean square, a closed form."""
    torch.nn.init.zeros_(task.unet.unet.conv_out.weight)
    torch.nn.init.zeros_(task.unet.unet.conv_out.bias)
    encoded = encode_batch(task.autoencoder, batch)
    weight = (1 - 0.9 * encoded.keep).expand_as(encoded.person)
    expected = (encoded.person.square() * weight).sum() / weight.sum()
    torch.testing.assert_close(task.phases[0].loss(batch)["denoise"], expected)


def test_timesteps_lean_towards_pure_noise(task):
    torch.manual_seed(0)
    drawn = task.sample_timesteps(4000, torch.device("cpu")).float()
    assert 0 <= drawn.min() and drawn.max() == 999
    assert abs(drawn.mean() / 1000 - 2 / 3) < 0.02, "the mean of 1 - u^2 is 2/3"


def test_the_mask_is_given_as_keep(task, batch):
    conditions = encode_batch(task.autoencoder, batch).conditions
    assert conditions.inputs(torch.zeros_like(conditions.agnostic)).shape == (4, 13, 8, 6)
    torch.testing.assert_close(conditions.keep.mean(), 1 - batch.agnostic_mask.mean())


def test_what_is_saved_is_a_pipeline(task, batch, tmp_path):
    task.eval()
    task.save(tmp_path / "final")
    loaded = TryOnDiffusionPipeline.from_pretrained(tmp_path / "final", local_files_only=True)
    assert torch.equal(loaded.unet.state_dict()["unet.conv_in.weight"], task.unet.state_dict()["unet.conv_in.weight"])
    garment, agnostic, result, person = task.sample(batch)
    assert torch.equal(person, batch.person)
    assert result.shape == garment.shape == agnostic.shape


def test_cached_latents_are_those_of_the_examples(task, batch):
    world = World(DataConfig(height=32, width=24), train_size=100)
    cached = LatentSource(world, task.autoencoder, 80)
    assert cached.size("train") == 80, "two chunks, the second shorter"
    rows = torch.tensor([3, 70])
    expected = encode_batch(task.autoencoder, world.paired("train", rows))
    for name in ("person", "agnostic", "keep", "dense_pose", "garment", "index"):
        torch.testing.assert_close(getattr(cached.paired("train", rows), name), getattr(expected, name))


def test_batches_of_cached_latents_resume_exactly(task):
    world = World(DataConfig(height=32, width=24), train_size=100)
    object.__setattr__(task, "config", dataclasses.replace(task.config, cached_examples=16))
    batches = task.batches(world, TrainConfig(batch_size=4, seed=1))
    from_zero, from_five = batches(0), batches(5)
    expected = [next(from_zero) for _ in range(7)][5:]
    for one, other in zip(expected, from_five, strict=False):
        assert torch.equal(one.person, other.person)
        assert torch.equal(one.index, other.index)
    torch.manual_seed(0)
    assert task.denoiser_loss(expected[0])["denoise"].isfinite()
