"""Attention to windows: scores, records and values equal plain loops, and in the official layout a misread unfold."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from feature_maps import SIZES, explicit_entropy, maps
from gan_goldens import Golden, names
from torch import Tensor

from vtonlib.attention.neighbours import neighbours, window_scores, window_values
from vtonlib.attention.query_selection import RULES


def naive_windows(features: Tensor, window: int) -> Tensor:
    """[b n k c] by loops: what lies around each patch, zeros beyond the edge."""
    samples, channels, height, width = features.shape
    found = features.new_zeros(samples, height * width, window**2, channels)
    for y, x, down, right in itertools.product(range(height), range(width), range(window), range(window)):
        row, column = y + down - window // 2, x + right - window // 2
        if 0 <= row < height and 0 <= column < width:
            found[:, y * width + x, down * window + right] = features[:, :, row, column]
    return found


def naive_local(source: Tensor, translation: Tensor, count: int, window: int) -> tuple[Tensor, ...]:
    """Entropies, chosen patches and what they read, patch by patch."""
    around, others = naive_windows(source, window), naive_windows(translation, window)
    weights = torch.einsum("bcn, bnkc -> bnk", source.flatten(2), around).softmax(-1)
    entropy = explicit_entropy(weights)
    ids = entropy.sort(dim=-1, stable=True).indices[:, :count]
    reads = [
        torch.stack([torch.stack([weights[b, i] @ v[b, i] for i in ids[b]]) for b in range(len(v))])
        for v in (around, others)
    ]
    return entropy, ids, *reads


@pytest.mark.parametrize("window", [1, 3, 7])
@pytest.mark.parametrize("shape", SIZES)
def test_local_equals_a_loop_over_patches(shape: tuple[int, ...], window: int) -> None:
    source, translation = maps(*shape)
    rule = replace(RULES["local"], window=window, count=6)
    entropy, ids, read_source, read_translation = naive_local(source, translation, 6, window)
    pairs = rule.pair(source, translation)
    torch.testing.assert_close(rule.entropy(source), entropy, rtol=1e-12, atol=1e-13)
    if window > 1:  # a window of one patch has no entropy, so all are equals, and rounding orders the loop's
        assert torch.equal(pairs.ids, ids)
        torch.testing.assert_close(pairs.source, read_source, rtol=1e-12, atol=1e-13)
        torch.testing.assert_close(pairs.translation, read_translation, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", names("qs_local_corrected"))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_local_equals_the_independent_loops(name: str, dtype: torch.dtype) -> None:
    golden = Golden(name, dtype)
    source, translation = golden["real.3"], golden["fake.3"]
    rule = replace(RULES["local"], count=golden.args["num_patches"])
    pairs = rule.pair(source, translation)
    assert torch.equal(pairs.ids, golden.wanted["ids.3"])
    golden.check("entropy.3", rule.entropy(source))
    golden.check("ids.3", pairs.ids)
    golden.check("attn.3", rule.attention(source, pairs.ids).weights()[:, :, 0])
    golden.check("k_raw.3", pairs.source)
    golden.check("q_raw.3", pairs.translation)
    assert not golden.unchecked


@pytest.mark.parametrize("window", [3, 7])
@pytest.mark.parametrize("shape", SIZES)
def test_the_official_layout_is_an_unfolded_map_misread(shape: tuple[int, ...], window: int) -> None:
    source, translation = maps(*shape)
    samples, channels, height, width = shape
    unfolded = F.unfold(source, window, padding=window // 2)  # b, channels * places, patches
    misread = unfolded.mT.unflatten(-1, (window**2, channels))
    expected = torch.einsum("bcn, bnkc -> bkn", source.flatten(2), misread).unflatten(-1, (height, width))
    found = window_scores(source, window, official_layout=True)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(found, window_scores(source, window))
    ids = torch.tensor([[4, 0, 5]]).expand(samples, -1)
    chosen = F.unfold(translation, window, padding=window // 2)[..., ids[0]].contiguous()
    values = chosen.view(samples, 3, window**2, channels)
    assert torch.equal(window_values(translation, ids, window, official_layout=True), values)


def test_one_channel_has_the_same_scores_in_both_layouts() -> None:
    source, _ = maps(2, 1, 4, 5)
    torch.testing.assert_close(window_scores(source, 3, official_layout=True), window_scores(source, 3))


@pytest.mark.parametrize("what", [neighbours, window_values])
def test_an_even_window_is_named(what: Callable[..., Tensor]) -> None:
    with pytest.raises(ValueError, match="window is 2: expected an odd whole number"):
        what(maps(2, 3, 4, 4)[0], torch.zeros(2, 1, dtype=torch.int64), 2)
