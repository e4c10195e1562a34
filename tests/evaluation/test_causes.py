from __future__ import annotations

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.evaluation.causes import CAUSES, HIDDEN, Twins, roughly_masked, survival, twins


@pytest.fixture(scope="module")
def scenes():
    return World(DataConfig(laid="anyhow")).scenes("test", torch.tensor([0, 1, 3]))


@pytest.fixture(scope="module")
def pairs(scenes) -> dict[str, Twins]:
    return {cause: twins(scenes, cause, 64, 48) for cause in CAUSES}


@pytest.mark.parametrize("cause", CAUSES)
def test_one_thing_more_and_all_else_equal(pairs, cause) -> None:
    present, absent = pairs[cause]
    torch.testing.assert_close(present.garment, absent.garment)
    assert (present.person - absent.person).abs().max() > 0.2
    assert pairs[cause].common.flatten(1).sum(1).min() > 20
    if cause in (*HIDDEN, "street", "tucked in"):
        torch.testing.assert_close(present.dense_pose, absent.dense_pose)


def test_what_is_kept_and_what_is_gone(pairs) -> None:
    pair = pairs["bag"]
    assert survival(pair.present.person, pair).min() == 1 and survival(pair.absent.person, pair).max() == 0


def test_a_rough_mask_hides_the_bag(pairs) -> None:
    pair = pairs["bag"]
    rough = roughly_masked(pair)
    assert (rough.agnostic * pair.thing).abs().max() == 0
    assert (pair.present.agnostic * pair.thing).abs().max() > 0
    torch.testing.assert_close(rough.person, pair.present.person)
    same = {
        cause for cause in HIDDEN if torch.equal(pairs[cause].present.agnostic_mask, pairs[cause].absent.agnostic_mask)
    }
    assert same == {"necklace", "long hair"}, "of which 'kept' and 'kept if hidden' are one number"


@pytest.mark.usefixtures("as_installed")
def test_unknown_causes_are_named(scenes) -> None:
    with pytest.raises(ValueError, match="cause is 'scarf': expected one of necklace, bag"):
        twins(scenes, "scarf", 64, 48)
