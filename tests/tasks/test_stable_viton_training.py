"""StableVITON's training: what is frozen, dropped, supervised, augmented, and what a stage starts from."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from vtonlib.config import DataConfig, TrainConfig, from_json, override, to_json
from vtonlib.data.augment import RELEASED
from vtonlib.data.world import World
from vtonlib.losses.attention import coordinate_supervision
from vtonlib.models.autoencoder import new_autoencoder
from vtonlib.pipelines.diffusion import TryOnDiffusionPipeline
from vtonlib.tasks.latents import LatentSource, encode_batch
from vtonlib.tasks.stable_viton import StableVITONConfig, StableVITONTask
from vtonlib.tasks.supervision import Supervision, supervise
from vtonlib.training.trainer import Trainer


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("latents") / "autoencoder"
    new_autoencoder((16, 16)).save_pretrained(folder)
    return StableVITONConfig(
        block_out_channels=(16, 32),
        attention_levels=(False, True),
        num_attention_heads=2,
        cross_attention_dim=12,
        autoencoder=str(folder),
    )


@pytest.fixture(scope="module")
def world():
    return World(DataConfig(height=32, width=24, laid="anyhow"), train_size=64)


@pytest.fixture(scope="module")
def batch(world):
    return world.paired("train", torch.arange(6))


def new_task(config, **changes):
    torch.manual_seed(1)
    return StableVITONTask(dataclasses.replace(config, **changes))


def open_zero(task):
    """Attention that matters."""
    with torch.no_grad():
        for block in task.unet.warps:
            block.zero_conv.weight.normal_(std=0.3)


def fit(task, world, out, steps=4, **train):
    settings = TrainConfig(steps=steps, batch_size=4, warmup_steps=0, sample_every=0, save_every=2, **train)
    Trainer(task, task.batches(world, settings), settings, out).fit()
    return task


@pytest.mark.parametrize("shape", [{}, {"patch_size": 2, "carries_latents": True}], ids=["plain", "preset"])
@pytest.mark.parametrize("trains", ["all", "base", "garment"])
def test_what_is_frozen_stays_bitwise(trains, shape, config, world, tmp_path, on_the_cpu):
    task = new_task(config, trains=trains, **shape)
    before = {name: p.detach().clone() for name, p in task.named_parameters()}
    fit(task, world, tmp_path / "run")
    moved = {name for name, p in task.named_parameters() if not torch.equal(p, before[name])}
    groups = {
        "base": {n for n in before if n.startswith("unet.unet.")},
        "garment": {n for n in before if n.startswith(("unet.garment_encoder.", "unet.warps."))},
    }
    if shape:
        groups["garment"] |= {n for n in before if n.startswith("unet.composition.")}
        assert bool({n for n in moved if n.startswith("unet.composition.")}) == (trains != "base")
    for name, members in groups.items():
        assert bool(moved & members) == (trains in ("all", name))
    assert not any(name.startswith("autoencoder") for name in moved)
    assert "image_encoder.learnable_vector" in before


def test_the_base_learns_at_its_own_rate(config, world, tmp_path, on_the_cpu):
    """AdamW's first step is as long as the rate, whatever the gradient."""
    task = new_task(config, base_rate=0.1)
    before = {name: p.detach().clone() for name, p in task.named_parameters()}
    fit(task, world, tmp_path / "run", steps=1, learning_rate=1e-3)
    step = {name: (p - before[name]).abs().max().item() for name, p in task.named_parameters()}
    assert step["unet.unet.conv_out.weight"] == pytest.approx(1e-4, rel=0.02)
    assert step["image_encoder.proj_out.weight"] == pytest.approx(1e-3, rel=0.02)


def test_a_base_is_the_model_with_its_attention_shut(config, batch):
    base, whole = new_task(config, trains="base"), new_task(config)
    losses = []
    for task in (base, whole):
        torch.manual_seed(2)
        losses.append(task.denoiser_loss(batch)["denoise"])
    torch.testing.assert_close(*losses)


