"""Receptive fields whose extent is known."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vtonlib.attention.query_selection import QuerySelection
from vtonlib.evaluation.receptive_field import effective_patches, field_reach, receptive_field


def pooled(images: Tensor) -> Tensor:
    """Patches of 2x2, their mean colour."""
    return F.avg_pool2d(images, 2)


def tokens(images: Tensor) -> Tensor:
    return pooled(images).flatten(2).mT


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, 3, 6, 8, generator=torch.Generator().manual_seed(0))


def test_a_patch_depends_on_its_own_pixels(images: Tensor) -> None:
    field = receptive_field(tokens, images, 6, probes=3)
    expected = torch.zeros(2, 6, 8)
    expected[:, 2:4, 4:6] = 3 * (1 / 4) ** 2  # three colours, each a mean of four pixels
    torch.testing.assert_close(field, expected)
    torch.testing.assert_close(effective_patches(field, 3, 4), torch.ones(2).double())
    assert field_reach(field, 6, 3, 4).abs().max() == 0


def test_the_sum_over_channels_is_met_by_random_signs() -> None:
    weights = torch.randn(5, 12, generator=torch.Generator().manual_seed(1))
    draw = torch.Generator().manual_seed(2)
    images = torch.zeros(1, 3, 2, 2)
    field = receptive_field(lambda x: (x.flatten(1) @ weights.T)[:, None], images, 0, probes=4000, generator=draw)
    torch.testing.assert_close(field, weights.square().sum(0).view(1, 3, 2, 2).sum(1), rtol=0.1, atol=0)


def test_a_field_over_four_patches() -> None:
    field = torch.zeros(1, 4, 4)
    field[0, 0, 0] = field[0, 0, 3] = field[0, 3, 0] = field[0, 3, 3] = 2.0
    assert effective_patches(field, 4, 4).item() == pytest.approx(4)
    assert field_reach(field, 0, 4, 4).item() == pytest.approx(((0 + 9 + 9 + 18) / 4) ** 0.5)
    assert effective_patches(torch.zeros(1, 4, 4), 4, 4).isnan()


def test_even_attention_sees_all_patches_and_a_window_sees_the_window(images: Tensor) -> None:
    ids = torch.tensor([[5], [5]])
    for route, patches in (("none", 1), ("local", 9), ("global", 12)):
        rule = QuerySelection(select="random", route=route, window=3, scale=1e-9)  # type: ignore[arg-type]
        field = receptive_field(lambda x, rule=rule: rule.read(pooled(x), pooled(x), ids).source, images, 0)
        torch.testing.assert_close(effective_patches(field, 3, 4), torch.full((2,), float(patches)).double())


def test_probes_are_counted(images: Tensor) -> None:
    with pytest.raises(ValueError, match="probes is 0"):
        receptive_field(tokens, images, 0, probes=0)
