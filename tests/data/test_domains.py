"""Two domains of the world: who is in them, and that nothing but the tops' patterns tells them apart."""

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.domains import Domains
from vtonlib.data.parameters import UPPER
from vtonlib.data.textures import PLAIN
from vtonlib.data.world import World
from vtonlib.evaluation.fabrics import texture_energy

WORLD = World(DataConfig(height=64, width=48), train_size=64, test_size=32)
DOMAINS = Domains(WORLD)


def test_nobody_is_in_both_domains_and_all_wear_tops():
    batch = DOMAINS.paired("train", range(DOMAINS.size("train")))
    assert DOMAINS.size("train") == 24 and DOMAINS.size("test") == 12
    numbers = torch.cat((batch.index, batch.target_index))
    assert len(numbers.unique()) == len(numbers) == 48, "every top of the split, once"
    assert (WORLD.scenes("train", numbers).garment.category == UPPER).all()


def test_sources_are_the_worlds_people_in_plain_tops():
    batch, own = DOMAINS.paired("test", range(12)), WORLD.paired("test", DOMAINS.paired("test", range(12)).index)
    assert torch.equal(batch.source_region, own.garment_region)
    beside = (batch.source_region == 0).expand_as(batch.source)
    assert torch.equal(batch.source[beside], own.person[beside]), "the top alone is another"
    plain = WORLD.scenes("test", batch.index).garment.texture == PLAIN
    assert not plain.all() and not torch.equal(batch.source, own.person)
    assert torch.equal(batch.source[plain], own.person[plain])


def test_the_domains_differ_in_texture_by_far():
    batch = DOMAINS.paired("test", range(12))
    plain, striped = (
        texture_energy(image, region).sqrt()
        for image, region in ((batch.source, batch.source_region), (batch.target, batch.target_region))
    )
    assert plain.max() < 0.1 and striped.mean() > 3 * plain.mean() and striped.min() > 0.1


@pytest.mark.parametrize("pattern", ["stripes", "checks", "dots"])
def test_the_counterfactual_changes_the_top_alone(pattern):
    domains = Domains(WORLD, pattern)
    batch, other = domains.paired("test", range(4)), domains.counterfactual("test", range(4))
    changed = (other != batch.source).any(1, keepdim=True)
    assert not changed[batch.source_region == 0].any()
    assert (changed.flatten(1).sum(1) > 0.2 * batch.source_region.flatten(1).sum(1)).all()


def test_stripes_are_level():
    """Down a striped top colours change, across it they do not, but for its own shading and outline."""
    domains = Domains(WORLD)
    difference = domains.counterfactual("test", range(12)) - domains.paired("test", range(12)).source
    middle = difference[..., 30:44, 20:28]
    down, across = middle.diff(dim=-2).abs().mean(), middle.diff(dim=-1).abs().mean()
    assert down > 4 * across


def test_an_example_is_a_function_of_its_number():
    whole, alone = DOMAINS.paired("test", range(8)), DOMAINS.paired("test", [5])
    assert all(torch.equal(value, whole[5:6].tensors()[name]) for name, value in alone.tensors().items())


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"indices of test must lie in \[0, 12\), found 0 to 12"):
        DOMAINS.paired("test", [0, 12])
    with pytest.raises(ValueError, match="pattern is 'plaid': expected one of stripes, checks, dots"):
        Domains.__init__.__wrapped__(Domains.__new__(Domains), WORLD, "plaid")
    with pytest.raises(ValueError, match=r"data.root: the two domains exist in the procedural world alone"):
        Domains(Photographs())


class Photographs:
    """A source that is not the world."""

    def size(self, split):
        return 8

    def paired(self, split, indices):
        raise AssertionError

    unpaired = paired