def test_a_run_resumes_bitwise_with_everything_on(config, world, tmp_path, on_the_cpu):
    settings = {
        "augmentation": RELEASED, "pure_noise": 0.5, "drop_garment": 0.2, "drop_per": "batch", "base_rate": 0.5,
        "supervision": Supervision(rows=0.1, coordinates=0.1, from_step=1),
    }  # fmt: skip
    whole = fit(new_task(config, **settings), world, tmp_path / "whole", steps=6)
    fit(new_task(config, **settings), world, tmp_path / "parts", steps=4)
    parts = fit(new_task(config, **settings), world, tmp_path / "parts", steps=6)
    for (name, one), other in zip(whole.named_parameters(), parts.parameters(), strict=True):
        assert torch.equal(one, other), name


def test_settings_are_overridden_and_stored(config):
    changed = override(config, "supervision.rows=0.25", "augmentation.flip=0.5", "augmentation.border=black")
    assert changed.supervision.rows == 0.25 and changed.augmentation.border == "black"
    assert from_json(StableVITONConfig, to_json(changed)) == changed
    with pytest.raises(ValueError, match="expected 0 to 1"):
        override(config, "augmentation.flip=2")


def test_the_pipeline_denoises_as_often_as_the_settings_say(config, tmp_path):
    task = new_task(config, denoising_steps=3)
    task.save(tmp_path)
    assert TryOnDiffusionPipeline.from_pretrained(tmp_path).config.default_denoising_steps == 3


def test_dropping_per_sample_and_per_batch(config):
    for per, kinds in (("sample", {"mixed"}), ("batch", {"none", "all"})):
        task = new_task(config, drop_token=0.4, drop_per=per)
        torch.manual_seed(0)
        draws = [task.dropped(40, torch.device("cpu")) for _ in range(60)]
        found = {"all" if d.all() else "mixed" if d.any() else "none" for d in draws}
        assert found == kinds
        assert abs(torch.cat(draws).float().mean() - 0.4) < 0.15


def test_a_dropped_garment_is_not_seen(config, batch):
    """With the garment hidden from its encoder and the null token, the prediction does not depend on it."""
    task = new_task(config)
    open_zero(task)
    latents = encode_batch(task.autoencoder, batch)
    inputs, time = latents.conditions.inputs(torch.randn_like(latents.person)), torch.full((6,), 500)
    token = task.image_encoder(latents.garment, drop=torch.ones(6, dtype=torch.bool))
    for seen, same in ((False, True), (True, False)):
        one, other = (
            task.predict(inputs, time, token, garment, torch.full((6,), seen))
            for garment in (latents.garment, latents.garment.roll(1, 0))
        )
        assert torch.equal(one, other) == same


def test_a_share_of_pure_noise(config):
    plain, half = new_task(config), new_task(config, pure_noise=0.5)
    drawn = []
    for task in (plain, half):
        torch.manual_seed(0)
        drawn.append((task.sample_timesteps(4000, torch.device("cpu")) == 999).float().mean())
    assert drawn[0] < 0.1 and abs(drawn[1] - 0.5) < 0.06


def test_supervision_is_a_weighted_mean_over_layers(config, batch):
    task = new_task(config, supervision=Supervision(coordinates=3.0, rows=0.5))
    terms = task.denoiser_loss(batch)
    assert list(terms) == ["denoise", "coordinates", "rows"]
    sum(terms.values()).backward()
    assert all(block.attn2.to_q.weight.grad.abs().sum() > 0 for block in task.unet.warps)
    latents = encode_batch(task.autoencoder, batch)
    assert latents.flow.shape[1:3] == latents.person.shape[-2:] and 0.02 < latents.flow_mask.mean() < 0.5


