"""Leffa's training: what learns, what is dropped, what the loss is on, and that stages start from one another."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from vtonlib.attention import AttentionTap
from vtonlib.config import DataConfig, TrainConfig, from_json, override, to_json
from vtonlib.data.reposing import PoseTransfer
from vtonlib.data.world import World
from vtonlib.losses.flow import leffa
from vtonlib.models.autoencoder import new_autoencoder
from vtonlib.pipelines.leffa import LeffaPipeline
from vtonlib.presets import preset, progressive
from vtonlib.tasks.latents import encode_batch
from vtonlib.tasks.leffa import ATTENTIONS, LeffaConfig, LeffaTask
from vtonlib.tasks.supervision import Following, Shaping, Supervision
from vtonlib.training.trainer import Trainer

TOLD = Supervision(coordinates=1.0, rows=0.05, layers=ATTENTIONS)
FOLLOWING = Following(leffa=1.0, layers=ATTENTIONS)
SMALL = {"places_reference": True, "carries_latents": True, "patch_size": 2}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("latents") / "autoencoder"
    new_autoencoder((16, 16)).save_pretrained(folder)
    return LeffaConfig(block_out_channels=(16, 32), num_attention_heads=2, autoencoder=str(folder))


@pytest.fixture(scope="module")
def world():
    return World(DataConfig(height=32, width=24, laid="anyhow"), train_size=64)


@pytest.fixture(scope="module")
def poses():
    return PoseTransfer(DataConfig(height=32, width=24), train_size=64)


@pytest.fixture(scope="module")
def batch(world):
    return world.paired("train", torch.arange(6))


def new_task(config, **changes):
    torch.manual_seed(1)
    return LeffaTask(dataclasses.replace(config, **changes))


def fit(task, source, out, steps=4, **train):
    settings = TrainConfig(steps=steps, batch_size=4, warmup_steps=0, sample_every=0, save_every=2, **train)
    Trainer(task, task.batches(source, settings), settings, out).fit()
    return task


def loss_of(task, batch, seed=3):
    torch.manual_seed(seed)
    return task.denoiser_loss(batch)


@pytest.mark.parametrize("order", ["stable_viton", "leffa", "leffa_pose"])
@pytest.mark.parametrize("shape", [{}, SMALL], ids=["plain", "small"])
def test_both_unets_learn_and_the_autoencoder_stays(order, shape, config, world, poses, tmp_path, on_the_cpu):
    task = new_task(config, order=order, **shape)
    before = {name: p.detach().clone() for name, p in task.named_parameters()}
    fit(task, poses if order == "leffa_pose" else world, tmp_path / "run")
    still = {name for name, p in task.named_parameters() if torch.equal(p, before[name])}
    assert {name.split(".")[0] for name in before.keys() - still} == {"unet"}
    assert {name.split(".")[1] for name in before.keys() - still} >= {"unet", "reference_unet"}
    assert not any(name.startswith("unet.unet") for name in still)


def test_twenty_steps_on_one_batch_lower_the_loss(config, batch):
    task = new_task(config, **SMALL)
    optimizer = torch.optim.AdamW(task.unet.parameters(), lr=2e-3)
    losses = []
    for _ in range(20):
        loss = loss_of(task, batch)["denoise"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_the_loss_adds_no_parameters(config):
    plain, followed = new_task(config), new_task(config, following=FOLLOWING)
    shapes = [[(name, p.shape) for name, p in task.named_parameters()] for task in (plain, followed)]
    assert shapes[0] == shapes[1]


def test_the_loss_is_leffas_on_every_attention_of_the_painting_unet(config, batch):
    """The term is the weighted mean of :func:`leffa` over the attentions, of the reference's part of each."""
    task = new_task(config, following=dataclasses.replace(FOLLOWING, leffa=0.5), drop_reference=0.0)
    latents = encode_batch(task.autoencoder, batch)
    with AttentionTap(task, ATTENTIONS) as tap:
        terms = loss_of(task, latents)
    assert len(tap) == sum(name.endswith("attn1.core") for name, _ in task.unet.unet.named_modules()) > 3
    assert all(len(record.key_grids) == 2 for record in tap.values())
    expected = torch.stack(
        [leffa(record, latents.garment, latents.person, latents.worn) for record in tap.values()]
    ).mean()
    torch.testing.assert_close(terms["leffa"], 0.5 * expected)


def test_the_loss_reaches_queries_and_keys_of_both_unets_but_no_image(config, batch):
    task = new_task(config, following=FOLLOWING, drop_reference=0.0)
    loss_of(task, batch)["leffa"].backward()
    for network in (task.unet.unet, task.unet.reference_unet):
        assert network.conv_in.weight.grad.abs().max() > 0
    last = [m for name, m in task.unet.unet.named_modules() if name.endswith("attn1")][-1]
    assert last.to_q.weight.grad.abs().max() > 0 and last.to_k.weight.grad.abs().max() > 0
    assert last.to_v.weight.grad is None, "the value is the coordinate grid"


