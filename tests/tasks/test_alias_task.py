"""The third stage's task: phases, losses, what is saved; and that the ablation changes what its settings say."""

import copy
import dataclasses

import pytest
import torch
from gan_stages import descend, new_batch, new_stage, resuming_changes_nothing, trained_children

from vtonlib.data.parse import GARMENT, true_groups
from vtonlib.models.alias import ALIASGenerator, split_parse


@pytest.fixture(scope="module")
def batch():
    batch = new_batch()
    assert all((batch.misalign_mask * batch.garment_region).flatten(1).sum(1) > 0)
    return batch


@pytest.fixture
def task():
    return new_stage("alias")


def inputs(batch):
    """What the generator gets of a batch."""
    parse = true_groups(batch)
    divided = split_parse(parse, batch.misalign_mask * parse[:, GARMENT : GARMENT + 1], GARMENT)
    images = torch.cat((batch.agnostic, batch.dense_pose, batch.warped_garment), 1)
    return images, parse, divided, divided[:, -1:]


def test_each_phase_trains_its_own_network(task, batch):
    found = {phase.name: trained_children(task, phase, batch) for phase in task.phases}
    assert found == {"discriminator": {"discriminator"}, "generator": {"generator"}}
    assert not any(parameter.requires_grad for parameter in task.features.parameters())


def test_steps_on_one_batch_lower_the_perceptual_loss(task, batch):
    history = descend(task, task.phases, batch)
    assert history[-1]["perceptual"] < 0.85 * history[0]["perceptual"]


def test_a_discriminator_alone_learns_to_tell_them_apart(task, batch):
    history = descend(task, task.phases[:1], batch)
    assert history[-1]["adversarial"] < 0.75 * history[0]["adversarial"]


def test_the_perfect_image_has_neither_perceptual_loss_nor_feature_distance(task, batch, monkeypatch):
    monkeypatch.setattr(task, "paint", lambda b: (b.person, inputs(b)[2]))
    terms = task.eval().generator_loss(batch)
    assert terms["perceptual"] == 0
    torch.testing.assert_close(terms["feature_matching"], torch.tensor(0.0), atol=1e-5, rtol=0)


def test_the_garment_alone_is_divided_and_nothing_lost(task, batch):
    _, divided = task.paint(batch)
    parse = true_groups(batch)
    assert divided.shape[1] == parse.shape[1] + 1
    joined = divided[:, :-1].clone()
    joined[:, GARMENT] += divided[:, -1]
    assert torch.equal(joined, parse)
    assert (divided >= 0).all()


def test_the_sample_is_the_same_each_time(task, batch):
    for name, parameter in task.generator.named_parameters():
        if name.endswith("noise_scale"):
            torch.nn.init.ones_(parameter)
    task.eval()
    with torch.no_grad():
        garment, warped, image, person = task.sample(batch)
        assert torch.equal(task.sample(batch)[2], image)
        assert not torch.equal(task.paint(batch)[0], image), "another noise"
    assert torch.equal(garment, batch.garment) and torch.equal(warped, batch.warped_garment)
    assert torch.equal(person, batch.person)
    assert image.abs().max() <= 1


def test_what_is_saved_computes_the_same(task, batch, tmp_path):
    """The singular vectors of spectral norm too, which training has moved away from what the weights give anew.

    Bit for bit once the tensors lie where new ones do: read from a file they are not aligned, and the linear algebra
    library then adds in another order.
    """
    descend(task, task.phases, batch, steps=3)
    task.eval()
    task.save(tmp_path)
    loaded = ALIASGenerator.from_pretrained(tmp_path / "generator")
    given = inputs(batch)
    expected, as_read, aligned = (
        net(*given, generator=torch.Generator().manual_seed(0)).detach()
        for net in (task.generator, loaded, copy.deepcopy(loaded))
    )
    assert torch.equal(aligned, expected)
    torch.testing.assert_close(as_read, expected, atol=1e-6, rtol=0)
    ours, theirs = task.generator.state_dict(), loaded.state_dict()
    assert any(name.endswith("._u") for name in ours) and ours.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def images_for(norm, batch):
    """The picture with the true misalignment mask; with another mask; with the labels divided by another mask."""
    net = new_stage("alias", norm=norm).eval().generator
    for name, parameter in net.named_parameters():
        if "modulation" in name:
            torch.nn.init.normal_(parameter, std=0.2)  # labels and regions must show
    given, parse, divided, mask = inputs(batch)
    other = mask.flip(0) * parse[:, GARMENT : GARMENT + 1]
    assert not torch.equal(other, mask)
    with torch.no_grad():
        return tuple(
            net(given, parse, labels, region)
            for labels, region in ((divided, mask), (divided, other), (split_parse(parse, other, GARMENT), mask))
        )


def test_spade_knows_nothing_of_the_mask(batch):
    image, other_region, other_labels = images_for("spade", batch)
    assert torch.equal(image, other_region) and torch.equal(image, other_labels)


def test_instance_norm_knows_of_the_mask_by_labels_alone(batch):
    image, other_region, other_labels = images_for("instance", batch)
    assert torch.equal(image, other_region)
    assert (image - other_labels).abs().max() > 1e-4


def test_alias_standardizes_by_the_mask_too(batch):
    image, other_region, other_labels = images_for("alias", batch)
    assert (image - other_region).abs().max() > 1e-4
    assert (image - other_labels).abs().max() > 1e-4


def test_the_variants_have_the_same_weights_but_for_one_label_channel():
    """What the ablation compares differs in nothing but what it is about."""
    shapes = {
        norm: {n: tuple(p.shape) for n, p in new_stage("alias", norm=norm).generator.named_parameters()}
        for norm in ("alias", "instance", "spade")
    }
    assert shapes["alias"] == shapes["instance"]
    differing = {n for n, shape in shapes["alias"].items() if shape != shapes["spade"][n]}
    assert differing and all("modulation.shared" in name for name in differing)


def test_a_mask_outside_the_garment_changes_nothing(task, batch):
    task.eval()
    beside = (batch.misalign_mask + (batch.garment_region <= 0.5)).clamp(0, 1)
    with torch.no_grad():
        expected, moved = (
            task.paint(b, torch.Generator().manual_seed(0))[0]
            for b in (batch, dataclasses.replace(batch, misalign_mask=beside))
        )
    assert torch.equal(expected, moved)


def test_resuming_changes_nothing(tmp_path, on_the_cpu):
    assert resuming_changes_nothing("alias", tmp_path)
