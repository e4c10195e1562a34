"""Where notes, papers and released code of CUT and QS-Attn differ, and what the library does."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_type_hints

import pytest
import torch
import torch.nn.functional as F
from feature_maps import maps

from vtonlib.attention import AttentionRecord
from vtonlib.attention.query_selection import RULES, PatchPairs, QuerySelection
from vtonlib.losses.patch_nce import RELEASED_DIAGONAL, patch_nce
from vtonlib.models.translator import TAPS, unit_patches
from vtonlib.tasks.translation import TranslationConfig, TranslationTask


@pytest.mark.disagreement("D57")
def test_a_window_is_not_what_the_released_code_reads() -> None:
    """One patch: of the right order the middle row is the patch itself; misread, rows mix channels at many places."""
    (source, _), window, patch = maps(1, 6, 5, 7), 3, 2 * 7 + 3
    unfolded = F.unfold(source, window, padding=1)[0, :, patch]
    right, misread = unfolded.view(6, 9).T, unfolded.view(9, 6)
    itself = source[0, :, 2, 3]
    torch.testing.assert_close(right[4], itself)
    assert not torch.allclose(misread[4], itself)
    assert set(misread[0].tolist()) == {*unfolded[:6].tolist()}  # the first channel at six places
    local = replace(RULES["local"], window=window)
    released = replace(local, official_layout=True)
    weights = (right @ itself).softmax(0), (misread @ itself).softmax(0)
    for rule, row in zip((local, released), weights, strict=True):
        entropy = float(rule.entropy(source)[0, patch])
        assert entropy == pytest.approx(float(torch.special.entr(row).sum()))
    assert not QuerySelection().official_layout


@pytest.mark.disagreement("D58")
def test_rows_are_distributions_and_columns_are_not() -> None:
    source, _ = maps(1, 6, 5, 7)
    tokens = source.flatten(2).mT[0]
    products = tokens @ tokens.T
    weights = AttentionRecord.from_features(source).weights()[0, 0]
    torch.testing.assert_close(weights, products.softmax(-1))
    torch.testing.assert_close(weights.sum(-1), torch.ones(35, dtype=torch.float64))
    by_column = products.softmax(0)
    torch.testing.assert_close(by_column, weights.T)  # the products are symmetric
    assert (by_column.sum(-1) - 1).abs().max() > 0.5


@pytest.mark.disagreement("D59")
@pytest.mark.parametrize("name", RULES)
def test_places_come_from_the_source_and_serve_both(name: str) -> None:
    source, translation = maps(2, 6, 5, 7)
    rule = replace(RULES[name], count=6, window=3)
    pairs = rule.pair(source, translation, generator=torch.Generator().manual_seed(0))
    again = rule.pair(source, translation.flip(-1), generator=torch.Generator().manual_seed(0))
    assert torch.equal(pairs.ids, again.ids)  # whatever the translation is
    assert torch.equal(pairs.source, again.source)
    shared_by_the_batch = torch.equal(pairs.ids[0], pairs.ids[1])
    assert shared_by_the_batch is (rule.select == "random")
    if rule.select != "random":
        assert not torch.equal(pairs.ids, rule.choose(translation))


@pytest.mark.disagreement("D60")
def test_local_attention_is_no_convolution() -> None:
    """A kernel has the same weights everywhere, so it is linear in the features; these rows are neither."""
    source, _ = maps(1, 6, 5, 7)
    ids = torch.tensor([[2 * 7 + 2, 2 * 7 + 4]])
    rule = replace(RULES["local"], window=3)
    rows = rule.attention(source, ids).weights()[0, :, 0]
    assert (rows[0] - rows[1]).abs().max() > 0.1
    once, twice = (rule.read(s * source, s * source, ids).source for s in (1, 2))
    assert not torch.allclose(twice, 2 * once, rtol=0.05)


@pytest.mark.disagreement("D61")
def test_two_of_five_layers_attend() -> None:
    task = TranslationTask(TranslationConfig(channels=4, blocks=5, projection=8, discriminator_channels=4))
    rules = {tap: task.rule(tap) for tap in TAPS}
    assert len(TAPS) == 5 and [t for t in TAPS if rules[t].route != "none"] == ["block_0", "block_4"]
    assert all(rules[t].select == "random" for t in ("pixels", "down_0", "down_1"))


@pytest.mark.disagreement("D62")
def test_patches_are_called_by_their_picture() -> None:
    """The queries of attention are the source's, those of the loss the translation's."""
    assert list(get_type_hints(PatchPairs)) == ["source", "translation", "ids"]
    source, translation = maps(1, 6, 5, 7)
    rule = replace(RULES["global"], count=4)
    pairs = rule.pair(source, translation)
    asks = rule.attention(source, pairs.ids).query[0, 0]
    torch.testing.assert_close(asks, source.flatten(2).mT[0][pairs.ids[0]])
    query, key = pairs.translation.requires_grad_(), pairs.source.requires_grad_()
    patch_nce(unit_patches(query), unit_patches(key)).sum().backward()
    assert query.grad is not None and key.grad is None


@pytest.mark.disagreement("D63")
@pytest.mark.parametrize("name", RULES)
def test_one_picture_is_a_batch(name: str) -> None:
    """A picture alone costs what it costs among others; grouped by another batch's size it costs something else."""
    source, translation = maps(3, 6, 5, 7)
    rule = replace(RULES[name], count=6, window=3)
    ids = rule.choose(source, generator=torch.Generator().manual_seed(0))
    losses = []
    for batch in (slice(0, 3), slice(0, 1)):
        pairs = rule.read(source[batch], translation[batch], ids[batch])
        keys, queries = (unit_patches(p) for p in (pairs.source, pairs.translation))
        losses.append(patch_nce(queries, keys))
    torch.testing.assert_close(losses[0][:1], losses[1])
    pairs = rule.read(source, translation, ids)
    rows = [unit_patches(p).flatten(0, 1) for p in (pairs.source, pairs.translation)]
    keys, queries = (r.unflatten(0, (2, -1)) for r in rows)  # three pictures, grouped as for a batch of two
    assert not torch.allclose(patch_nce(queries, keys).flatten(), losses[0].flatten())
    with pytest.raises(RuntimeError, match="unflatten"):
        rows[0][:6].unflatten(0, (4, -1))  # one picture, grouped as for a batch of four


