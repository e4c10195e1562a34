"""CUT and QS-Attn as a task: phases, what is encoded how often, which rule compares what, and resuming."""

import dataclasses

import pytest
import torch
from gan_stages import DATA, descend, final_tensors, trained_children
from safetensors.torch import load_file

from vtonlib import experiment
from vtonlib.attention.query_selection import RULES, QuerySelection
from vtonlib.config import TrainConfig, override
from vtonlib.data.domains import Domains
from vtonlib.data.world import World
from vtonlib.losses.patch_nce import patch_nce
from vtonlib.models.translator import ResnetTranslator
from vtonlib.presets import preset
from vtonlib.tasks.translation import TranslationConfig, TranslationTask

SMALLEST = TranslationConfig(
    channels=4,
    blocks=5,
    selection=QuerySelection(count=12),
    projection=8,
    discriminator_channels=4,
    discriminator_layers=2,
)


def new_task(**changes):
    torch.manual_seed(0)
    task = TranslationTask(dataclasses.replace(SMALLEST, **changes))
    task.check()
    return task


def short_run(steps):
    default = preset("translation")
    train = dataclasses.replace(
        default.train, steps=steps, batch_size=4, sample_every=0, save_every=0, schedule="constant", precision="no"
    )
    return dataclasses.replace(default, task=SMALLEST, data=DATA, train=train)


class Photographs:
    """A source that is not the world."""

    def size(self, split):
        return 8

    def paired(self, split, indices):
        raise AssertionError

    unpaired = paired


@pytest.fixture(scope="module")
def batch():
    return Domains(World(DATA)).paired("train", range(4))


def test_each_phase_trains_its_own_networks(batch):
    task = new_task()
    found = {phase.name: trained_children(task, phase, batch) for phase in task.phases}
    assert found == {"discriminator": {"discriminator"}, "generator": {"translator", "projector"}}


@pytest.mark.parametrize("identity", [0.5, 0.0])
def test_the_contrastive_loss_encodes_each_picture_once(batch, identity):
    """Sources (and targets) pass once, translated and tapped in the same pass, and so does what became of them."""
    task = new_task(identity=identity)
    stems: list[int] = []
    heads: list[int] = []
    task.translator.stem.register_forward_hook(lambda _, given, __: stems.append(len(given[0])))
    task.translator.head.register_forward_hook(lambda _, given, __: heads.append(len(given[0])))
    task.generator_loss(batch)
    kinds = 2 if identity else 1
    assert stems == [4, 4] * kinds, "a source and its translation, a target and its translation"
    assert heads == [4] * kinds, "of the translations features alone are computed"


def test_what_is_changed_costs_its_mean_absolute_difference(batch):
    task = new_task(change=3.0).eval()
    with torch.no_grad():
        terms, fake = task.generator_loss(batch), task.translator(batch.source)
    torch.testing.assert_close(terms["change"], 3 * (fake - batch.source).abs().mean())
    assert "change" not in new_task().generator_loss(batch)


def test_the_terms_are_those_of_cut(batch):
    """With random patches and no routing: least squares at 1, and half of the contrastive loss for either domain."""
    task = new_task(selection=dataclasses.replace(RULES["cut"], count=12)).eval()
    torch.manual_seed(3)
    terms = {name: term.detach() for name, term in task.generator_loss(batch).items()}
    torch.manual_seed(3)
    with torch.no_grad():
        for name, images in (("contrastive", batch.source), ("identity", batch.target)):
            fake = task.translator(images)
            keys, queries = (task.translator.features(x, task.config.taps) for x in (images, fake))
            losses = []
            for number, tap in enumerate(task.config.taps):
                ids = torch.randperm(keys[tap].shape[-2:].numel())[:12]
                key, query = (features[tap].flatten(2)[..., ids].mT for features in (keys, queries))
                key, query = (task.projector.layers[number](x) for x in (key, query))
                key, query = (x / (x.norm(dim=-1, keepdim=True) + 1e-7) for x in (key, query))
                losses.append(patch_nce(query, key).mean())
            torch.testing.assert_close(terms[name], 0.5 * torch.stack(losses).mean(), rtol=1e-4, atol=1e-5)
        judged = task.discriminator(task.translator(batch.source))[0][-1]
        torch.testing.assert_close(terms["adversarial"], (judged - 1).square().mean())


@pytest.mark.parametrize("name", RULES)
def test_every_rule_trains(batch, name):
    task = new_task(selection=dataclasses.replace(RULES[name], count=12, window=3))
    terms = task.generator_loss(batch)
    sum(terms.values()).backward()
    assert all(term.isfinite() for term in terms.values())
    assert all(parameter.grad is not None for parameter in task.translator.parameters())


@pytest.mark.parametrize("change", [{"official_layout": True}, {"shared": False}, {"detach": True}])
def test_options_of_the_rule_change_the_loss(batch, change):
    plain = dataclasses.replace(RULES["local"], count=12, window=3)
    losses = []
    for selection in (plain, dataclasses.replace(plain, **change)):
        task = new_task(selection=selection, skip=False)
        torch.manual_seed(1)
        loss = task.generator_loss(batch)["contrastive"]
        loss.backward()
        losses.append(torch.cat([p.grad.flatten() for p in task.translator.parameters() if p.grad is not None]))
    assert not torch.equal(*losses)


