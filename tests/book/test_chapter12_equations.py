"""The equations of the chapter on entropy and on attribution, each from its formula, and its worked examples."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.attention.attribution import attributed_places, attribution_map
from vtonlib.attention.zoo import attention_zoo, record_of_map
from vtonlib.evaluation.altered import overlap
from vtonlib.evaluation.doubt import attended_share, temperature_of_entropy
from vtonlib.grids import coordinate_grid
from vtonlib.losses.entropy import attention_entropy, mean_map_entropy

QUERIES, KEYS, SCALE = Grid(2, 3), Grid(4, 5), 0.7


def record(heads: int = 3, *, queries: Grid = QUERIES, keys: Grid = KEYS, seed: int = 0) -> AttentionRecord:
    g = torch.Generator().manual_seed(seed)
    query, key = (torch.randn(2, heads, grid.tokens, 4, generator=g, dtype=torch.float64) for grid in (queries, keys))
    return AttentionRecord(query, key, SCALE, queries, (keys,), "a")


def entropy_of(row: list[float]) -> float:
    return -sum(a * math.log(a) for a in row if a > 0)


@pytest.mark.equation("eq-entropy-loss")
def test_the_loss_row_by_row() -> None:
    r = record()
    mask = torch.tensor([[1, 0, 0.5, 0, 0, 1], [0, 0, 0, 1, 0, 0]], dtype=torch.float64).view(2, 1, *QUERIES)
    total = weight = 0.0
    for b in range(2):
        for i, m in enumerate(mask[b].flatten().tolist()):
            rows = r.weights()[b, :, i].tolist()
            total, weight = total + m * sum(map(entropy_of, rows)) / len(rows), weight + m
    assert float(attention_entropy(r, mask)) == pytest.approx(total / weight)


def logits_record(weights: Tensor, query: Grid) -> AttentionRecord:
    """One head whose logits are the queries."""
    key = torch.eye(weights.shape[-1], dtype=weights.dtype)[None, None]
    return AttentionRecord(weights.log()[None, None].requires_grad_(), key, 1.0, query, (Grid(1, weights.shape[-1]),))


@pytest.mark.equation("eq-entropy-gradient")
def test_a_key_gains_above_the_bar() -> None:
    weights = (2 * torch.randn(1, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)).softmax(-1)
    r = logits_record(weights, Grid(1, 1))
    (slope,) = torch.autograd.grad(attention_entropy(r, torch.ones(1, 1, 1, 1).double()), r.query)
    row = weights[0].tolist()
    expected = [-a * (math.log(a) + entropy_of(row)) for a in row]
    assert slope.flatten().tolist() == pytest.approx(expected) and abs(sum(expected)) < 1e-12
    gains = [-s > 0 for s in expected]
    assert gains == [a > math.exp(-entropy_of(row)) for a in row] and 0 < sum(gains) < 7


@pytest.mark.equation("eq-entropy-gradient")
@pytest.mark.parametrize("seed", range(5))
def test_lowering_entropy_keeps_the_strongest_key_and_makes_it_sure(seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(6, generator=g, dtype=torch.float64)
    first, entropies = int(logits.argmax()), []
    for _ in range(2000):
        weights = logits.softmax(0)
        entropy = torch.special.entr(weights).sum()
        entropies.append(float(entropy))
        logits = logits + 0.5 * weights * (weights.log() + entropy)
        assert int(logits.argmax()) == first
    assert all(one >= two for one, two in itertools.pairwise(entropies)) and entropies[-1] < 0.1


@pytest.mark.equation("eq-head-disagreement")
def test_the_mean_map_has_the_divergence_of_the_heads_more() -> None:
    r, mask = record(), torch.ones(2, 1, *QUERIES, dtype=torch.float64)
    weights = r.weights()
    mean = weights.mean(1, keepdim=True)
    divergence = (weights * (weights / mean).log()).sum(-1).mean()
    gap = mean_map_entropy(r, mask) - attention_entropy(r, mask)
    torch.testing.assert_close(gap, divergence)
    assert gap > 0.05
    same = replace(r, query=r.query[:, :1].expand_as(r.query), key=r.key[:, :1].expand_as(r.key))
    assert float(mean_map_entropy(same, mask) - attention_entropy(same, mask)) == pytest.approx(0, abs=1e-9)


@pytest.mark.equation("eq-attended-share")
def test_the_share_of_equal_keys_is_their_share() -> None:
    row = [1 / 3] * 3 + [0.0] * 9
    assert float(attended_share(torch.tensor(entropy_of(row)), 12)) == pytest.approx(3 / 12)


@pytest.mark.equation("eq-attended-share")
def test_a_density_has_about_one_share_on_every_lattice() -> None:
    """The entropy grows by ln 4 and its share of ln n with it, the share of the keys hardly changes."""
    found = []
    for grid in (Grid(16, 12), Grid(32, 24), Grid(64, 48)):
        place = coordinate_grid(*grid, dtype=torch.float64).flatten(0, 1)
        entropy = torch.special.entr((-place.square().sum(-1) / (2 * 0.25**2)).softmax(0)).sum()
        found.append(
            (float(entropy), float(attended_share(entropy, grid.tokens)), float(entropy) / math.log(grid.tokens))
        )
    entropies, shares, relative = zip(*found, strict=True)
    assert max(shares) / min(shares) < 1.25 and relative[2] - relative[0] > 0.1
    assert [b - a for a, b in itertools.pairwise(entropies)] == pytest.approx([math.log(4)] * 2, abs=0.15)


@pytest.mark.equation("eq-temperature-entropy")
@pytest.mark.parametrize("tau", [0.3, 1.0, 2.5])
def test_entropy_grows_with_the_temperature_by_the_variance_of_the_logits(tau: float) -> None:
    r, mask, step = record(), torch.ones(2, 1, *QUERIES, dtype=torch.float64), 1e-4
    logits, weights = SCALE * r.query @ r.key.mT, r.weights(temperature=tau)
    mean = (weights * logits).sum(-1, keepdim=True)
    slope = float(((weights * (logits - mean).square()).sum(-1) / tau**3).mean())
    low, high = (float(attention_entropy(replace(r, scale=SCALE / t), mask)) for t in (tau - step, tau + step))
    assert (high - low) / (2 * step) == pytest.approx(slope, rel=1e-4) and slope > 0
    between = (low + high) / 2
    assert temperature_of_entropy(r, mask, between) == pytest.approx(tau, rel=1e-4)


def finest_and_coarse() -> list[AttentionRecord]:
    return [
        record(2, queries=Grid(3, 4), keys=Grid(2, 5), seed=3),
        record(3, queries=Grid(3, 4), keys=Grid(2, 5), seed=4),
    ]


@pytest.mark.equation("eq-attribution-map")
def test_attribution_is_the_mean_row() -> None:
    records, place = finest_and_coarse(), torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    found = attribution_map(records, place, Grid(2, 5)).flatten(1)
    for b, i in ((0, 0), (1, 11)):
        expected = [sum(r.weights()[b, :, i, j].mean().item() for r in records) / 2 for j in range(10)]
        assert found[b].tolist() == pytest.approx(expected)


@pytest.mark.equation("eq-attributed-places")
def test_who_looks_is_the_mean_of_normalised_columns() -> None:
    records, place = finest_and_coarse(), torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    found = attributed_places(records, place, Grid(3, 4)).flatten(1)
    for b, j in ((0, 0), (1, 9)):
        columns = [r.weights()[b, :, :, j].mean(0) for r in records]
        expected = sum(column / column.sum() for column in columns) / 2
        torch.testing.assert_close(found[b], expected)


@pytest.mark.equation("eq-map-overlap")
def test_what_two_maps_share() -> None:
    g = torch.Generator().manual_seed(0)
    one, two = (torch.rand(3, 4, 5, generator=g).flatten(1).softmax(1).unflatten(1, (4, 5)) for _ in range(2))
    for b, found in enumerate(overlap(one, two).tolist()):
        pairs = zip(one[b].flatten().tolist(), two[b].flatten().tolist(), strict=True)
        assert found == pytest.approx(sum(min(p, q) for p, q in pairs))


def test_the_worked_example_of_four_keys() -> None:
    """In units of ln 2: the entropy 7/4, pulls 3/8, -1/16, -5/32, -5/32, a bar of 2 to the power -7/4."""
    weights = torch.tensor([[4, 2, 1, 1]], dtype=torch.float64) / 8
    r = logits_record(weights, Grid(1, 1))
    entropy = attention_entropy(r, torch.ones(1, 1, 1, 1).double())
    (slope,) = torch.autograd.grad(entropy, r.query)
    assert entropy.item() == pytest.approx(7 / 4 * math.log(2))
    assert (-slope.flatten() / math.log(2)).tolist() == pytest.approx([3 / 8, -1 / 16, -5 / 32, -5 / 32])


@pytest.mark.parametrize("row", [[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25] * 4])
def test_sure_tied_and_lost_rows_are_not_pulled(row: list[float]) -> None:
    r = record_of_map(torch.tensor([[row]], dtype=torch.float64), Grid(1, 1), Grid(1, 4))
    r = replace(r, query=r.query.requires_grad_())
    (slope,) = torch.autograd.grad(attention_entropy(r, torch.ones(1, 1, 1, 1).double()), r.query)
    assert slope.abs().max() < 1e-9


def test_two_keys_are_pulled_as_the_formula_says() -> None:
    for p in (0.55, 0.8, 0.99):
        r = logits_record(torch.tensor([[p, 1 - p]], dtype=torch.float64), Grid(1, 1))
        (slope,) = torch.autograd.grad(attention_entropy(r, torch.ones(1, 1, 1, 1).double()), r.query)
        assert -float(slope.flatten()[0]) == pytest.approx(p * (1 - p) * math.log(p / (1 - p)))


def test_cold_maps_of_the_zoo_name_their_strongest_key() -> None:
    """Blurred becomes the truth, blind the identity; the shuffled rows name any place, and uniform stays."""
    flow = -0.5 * coordinate_grid(12, 9)[None]
    zoo = attention_zoo(flow)
    cold = {name: replace(r, scale=100 * r.scale).weights() for name, r in zoo.items()}
    for one, other in (("blurred", "truth"), ("blind", "identity")):
        agree = (cold[one].argmax(-1) == zoo[other].weights().argmax(-1)).float().mean()
        assert agree > 0.99
    torch.testing.assert_close(cold["uniform"], zoo["uniform"].weights())
