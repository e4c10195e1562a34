"""Entropies of patches in groups: the closed form is that of the features it describes."""

from __future__ import annotations

import math

import pytest
import torch

from vtonlib.attention.groups import group_entropy, group_features, preferred_share
from vtonlib.attention.query_selection import RULES


@pytest.mark.equation("eq-group-entropy")
@pytest.mark.parametrize("ratio", [1.5, 3.0, 81.0])
def test_entropy_of_a_group_is_that_of_its_features(ratio: float) -> None:
    sizes = [1, 2, 5, 4]
    features = group_features(sizes, ratio).double()
    found = RULES["global"].entropy(features.T.reshape(1, 4, 3, 4))[0]
    of_each = torch.tensor(sizes, dtype=torch.float64).repeat_interleave(torch.tensor(sizes))
    torch.testing.assert_close(found, group_entropy(of_each, 12, ratio), rtol=1e-5, atol=1e-6)


def test_the_worked_example_of_four_patches() -> None:
    """Grass, grass, grass, zebra: rows (3, 3, 3, 1) / 10 and (1, 1, 1, 3) / 6; the zebra's entropy is ln 12 / 2."""
    grass, zebra = group_entropy(torch.tensor([3.0, 1.0], dtype=torch.float64), 4, 3.0).tolist()
    assert zebra == pytest.approx(math.log(12) / 2)
    assert grass == pytest.approx(0.9 * math.log(10 / 3) + 0.1 * math.log(10)) and zebra < grass
    ids = RULES["global"].choose(group_features([3, 1], 3.0).T.reshape(1, 2, 2, 2))
    assert ids[0].tolist() == [3, 0, 1, 2]  # then the grass, in the order of the map
    turned = RULES["global"].choose(group_features([1, 3], 3.0).T.reshape(1, 2, 2, 2))
    assert turned[0, 0] == 0  # where there is more zebra than grass, the grass is chosen


def test_a_longer_patch_of_grass_is_chosen_before_the_zebra() -> None:
    features = group_features([3, 1], 3.0)
    features[0] *= 2
    entropy = RULES["global"].entropy(features.T.reshape(1, 2, 2, 2))[0]
    row = torch.tensor([0.81, 0.09, 0.09, 0.01])
    torch.testing.assert_close(entropy[0], torch.special.entr(row).sum())
    assert entropy.argmin() == 0


@pytest.mark.equation("eq-preferred-share")
@pytest.mark.parametrize("ratio", [1.01, 1.5, 3.0, 20.0, 400.0])
def test_the_preferred_share_has_the_least_entropy(ratio: float) -> None:
    patches = 100_000
    sizes = torch.arange(1, patches, dtype=torch.float64)
    least = int(group_entropy(sizes, patches, ratio).argmin()) + 1
    assert least / patches == pytest.approx(preferred_share(ratio), abs=2 / patches)


@pytest.mark.equation("eq-preferred-share")
def test_it_is_half_without_contrast_and_goes_to_nothing_with_it() -> None:
    assert preferred_share(1.0001) == pytest.approx(0.5, abs=1e-3)
    assert preferred_share(1e9) == pytest.approx(math.log(1e9) / 1e9, rel=0.1)
    assert preferred_share(math.e) == pytest.approx(1 / (math.e - 1) ** 2)


def test_a_pair_is_chosen_before_a_lone_patch() -> None:
    """Of five patches, two and two and one: rarest is not lowest."""
    pair, lone = group_entropy(torch.tensor([2.0, 1.0]), 5, 3.0).tolist()
    assert pair < lone
    assert RULES["global"].choose(group_features([1, 2, 2], 3.0).T.reshape(1, 3, 5, 1))[0, -1] == 0


@pytest.mark.usefixtures("unchecked")
def test_bad_groups_are_named() -> None:
    with pytest.raises(ValueError, match=r"ratio is 1\.0"):
        preferred_share(1.0)
    with pytest.raises(ValueError, match="groups have 0 to 3 of 4 patches"):
        group_entropy(torch.tensor([0.0, 3.0]), 4, 2.0)
    with pytest.raises(ValueError, match=r"groups have \[1, 0\]"):
        group_features([1, 0], 2.0)
