"""The segmentation by groups: a table, and the garment on top of it."""

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.parse import GARMENT, GROUPS, group_parse, true_groups, visible_groups
from vtonlib.data.world import World


@pytest.fixture(scope="module")
def batch():
    return World(DataConfig(height=40, width=24)).paired("test", torch.arange(16))


def one_of_each_label(dtype=torch.float32):
    """A map one pixel high, whose pixel i has label i; the last pixel's label is not known."""
    return torch.cat((torch.eye(len(PARSE_LABELS), dtype=dtype), torch.zeros(len(PARSE_LABELS), 1, dtype=dtype)), 1)[
        None, :, None
    ]


def test_every_label_belongs_to_one_group():
    members = [label for group in GROUPS.values() for label in group]
    assert sorted(members) == sorted(PARSE_LABELS)
    assert GROUPS["garment"] == () and tuple(GROUPS)[GARMENT] == "garment"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_each_label_goes_to_its_group_and_an_unknown_one_to_none(dtype):
    parse = one_of_each_label(dtype)
    groups = group_parse(parse, torch.zeros(1, 1, 1, parse.shape[-1], dtype=dtype))
    assert groups.dtype == dtype
    for column, label in enumerate(PARSE_LABELS):
        expected = [float(label in members) for members in GROUPS.values()]
        assert groups[0, :, 0, column].tolist() == expected, label
    assert groups[0, :, 0, -1].sum() == 0


def test_the_garment_is_where_its_region_exceeds_a_half_whatever_the_label():
    parse = one_of_each_label()
    region = torch.full((1, 1, 1, parse.shape[-1]), 0.5)
    assert group_parse(parse, region)[:, GARMENT].sum() == 0, "a half is not more than a half"
    groups = group_parse(parse, region + 0.01)
    assert groups[:, GARMENT].min() == 1, "where the label is unknown too"
    assert groups.sum() == parse.shape[-1], "and nothing else is there"


def test_the_arguments_stay_as_they_are(batch):
    before = batch.parse.clone(), batch.garment_region.clone()
    true_groups(batch), visible_groups(batch)
    assert torch.equal(batch.parse, before[0]) and torch.equal(batch.garment_region, before[1])


def test_the_world_is_known_everywhere(batch):
    groups = true_groups(batch)
    assert groups.shape == (16, len(GROUPS), 40, 24)
    assert torch.equal(groups.sum(1), torch.ones(16, 40, 24))
    assert set(groups.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(groups[:, GARMENT : GARMENT + 1], (batch.garment_region > 0.5).float())
    assert all(groups[:, channel].sum() > 0 for channel in range(len(GROUPS))), "every group occurs"


def test_nothing_of_what_is_to_be_painted_is_visible(batch):
    groups, inside = visible_groups(batch), batch.agnostic_mask > 0
    assert (groups * inside).sum() == 0
    assert torch.equal(groups.sum(1, keepdim=True), 1 - batch.agnostic_mask)
    assert groups[:, GARMENT].sum() == 0, "the garment to try on is not told"
    same = ~inside.expand_as(groups)
    assert torch.equal(groups[same], true_groups(batch)[same]), "elsewhere it is the truth"