def test_the_rule_is_for_the_blocks_alone():
    task = new_task()
    assert [task.rule(tap).select for tap in task.config.taps] == ["random"] * 3 + ["global"] * 2
    assert {task.rule(tap).count for tap in task.config.taps} == {12}


def test_no_gradient_through_the_keys(batch):
    task = new_task(selection=dataclasses.replace(RULES["cut"], count=12))
    features = task.translator.features(batch.source, task.config.taps)
    source = {name: value.detach().requires_grad_() for name, value in features.items()}
    other = {name: value.detach().flip(0).requires_grad_() for name, value in features.items()}
    task.contrast(source, other).backward()
    assert all(value.grad is None or not value.grad.any() for value in source.values())
    assert all(value.grad.any() for value in other.values())


@pytest.mark.parametrize(("taken_for_real", "expected"), [("target", (0.0, 1.0)), ("fake", (1.0, 0.0))])
def test_targets_are_real_and_translations_are_not(batch, monkeypatch, taken_for_real, expected):
    """Half of both errors for the discriminator; the generator wants its translations taken for real."""
    task = new_task()
    judged = {"target": batch.target, "fake": task.translator(batch.source).detach()}[taken_for_real]
    monkeypatch.setattr(task.discriminator, "forward", lambda x: [[torch.ones(4, 1, 1, 1) * torch.equal(x, judged)]])
    found = task.discriminator_loss(batch)["adversarial"], task.generator_loss(batch)["adversarial"]
    assert tuple(map(float, found)) == expected


def test_steps_on_one_batch_lower_the_contrastive_loss(batch):
    task = new_task(skip=False)
    history = descend(task, task.phases, batch, steps=25)
    assert history[-1]["contrastive"] < 0.8 * history[0]["contrastive"]


def test_it_begins_as_the_identity_where_there_is_a_skip(batch):
    with torch.no_grad():
        kept, lost = (new_task(skip=skip).translator(batch.source) for skip in (True, False))
    assert (kept - batch.source).abs().max() < 0.06 < (lost - batch.source).abs().mean()


def test_the_sample_shows_source_translation_and_target(batch):
    task = new_task().eval()
    source, translated, target = task.sample(batch)
    assert torch.equal(source, batch.source) and torch.equal(target, batch.target)
    assert translated.shape == source.shape and translated.abs().max() <= 1


def test_batches_are_of_both_domains_and_no_folder_is_taken():
    task = new_task()
    batches = task.batches(World(DATA, train_size=64), TrainConfig(batch_size=4, seed=2))
    first, again = next(batches(3)), next(batches(3))
    assert torch.equal(first.source, again.source) and len(first) == 4 and task.train_examples == 24
    with pytest.raises(ValueError, match=r"data.root: the two domains exist in the procedural world alone"):
        task.batches(Photographs(), TrainConfig())


def test_a_pool_is_rendered_once_and_drawn_from():
    task, world = new_task(cached_examples=6), World(DATA, train_size=64)
    batches = task.batches(world, TrainConfig(batch_size=4, seed=2))
    stream = batches(0)
    found = [next(stream) for _ in range(16)]
    pool = Domains(world).paired("train", range(6))
    assert task.train_examples == 6
    assert set(torch.cat([one.index for one in found]).tolist()) == set(pool.index.tolist())
    assert torch.equal(next(batches(3)).source, found[3].source), "a run that goes on draws as if it had not stopped"
    row = pool.index.tolist().index(int(found[0].index[0]))
    torch.testing.assert_close(found[0].source[0], pool.source[row])
    task = new_task(cached_examples=1000)
    task.batches(world, TrainConfig())
    assert task.train_examples == Domains(world).size("train"), "there are no more"


def test_unknown_features_are_named():
    with pytest.raises(ValueError, match=r"task.taps: the translator has no features block_4; it has pixels, down_0"):
        new_task(blocks=4)


def test_settings_of_the_rule_are_settings():
    config = override(preset("translation"), "task.selection.select=random", "task.selection.route=none")
    assert dataclasses.replace(config.task.selection, count=256) == RULES["cut"]
    with pytest.raises(ValueError, match=r"select=best: expected one of"):
        override(preset("translation"), "task.selection.select=best")


def test_what_is_saved_computes_the_same(batch, tmp_path):
    task = new_task().eval()
    task.save(tmp_path)
    loaded = ResnetTranslator.from_pretrained(tmp_path / "translator")
    with torch.no_grad():
        torch.testing.assert_close(loaded(batch.source), task.translator(batch.source), atol=1e-6, rtol=0)


def test_resuming_changes_nothing(tmp_path, on_the_cpu):
    """Projector and discriminator are stored too: they exist from the start."""
    experiment.train(short_run(steps=4), tmp_path / "whole")
    for steps in (2, 4):
        experiment.train(short_run(steps=steps), tmp_path / "parts")
    whole, parts = (
        load_file(tmp_path / run / "checkpoints/step-000004/model.safetensors") for run in ("whole", "parts")
    )
    assert {name.partition(".")[0] for name in whole} == {"translator", "projector", "discriminator"}
    for one, other in ((whole, parts), tuple(final_tensors(tmp_path / run) for run in ("whole", "parts"))):
        assert one and one.keys() == other.keys()
        assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
