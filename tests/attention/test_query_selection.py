"""Query selection: which patches, through which attention; equal to plain loops, gradient included."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from feature_maps import SIZES, explicit_entropy, maps
from gan_goldens import Golden, names

from vtonlib.attention import AttentionRecord
from vtonlib.attention.query_selection import RULES, QuerySelection, row_entropy


@pytest.mark.parametrize("shape", SIZES)
def test_global_equals_the_explicit_map(shape: tuple[int, ...]) -> None:
    source, translation = maps(*shape)
    tokens = source.flatten(2).mT
    weights = (tokens @ tokens.mT).softmax(-1)
    rule = replace(RULES["global"], count=5)
    pairs = rule.pair(source, translation)
    entropy = explicit_entropy(weights)
    torch.testing.assert_close(rule.entropy(source), entropy, rtol=1e-12, atol=1e-13)
    assert torch.equal(pairs.ids, entropy.argsort(stable=True)[:, :5])
    rows = weights.gather(1, pairs.ids[..., None].expand(-1, -1, weights.shape[-1]))
    torch.testing.assert_close(pairs.source, rows @ tokens)
    torch.testing.assert_close(pairs.translation, rows @ translation.flatten(2).mT)


def test_local_global_selects_by_windows_and_reads_everywhere() -> None:
    source, translation = maps(2, 6, 5, 7)
    rule = replace(RULES["local_global"], count=5, window=3)
    pairs = rule.pair(source, translation)
    assert torch.equal(pairs.ids, replace(RULES["local"], count=5, window=3).choose(source))
    assert not torch.equal(pairs.ids, replace(RULES["global"], count=5).choose(source))
    everywhere = replace(RULES["global"], count=5).read(source, translation, pairs.ids)
    assert torch.equal(pairs.source, everywhere.source) and torch.equal(pairs.translation, everywhere.translation)


def test_each_operation_alone() -> None:
    source, translation = maps(2, 6, 5, 7)
    selected = replace(RULES["selection_only"], count=4).pair(source, translation)
    assert torch.equal(selected.ids, replace(RULES["global"], count=4).choose(source))
    for found, features in ((selected.source, source), (selected.translation, translation)):
        assert torch.equal(found, features.flatten(2).mT.gather(1, selected.ids[..., None].expand(-1, -1, 6)))
    drawn = [
        replace(RULES[name], count=4).pair(source, translation, generator=torch.Generator().manual_seed(3))
        for name in ("routing_only", "cut")
    ]
    assert torch.equal(drawn[0].ids, drawn[1].ids) and not torch.equal(drawn[0].ids, selected.ids)
    assert not torch.allclose(drawn[0].source, drawn[1].source)


@pytest.mark.parametrize("name", names("qs_entropy"))
def test_entropies_of_saturated_rows_equal_the_official_ones(name: str) -> None:
    golden = Golden(name)
    rule = replace(RULES[golden.args["mode"]], official_layout=True)
    golden.check("entropy", rule.entropy(golden["feat"]))
    assert not golden.unchecked


def test_entropy_of_saturated_rows_is_not_rounding() -> None:
    """Logits of thousands: a difference of two such numbers errs by 1e-4, and would order the patches."""
    source = 40 * maps(1, 16, 6, 6, dtype=torch.float32)[0]
    record = AttentionRecord.from_features(source.double())
    exact = explicit_entropy(record.weights())
    found = row_entropy(AttentionRecord.from_features(source))
    assert (found >= 0).all() and exact.max() < 1
    torch.testing.assert_close(found.double(), exact, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("entries_per_chunk", [1, 3 * 35, 16 * 35, 2**19])
def test_entropy_does_not_depend_on_the_chunks(entries_per_chunk: int) -> None:
    record = AttentionRecord.from_features(maps(2, 6, 5, 7)[0], scale=0.3)
    found = row_entropy(record, entries_per_chunk=entries_per_chunk)
    torch.testing.assert_close(found, explicit_entropy(record.weights()), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found, record.entropy(), rtol=1e-10, atol=1e-10)
    other = replace(record, key=maps(2, 1, 35, 6, seed=1)[0])  # not symmetric
    found = row_entropy(other, entries_per_chunk=entries_per_chunk)
    torch.testing.assert_close(found, explicit_entropy(other.weights()), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("select", ["global", "local"])
def test_among_equals_the_first_comes_first(select: str) -> None:
    flat = torch.ones(2, 4, 9, 9)
    rule = QuerySelection(select=select, window=3, count=81)
    ids = rule.choose(flat)
    entropy = rule.entropy(flat).gather(1, ids)
    for (previous, here), (before, after) in zip(
        itertools.pairwise(ids[0].tolist()), itertools.pairwise(entropy[0].tolist()), strict=True
    ):
        assert before < after or (before == after and previous < here)
    assert len(set(entropy[0].tolist())) < 10


def test_a_distinct_patch_is_chosen_and_noise_is_not() -> None:
    """One long feature among short ones attends to itself alone."""
    source = 0.1 * maps(1, 8, 6, 6)[0]
    source[0, :, 2, 3] = 3
    assert replace(RULES["global"], count=1).choose(source).item() == 2 * 6 + 3
    torch.testing.assert_close(
        RULES["global"].entropy(torch.zeros(1, 8, 6, 6)), torch.full((1, 36), math.log(36)), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("official_layout", [False, True])
@pytest.mark.parametrize("name", RULES)
def test_gradients_equal_finite_differences(name: str, official_layout: bool) -> None:
    source, translation = maps(2, 3, 4, 3)
    rule = replace(RULES[name], count=3, window=3, official_layout=official_layout)
    ids = rule.choose(source, generator=torch.Generator().manual_seed(0))
    inputs = (source.requires_grad_(), translation.requires_grad_())
    assert torch.autograd.gradcheck(lambda s, t: tuple(rule.read(s, t, ids))[:2], inputs)


@pytest.mark.parametrize("name", ["global", "local"])
@pytest.mark.parametrize("detach", [False, True])
def test_the_translation_reaches_the_source_through_attention_unless_detached(name: str, detach: bool) -> None:
    source, translation = (features.requires_grad_() for features in maps(2, 6, 5, 7))
    pairs = replace(RULES[name], count=4, window=3, detach=detach).pair(source, translation)
    by_source, by_translation = torch.autograd.grad(
        pairs.translation.square().sum(), (source, translation), allow_unused=True
    )
    assert (by_source is None or not by_source.any()) is detach
    assert by_translation.any()


def test_shared_attention_is_the_source_s() -> None:
    source, translation = maps(2, 6, 5, 7)
    ids = torch.tensor([[3, 8], [1, 0]])
    for route in ("global", "local"):
        shared = QuerySelection(route=route, window=3).read(source, translation, ids)
        own = QuerySelection(route=route, window=3, shared=False).read(source, translation, ids)
        assert torch.equal(shared.source, own.source)
        assert not torch.allclose(shared.translation, own.translation)
        alone = QuerySelection(route=route, window=3).read(translation, translation, ids)
        assert torch.equal(own.translation, alone.source)


@pytest.mark.parametrize("official_layout", [False, True])
@pytest.mark.parametrize("what", ["global", "local"])
def test_scale_is_a_factor_of_the_products(what: str, official_layout: bool) -> None:
    source, _ = maps(2, 6, 5, 7)
    rule = QuerySelection(select=what, route=what, window=3, official_layout=official_layout)
    quarter, ids = replace(rule, scale=0.25), torch.tensor([[3, 8]] * 2)
    torch.testing.assert_close(quarter.entropy(source), rule.entropy(source / 2))
    found, expected = quarter.attention(source, ids), rule.attention(source / 2, ids)
    torch.testing.assert_close(found.weights(), expected.weights())


@pytest.mark.parametrize("select", ["global", "local"])
def test_length_does_not_count_among_unit_features(select: str) -> None:
    source, _ = maps(1, 6, 5, 7)
    longer = source * torch.linspace(0.5, 4, 35, dtype=torch.float64).view(1, 1, 5, 7)
    for unit in (True, False):
        rule = QuerySelection(select=select, window=3, unit=unit, scale=5.0)
        same = torch.allclose(rule.entropy(source)[:, 8:27], rule.entropy(longer)[:, 8:27])
        assert same is unit


@pytest.mark.parametrize("name", RULES)
def test_images_of_a_batch_do_not_meet(name: str) -> None:
    source, translation = maps(3, 6, 5, 7)
    rule = replace(RULES[name], count=4, window=3)
    ids = rule.choose(source, generator=torch.Generator().manual_seed(0))
    together, alone = rule.read(source, translation, ids), rule.read(source[1:2], translation[1:2], ids[1:2])
    torch.testing.assert_close(together.source[1:2], alone.source)
    torch.testing.assert_close(together.translation[1:2], alone.translation)
    if rule.select != "random":
        assert torch.equal(rule.choose(source[1:2]), ids[1:2])


@pytest.mark.parametrize("name", RULES)
def test_fewer_patches_than_wanted_are_all_taken(name: str) -> None:
    pairs = RULES[name].pair(*maps(2, 6, 3, 4))
    assert pairs.source.shape == pairs.translation.shape == (2, 12, 6)
    assert all(sorted(ids) == list(range(12)) for ids in pairs.ids.tolist())


def test_random_patches_are_shared_by_the_batch_and_follow_the_generator() -> None:
    source, _ = maps(2, 3, 9, 9)
    drawn = [
        replace(RULES["cut"], count=10).choose(source, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2)
    ]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert torch.equal(drawn[0][0], drawn[0][1]) and len(set(drawn[0][0].tolist())) == 10


@pytest.mark.parametrize("name", RULES)
def test_no_map_of_all_patches_is_made(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AttentionRecord, "weights", lambda *_, **__: pytest.fail("the explicit map was asked for"))
    source, translation = (features.requires_grad_() for features in maps(1, 6, 5, 7))
    pairs = replace(RULES[name], count=4).pair(source, translation)
    pairs.translation.sum().backward()
    assert translation.grad is not None


def test_half_precision_is_computed_in_full() -> None:
    source, _ = maps(1, 6, 5, 7)
    for rule in (RULES["global"], RULES["local"]):
        with torch.autocast("cpu", torch.bfloat16):
            found = rule.entropy(source.bfloat16())
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, rule.entropy(source.bfloat16().double()).float(), rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("unchecked")
def test_settings_out_of_range_are_named() -> None:
    for change, words in (
        ({"select": "best"}, "select is 'best': expected one of random, global, local"),
        ({"route": "all"}, "route is 'all': expected one of none, global, local"),
        ({"count": 0}, "count is 0"),
        ({"count": 1.5}, "count is 1.5: expected a whole number"),
        ({"window": 4}, "window is 4: expected an odd"),
        ({"window": 7.0}, "window is 7.0: expected an odd"),
        ({"scale": 0.0}, "scale is 0"),
        ({"scale": math.inf}, "scale is inf: expected a finite number"),
    ):
        with pytest.raises(ValueError, match=words):
            QuerySelection(**change)


def test_bad_patches_and_maps_are_named() -> None:
    source, translation = maps(2, 3, 4, 4)
    with pytest.raises(ValueError, match="ids run from -1 to 16: expected 0 to 15"):
        RULES["local"].read(source, translation, torch.tensor([[-1, 16]] * 2))
    with pytest.raises(ValueError, match="have no entropy: select is 'random'"):
        RULES["cut"].entropy(source)
    source[0, 0, 0, 0] = torch.nan
    for rule in ("global", "local"):
        with pytest.raises(ValueError, match="entropies hold NaN: expected finite features"):
            RULES[rule].choose(source)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", RULES)
def test_maps_without_a_batch_are_named(name: str) -> None:
    rule, one, ids = RULES[name], maps(2, 3, 4, 4)[0][0], torch.zeros(1, 2, dtype=torch.long)
    calls = [lambda: rule.choose(one), lambda: rule.read(one, one, ids), lambda: rule.pair(one, one)]
    for call in calls + [lambda: rule.entropy(one)] * (rule.select != "random"):
        with pytest.raises(ValueError, match=r"source has the shape \(3, 4, 4\): expected \[b c h w\]"):
            call()
    with pytest.raises(ValueError, match=r"features has the shape \(3, 4, 4\)"):
        rule.attention(one, ids)


@pytest.mark.usefixtures("unchecked")
def test_maps_of_different_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"source and translation are \(2, 3, 4, 4\) and \(2, 3, 4, 5\)"):
        RULES["global"].pair(maps(2, 3, 4, 4)[0], maps(2, 3, 4, 5)[0])