def test_supervision_of_some_noise_levels(config, batch):
    from tests.losses.test_attention_loss import random_record, random_truth

    attention, (flow, mask) = random_record(dtype=torch.float32), random_truth(torch.float32)
    time = torch.tensor([900, 100])
    told = supervise(Supervision(coordinates=2.0, min_time=500), {"a": attention}, flow, mask, time)
    first = coordinate_supervision(attention, flow, mask * torch.tensor([1.0, 0.0]).view(2, 1, 1, 1))
    torch.testing.assert_close(told["coordinates"], 2 * first)
    silent = supervise(Supervision(coordinates=2.0, min_time=950), {"a": attention}, flow, mask, time)
    assert silent["coordinates"] == 0


def test_supervision_begins_and_ends_with_steps(config, batch):
    task = new_task(config, supervision=Supervision(rows=1.0, from_step=2, until_step=4))
    told = []
    for task.step in range(6):
        told.append("rows" in task.denoiser_loss(batch))
    assert told == [False, False, True, True, False, False]


def test_an_unknown_layer_is_named(config, batch):
    task = new_task(config, supervision=Supervision(rows=1.0, layers="unet.nothing"))
    with pytest.raises(ValueError, match=r"no attention .* matches 'unet.nothing'"):
        task.denoiser_loss(batch)


def test_photographs_are_not_supervised(config, batch):
    unknown = dataclasses.replace(batch, flow=batch.flow * 0, flow_mask=batch.flow_mask * 0)
    task = new_task(config, supervision=Supervision(rows=1.0, coordinates=1.0))
    terms = task.denoiser_loss(unknown)
    assert terms["rows"] == 0 and terms["coordinates"] == 0 and terms["denoise"] > 0


def test_cached_variants(config, world):
    task = new_task(config)
    cached = LatentSource(world, task.autoencoder, 5, augmentation=RELEASED, copies=3, seed=4)
    assert cached.size("train") == 15
    variants = cached.paired("train", torch.tensor([2, 7, 12]))
    assert variants.index.tolist() == [2, 2, 2]
    assert not torch.equal(variants.person[0], variants.person[1])
    again = LatentSource(world, task.autoencoder, 5, augmentation=RELEASED, copies=2, seed=4)
    assert torch.equal(again.examples.person, cached.examples.person[:10])


def test_a_stage_starts_from_another_at_another_size(config, batch, tmp_path):
    first = new_task(config)
    open_zero(first)
    (tmp_path / "run" / "final").mkdir(parents=True)
    first.save(tmp_path / "run" / "final")
    second = new_task(config, initial=str(tmp_path / "run"), trains="garment")
    for (name, one), other in zip(first.named_parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other), name
    larger = World(DataConfig(height=64, width=48)).paired("train", torch.arange(2))
    assert second.denoiser_loss(larger)["denoise"].isfinite()


def test_the_garment_encoder_of_a_base_begins_as_its_encoder(config, tmp_path):
    base = new_task(config, trains="base")
    with torch.no_grad():
        base.unet.unet.time_embedding.linear_1.weight.add_(1)
    (tmp_path / "base").mkdir()
    base.save(tmp_path / "base")
    task = new_task(config, initial=str(tmp_path / "base"))
    expected = base.unet.unet.time_embedding.linear_1.weight
    assert torch.equal(task.unet.garment_encoder.time_embedding.linear_1.weight, expected)
    assert not torch.equal(base.unet.garment_encoder.time_embedding.linear_1.weight, expected)


def test_a_start_that_does_not_fit_is_refused(config, tmp_path):
    (tmp_path / "base").mkdir()
    new_task(config).save(tmp_path / "base")
    with pytest.raises(ValueError, match=r"unet: a model of another shape; \d+ weights differ, first "):
        new_task(config, initial=str(tmp_path / "base"), block_out_channels=(16, 48))
    torch.manual_seed(5)
    new_autoencoder((16, 16)).save_pretrained(tmp_path / "other")
    with pytest.raises(ValueError, match="trained on the latents of another autoencoder"):
        new_task(config, initial=str(tmp_path / "base"), autoencoder=str(tmp_path / "other"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        new_task(config, initial=str(tmp_path / "nowhere"))
