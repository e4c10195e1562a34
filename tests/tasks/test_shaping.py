"""Losses on attention that need no truth, through the one training loop: of the matcher and of StableVITON."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from tests.tasks.test_stable_viton_training import batch, config, new_task, world  # noqa: F401
from vtonlib.attention import AttentionTap
from vtonlib.config import from_json, override, to_json
from vtonlib.grids import resize_mask
from vtonlib.losses.entropy import attention_entropy
from vtonlib.losses.flow import leffa
from vtonlib.losses.matching import colour_copying
from vtonlib.losses.total_variation import attention_total_variation
from vtonlib.tasks.latents import encode_batch
from vtonlib.tasks.matcher import MatcherConfig, MatcherTask
from vtonlib.tasks.supervision import Following, Shaping, Supervision, shape
from vtonlib.training.trainer import Trainer


def new_matcher(**changes) -> MatcherTask:
    torch.manual_seed(0)
    return MatcherTask(dataclasses.replace(MatcherConfig(channels=16, head_dim=8, heads=2), **changes))


def test_the_terms_are_the_losses_times_their_weights(batch) -> None:  # noqa: F811
    on = Shaping(total_variation=0.5, entropy=2.0, layers="matcher.core")
    terms = new_matcher(shaping=on).matcher_loss(batch)
    task = new_matcher()
    with AttentionTap(task.matcher) as tap:
        copied = task.copy(batch)
    worn = (resize_mask(batch.garment_region, *tap["core"].query_grid) > 0.5).float()
    assert 0 < worn.mean() < 0.9
    expected = {
        "copy": colour_copying(copied, batch.person, batch.garment_region),
        "total_variation": 0.5 * attention_total_variation(tap["core"], worn),
        "entropy": 2 * attention_entropy(tap["core"], worn),
    }
    assert list(terms) == list(expected)
    torch.testing.assert_close(terms, expected)


def test_a_matcher_follows(batch) -> None:  # noqa: F811
    task = new_matcher(following=Following(leffa=0.3, temperature=3.0, layers="matcher.core"))
    terms = task.matcher_loss(batch)
    with AttentionTap(task.matcher) as tap:
        task.copy(batch)
    loss = leffa(tap["core"], batch.garment, batch.person, batch.garment_region, temperature=3.0)
    assert list(terms) == ["copy", "leffa"]
    torch.testing.assert_close(terms["leffa"], 0.3 * loss)


def test_stable_viton_follows_at_low_noise_and_fine_layers(config, batch, monkeypatch) -> None:  # noqa: F811
    following = Following(leffa=2.0, layers="unet.warps.*.attn2.core", resolution=0.75, max_time=499)
    task = new_task(config, following=following)
    for level, least in ((499, 1e-4), (500, 0.0)):
        monkeypatch.setattr(task, "sample_timesteps", lambda n, device, level=level: torch.full((n,), level))
        terms = task.denoiser_loss(batch)
        assert (terms["leffa"] > least) if least else (terms["leffa"] == 0)


def test_a_resolution_that_no_attention_has_is_refused(batch) -> None:  # noqa: F811
    task = new_matcher(following=Following(leffa=1.0, layers="matcher.core", resolution=0.5))
    with pytest.raises(ValueError, match=r"resolution=0.5 of 32 rows: no attention has so many \(matcher.core 8\)"):
        task.matcher_loss(batch)


def test_a_matcher_is_told_the_truth(batch) -> None:  # noqa: F811
    told = Supervision(coordinates=1.0, rows=0.1, layers="matcher.core")
    task = new_matcher(supervision=told)
    terms = task.matcher_loss(batch)
    assert list(terms) == ["copy", "coordinates", "rows"]
    (terms["coordinates"] + terms["rows"]).backward()
    assert all(p.grad is not None for p in task.matcher.parameters())


def test_stable_viton_is_shaped_where_the_garment_is_worn(config, batch) -> None:  # noqa: F811
    shaping = Shaping(total_variation=1.0, entropy=0.1, from_step=1, until_step=2)
    task = new_task(config, shaping=shaping, supervision=Supervision(rows=1.0))
    names = []
    for task.step in range(3):
        names.append(list(task.denoiser_loss(batch)))
    assert names == [["denoise", "rows"], ["denoise", "rows", "total_variation", "entropy"], ["denoise", "rows"]]
    worn = encode_batch(task.autoencoder, batch).worn
    assert worn.shape[1:] == (1, 16, 12) and abs(worn.mean() - batch.garment_region.mean()) < 1e-5


def test_photographs_are_shaped_though_nobody_knows_their_flow(config, batch) -> None:  # noqa: F811
    task = new_task(config, shaping=Shaping(total_variation=1.0, entropy=1.0))
    unknown = dataclasses.replace(batch, flow=batch.flow * 0, flow_mask=batch.flow_mask * 0)
    terms = task.denoiser_loss(unknown)
    assert terms["total_variation"] > 0 and terms["entropy"] > 0


def test_noise_levels_and_bare_bodies_count_nothing(batch) -> None:  # noqa: F811
    with AttentionTap((task := new_matcher()).matcher) as tap:
        task.copy(batch)
    time = torch.tensor([900, 100, 100, 100, 100, 100])
    settings = Shaping(entropy=1.0, min_time=500)
    worn = (resize_mask(batch.garment_region, *tap["core"].query_grid) > 0.5).float()
    first = worn * (torch.arange(6) == 0).view(-1, 1, 1, 1)
    found = shape(settings, tap, batch.garment_region, time)
    torch.testing.assert_close(found["entropy"], attention_entropy(tap["core"], first))
    assert shape(settings, tap, batch.garment_region * 0, time)["entropy"] == 0


def test_ranges_that_nothing_lies_in_are_refused() -> None:
    with pytest.raises(ValueError, match=r"until_step=3: expected 0, or more than from_step=3"):
        Shaping(from_step=3, until_step=3)
    with pytest.raises(ValueError, match=r"min_time=500: expected at most max_time=100"):
        Supervision(min_time=500, max_time=100)


def test_they_are_overridden_and_stored() -> None:
    changed = override(MatcherConfig(), "shaping.entropy=0.25", "supervision.rows=1")
    assert changed.shaping == Shaping(entropy=0.25, layers="matcher.core")
    assert from_json(MatcherConfig, to_json(changed)) == changed
    with pytest.raises(ValueError, match="at least 0"):
        override(MatcherConfig(), "shaping.entropy=-1")


def test_entropy_falls_when_it_is_shaped(world, tmp_path) -> None:  # noqa: F811
    """Twenty steps from the same weights, on the same examples."""
    from vtonlib.config import TrainConfig

    found = {}
    for weight in (0.0, 1.0):
        task = new_matcher(shaping=Shaping(entropy=weight, layers="matcher.core"))
        settings = TrainConfig(steps=20, batch_size=4, learning_rate=3e-3, warmup_steps=0, sample_every=0, save_every=0)
        Trainer(task, task.batches(world, settings), settings, tmp_path / str(weight)).fit()
        found[weight] = task.attend(world.paired("test", torch.arange(8))).entropy().mean()
    assert found[1.0] < found[0.0] - 0.1