@pytest.mark.disagreement("D64")
@pytest.mark.parametrize(("temperature", "shows"), [(0.07, False), (2.0, True)])
def test_one_term_more_in_the_denominator(temperature: float, shows: bool) -> None:
    query, key = (unit_patches(x.flatten(2).mT) for x in maps(1, 6, 3, 4))
    plain, released = (patch_nce(query, key, temperature=temperature, released=r) for r in (False, True))
    total = (query @ key.mT / temperature).exp().sum(-1)
    term = math.exp(RELEASED_DIAGONAL / temperature)
    torch.testing.assert_close(released - plain, (1 + term / total).log(), rtol=1e-6, atol=1e-14)
    assert bool((released - plain > 1e-6).all()) is shows


@pytest.mark.disagreement("D65")
def test_gradients_pass_through_attention_and_zeros_take_their_share() -> None:
    source, translation = (x.requires_grad_() for x in maps(1, 6, 5, 7))
    first = source.detach()[0, :, 0, 0]
    for detach in (False, True):
        pairs = replace(RULES["global"], count=4, detach=detach).pair(source, translation)
        loss = patch_nce(unit_patches(pairs.translation), unit_patches(pairs.source)).sum()
        (slope,) = torch.autograd.grad(loss, source, allow_unused=True)
        assert (slope is None or not slope.any()) is detach
    corner = replace(RULES["local"], window=3).attention(source.detach(), torch.tensor([[0]])).weights()[0, 0, 0]
    beyond = corner.view(3, 3)[0].sum() + corner.view(3, 3)[1:, 0].sum()
    assert float(beyond) > 1e-4
    score_of_nothing = corner.view(3, 3)[0, 0] / corner.view(3, 3)[1, 1]
    assert float(score_of_nothing) == pytest.approx(math.exp(-float(first @ first)))