def test_dropped_references_count_in_no_loss_on_attention(config, batch):
    settings = {"following": FOLLOWING, "supervision": TOLD, "shaping": Shaping(entropy=1.0, layers=ATTENTIONS)}
    terms = loss_of(new_task(config, drop_reference=1.0, **settings), batch)
    assert {name for name, value in terms.items() if value == 0} == {"leffa", "coordinates", "rows", "entropy"}
    some = new_task(config, drop_reference=0.5, **settings)
    torch.manual_seed(3)
    _, time, _ = some.noised(batch)
    seen = torch.rand(len(time)) >= 0.5
    assert seen.any() and not seen.all()
    changed = batch.garment.clone()
    changed[~seen] = torch.rand_like(changed[~seen])
    one, other = (loss_of(some, dataclasses.replace(batch, garment=g)) for g in (batch.garment, changed))
    assert all(torch.equal(one[name], other[name]) for name in one), "what is not seen changes nothing"


def test_only_the_noise_levels_of_the_loss_count(config, batch):
    late = new_task(config, following=dataclasses.replace(FOLLOWING, max_time=499), pure_noise=1.0)
    assert loss_of(late, batch)["leffa"] == 0, "all samples are pure noise"


def test_a_stage_starts_from_the_one_before_it_at_another_size(config, world, batch, tmp_path, on_the_cpu):
    """Low resolution, higher resolution, then the loss: one set of weights."""
    low = fit(new_task(config, **SMALL), world, tmp_path / "low", steps=2)
    high = new_task(config, initial=str(tmp_path / "low"), following=FOLLOWING, **SMALL)
    stored = dict(high.unet.named_parameters())
    averaged = LeffaPipeline.from_pretrained(tmp_path / "low" / "final").unet
    assert all(torch.equal(stored[name], p) for name, p in averaged.named_parameters())
    larger = World(DataConfig(height=64, width=48, laid="anyhow"), train_size=64)
    fit(high, larger, tmp_path / "high", steps=2)
    with pytest.raises(ValueError, match="a model of another shape"):
        new_task(config, initial=str(tmp_path / "low"))
    assert low.config.following.leffa == 0


def test_a_run_resumes_bitwise_with_everything_on(config, world, tmp_path, on_the_cpu):
    settings = {"pure_noise": 0.5, "drop_reference": 0.3, "supervision": TOLD, "following": FOLLOWING} | SMALL
    whole = fit(new_task(config, **settings), world, tmp_path / "whole", steps=6)
    fit(new_task(config, **settings), world, tmp_path / "parts", steps=4)
    parts = fit(new_task(config, **settings), world, tmp_path / "parts", steps=6)
    for (name, one), other in zip(whole.named_parameters(), parts.named_parameters(), strict=True):
        assert torch.equal(one, other[1]), name


def test_what_is_saved_is_a_pipeline(config, batch, tmp_path):
    task = new_task(config, denoising_steps=3, order="stable_viton").eval()
    task.save(tmp_path / "final")
    loaded = LeffaPipeline.from_pretrained(tmp_path / "final", local_files_only=True)
    assert loaded.config.default_denoising_steps == 3
    for (name, one), other in zip(loaded.unet.named_parameters(), task.unet.parameters(), strict=True):
        assert torch.equal(one, other), name
    garment, agnostic, result, person = task.sample(batch)
    assert torch.equal(person, batch.person) and torch.equal(garment, batch.garment)
    assert result.shape == agnostic.shape


def test_pose_transfer_is_learnt_from_the_same_batches(config, poses, tmp_path, on_the_cpu):
    task = new_task(config, order="leffa_pose", following=FOLLOWING, supervision=TOLD, cached_examples=8, **SMALL)
    batch = next(task.batches(poses, TrainConfig(batch_size=4))(0))
    assert float(batch.keep.max()) == 0, "everything is painted"
    terms = loss_of(task, batch)
    assert all(terms[name] > 0 for name in ("denoise", "leffa", "coordinates", "rows"))


@pytest.mark.parametrize("name", ["leffa", "leffa_pose"])
@pytest.mark.parametrize("size", ["tiny", "small", "base"])
def test_the_stages_of_a_preset_are_of_one_shape_and_end_with_the_loss(name, size):
    config = preset(name, size=size)
    with torch.device("meta"):
        unets = [LeffaTask.new_unet(stage.task) for stage in progressive(config)]
    low, whole, followed = progressive(config)
    shapes = [{key: value.shape for key, value in unet.state_dict().items()} for unet in unets]
    assert shapes[0] == shapes[1] == shapes[2]
    assert (2 * low.data.height, 2 * low.data.width) == (whole.data.height, whole.data.width)
    multiple = 2 * unets[0].multiple
    assert low.data.height % multiple == 0 and low.data.width % multiple == 0, "the small pictures fit"
    assert [stage.task.following.active for stage in (low, whole, followed)] == [False, False, True]
    assert not any(stage.task.supervision.active for stage in (low, whole, followed)), "nothing is told the truth"
    assert (whole.data.reference == "person") == (name == "leffa_pose") == (whole.task.order == "leffa_pose")
    assert followed.task.following.max_time == 1000 and whole == config
    with pytest.raises(ValueError, match=r"preset is 'matcher': expected one of Leffa's"):
        progressive(preset("matcher"))


def test_settings_are_overridden_and_stored(config):
    changed = override(config, "following.leffa=0.25", "order=leffa_pose", "sharp_teaches=true")
    assert changed.following.layers == ATTENTIONS and changed.following.leffa == 0.25
    assert from_json(LeffaConfig, to_json(changed)) == changed
