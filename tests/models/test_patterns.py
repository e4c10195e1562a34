"""Neighbourhoods of label maps: found exactly, and modulation by them equals modulation by convolution."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from vtonlib.models.normalization import SPADE, ALIASNorm, LabelModulation, find_patterns


def blocks_of_labels(height: int, width: int, *, kinds: int = 4, batch: int = 2, seed: int = 0) -> Tensor:
    """One-hot maps of rectangles, with corners at every place."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.zeros(batch, height, width, dtype=torch.long)
    for _ in range(3):
        top, left = (int(torch.randint(0, side, (), generator=generator)) for side in (height, width))
        ids[:, top:, left : left + width // 2] = torch.randint(0, kinds, (batch, 1, 1), generator=generator)
    return F.one_hot(ids, kinds).movedim(-1, 1).double()


def same_windows(labels: Tensor, side: int) -> Tensor:
    """Whether each two pixels have the same window, by comparing all of them; outside the image is -1."""
    reach = side // 2
    padded = F.pad(labels, (reach,) * 4, value=-1.0)
    windows = F.unfold(padded, side).movedim(1, -1).flatten(0, 1)
    return (windows[:, None] == windows).all(-1)


@pytest.mark.parametrize("size", [(11, 9), (6, 14), (1, 40), (40, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_two_pixels_share_a_pattern_exactly_when_their_windows_are_equal(size: tuple[int, int], seed: int) -> None:
    labels = blocks_of_labels(*size, seed=seed)
    labels[:, :, size[0] // 2] = 0  # a row without any label is not the same as being outside
    patterns = find_patterns(torch.cat((labels, labels)))
    assert patterns is not None
    index = patterns.pattern[:2].flatten()
    assert torch.equal(index[:, None] == index, same_windows(labels, 5))
    assert index.unique().tolist() == [*range(len(patterns.neighbours))]


@pytest.mark.parametrize("size", [(24, 18), (5, 200), (200, 3), (2, 300), (1, 300)])
@pytest.mark.parametrize("seed", range(3))
def test_modulation_by_patterns_equals_convolution(size: tuple[int, int], seed: int) -> None:
    labels = blocks_of_labels(*size, seed=seed)
    modulation, x = LabelModulation(11, 4, hidden=6).double(), torch.randn(2, 11, *size).double()
    patterns = find_patterns(labels)
    assert patterns is not None
    plain, by_patterns = modulation.apply_to(x, labels), modulation.apply_to(x, labels, patterns)
    torch.testing.assert_close(by_patterns, plain)
    with torch.no_grad():
        torch.testing.assert_close(modulation.apply_to(x, labels, patterns), plain)
    found = [torch.autograd.grad(y.cos().sum(), [*modulation.parameters()]) for y in (plain, by_patterns)]
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


def test_norms_give_the_same_with_patterns() -> None:
    labels = blocks_of_labels(16, 12)
    x, mask = torch.randn(2, 3, 16, 12).double(), torch.rand(2, 1, 16, 12).double()
    patterns, spade, alias = find_patterns(labels), SPADE(3, 4).double(), ALIASNorm(3, 4).double()
    torch.testing.assert_close(spade(x, labels, patterns), spade(x, labels))
    torch.testing.assert_close(alias(x, labels, mask, patterns), alias(x, labels, mask))


def test_a_uniform_map_has_the_twenty_five_patterns_of_its_border() -> None:
    patterns = find_patterns(torch.ones(1, 1, 20, 30))
    assert patterns is not None and len(patterns.neighbours) == 25


def test_soft_learned_and_busy_maps_have_none() -> None:
    labels = blocks_of_labels(16, 12)
    assert find_patterns(labels) is not None
    assert find_patterns(labels * 0.5) is None
    assert find_patterns(labels.clone().requires_grad_()) is None
    assert find_patterns(labels.long()) is None
    assert find_patterns(labels.repeat(1, 20, 1, 1)) is None
    assert find_patterns(torch.full_like(labels, torch.nan)) is None
    noise = F.one_hot(torch.randint(9, (1, 40, 30)), 9).movedim(-1, 1).float()
    assert find_patterns(noise) is None


def test_sixty_two_channels_are_still_told_apart() -> None:
    ids = torch.arange(62).repeat_interleave(20).repeat(20, 1)[None]
    patterns = find_patterns(F.one_hot(ids, 62).movedim(-1, 1).float())
    assert patterns is not None
    assert len(patterns.pattern[0, 10].unique()) == 62 + 4 * 61 + 4
