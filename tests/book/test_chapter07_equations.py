"""The equations of the chapter on cross-attention, each written out from its formula, and its worked example."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid, coordinate_spread, expected_coordinates, nearest_coordinates

QUERIES, KEYS, SCALE, TAU = Grid(3, 2), Grid(2, 5), 0.6, 1.7


def record(heads: int = 3) -> AttentionRecord:
    """Queries and keys on different lattices, neither of them square."""
    generator = torch.Generator().manual_seed(7)
    query = torch.randn(2, heads, QUERIES.tokens, 4, dtype=torch.float64, generator=generator)
    key = torch.randn(2, heads, KEYS.tokens, 4, dtype=torch.float64, generator=generator)
    return AttentionRecord(query, key, SCALE, QUERIES, (KEYS,))


def row(r: AttentionRecord, b: int, head: int, i: int, tau: float = 1.0) -> list[float]:
    """One row of the map, by the definition of the softmax."""
    query, keys = r.query[b, head, i].tolist(), r.key[b, head].tolist()
    powers = [math.exp(SCALE / tau * sum(q * k for q, k in zip(query, key, strict=True))) for key in keys]
    return [p / sum(powers) for p in powers]


def mean_row(r: AttentionRecord, b: int, i: int, tau: float = 1.0) -> list[float]:
    """One row of the head-mean map."""
    heads = r.query.shape[1]
    rows = [row(r, b, head, i, tau) for head in range(heads)]
    return [sum(column) / heads for column in zip(*rows, strict=True)]


def place(j: int) -> tuple[float, float]:
    """Coordinates (x, y) of key j: its column and row, stretched to [-1, 1]."""
    y, x = divmod(j, KEYS.width)
    return 2 * x / (KEYS.width - 1) - 1, 2 * y / (KEYS.height - 1) - 1


def centre(weights: list[float]) -> tuple[float, float]:
    """The expected place under one row."""
    x, y = (sum(w * place(j)[axis] for j, w in enumerate(weights)) for axis in (0, 1))
    return x, y


def everywhere(of: object) -> Tensor:
    """What a function of (example, query) gives, on the lattice of the queries."""
    rows = [[of(b, i) for i in range(QUERIES.tokens)] for b in range(2)]  # type: ignore[operator]
    return torch.tensor(rows, dtype=torch.float64).unflatten(1, QUERIES)


@pytest.mark.equation("eq-attention-map")
@pytest.mark.equation("eq-temperature")
@pytest.mark.parametrize("tau", [1.0, TAU, 0.3])
def test_the_map_is_a_softmax_over_keys(tau: float) -> None:
    r = record()
    by_loop = [[[row(r, b, h, i, tau) for i in range(QUERIES.tokens)] for h in range(3)] for b in range(2)]
    torch.testing.assert_close(r.weights(temperature=tau), torch.tensor(by_loop, dtype=torch.float64))
    torch.testing.assert_close(r.weights(temperature=tau).sum(-1), torch.ones(2, 3, 6, dtype=torch.float64))


@pytest.mark.equation("eq-temperature")
def test_cold_is_the_nearest_key_and_hot_is_uniform() -> None:
    r = record()
    cold = torch.nn.functional.one_hot(r.weights().argmax(-1), KEYS.tokens).double()
    torch.testing.assert_close(r.weights(temperature=1e-4), cold)
    torch.testing.assert_close(r.weights(temperature=1e6), torch.full_like(cold, 0.1), rtol=0, atol=1e-5)


@pytest.mark.equation("eq-head-mean")
def test_the_mean_over_heads_commutes_with_reading() -> None:
    r, value = record(), torch.randn(2, 1, KEYS.tokens, 3, dtype=torch.float64)
    torch.testing.assert_close(r.read(value).mean(1), r.weights().mean(1) @ value[:, 0])
    # ... and only because reading is linear in the map: a mean of logits is another map
    logits = (SCALE * r.query @ r.key.mT).mean(1).softmax(-1)
    assert (logits @ value[:, 0] - r.read(value).mean(1)).abs().max() > 0.05


@pytest.mark.equation("eq-expected-coordinates")
@pytest.mark.parametrize("tau", [1.0, TAU])
def test_expected_coordinates(tau: float) -> None:
    r = record()
    by_loop = everywhere(lambda b, i: centre(mean_row(r, b, i, tau)))
    torch.testing.assert_close(expected_coordinates(r, temperature=tau), by_loop)


@pytest.mark.equation("eq-coordinate-spread")
@pytest.mark.parametrize("tau", [1.0, TAU])
def test_coordinate_spread(tau: float) -> None:
    r = record()

    def spread(b: int, i: int) -> float:
        weights = mean_row(r, b, i, tau)
        return math.sqrt(sum(w * math.dist(place(j), centre(weights)) ** 2 for j, w in enumerate(weights)))

    torch.testing.assert_close(coordinate_spread(r, temperature=tau), everywhere(spread))


@pytest.mark.equation("eq-nearest-key")
def test_nearest_key() -> None:
    r = record()

    def nearest(b: int, i: int) -> tuple[float, float]:
        weights = mean_row(r, b, i)
        return place(max(range(KEYS.tokens), key=weights.__getitem__))

    torch.testing.assert_close(nearest_coordinates(r), everywhere(nearest))


@pytest.mark.equation("eq-row-entropy")
@pytest.mark.parametrize("tau", [1.0, TAU])
def test_row_entropy(tau: float) -> None:
    r, found = record(), record().entropy(temperature=tau)
    for b, head, i in [(0, 0, 0), (1, 2, 5), (0, 1, 3)]:
        weights = row(r, b, head, i, tau)
        assert found[b, head, i].item() == pytest.approx(-sum(w * math.log(w) for w in weights))
        # the right-hand side: logsumexp of the row minus the expected logit
        query, keys = r.query[b, head, i], r.key[b, head]
        expected_key = torch.tensor(weights, dtype=torch.float64) @ keys
        partition = (SCALE / tau * keys @ query).logsumexp(0)
        assert found[b, head, i].item() == pytest.approx(float(partition - SCALE / tau * query @ expected_key))
    assert 0 <= found.min() and found.max() <= math.log(KEYS.tokens)


def strip() -> AttentionRecord:
    """The worked example: four queries look at a strip of four keys."""
    weights = torch.tensor([[4, 2, 1, 1], [1, 1, 1, 1], [3, 1, 1, 4], [1, 1, 1, 9]], dtype=torch.float64)
    return AttentionRecord(weights.log()[None, None], torch.eye(4).double()[None, None], 1.0, Grid(1, 4), (Grid(1, 4),))


def test_the_worked_example() -> None:
    centres = (expected_coordinates(strip())[0, 0, :, 0] + 1) * 3 / 2
    torch.testing.assert_close(centres, torch.tensor([7 / 8, 3 / 2, 5 / 3, 5 / 2], dtype=torch.float64))
    spreads = coordinate_spread(strip())[0, 0] * 3 / 2
    expected = torch.tensor([71 / 64, 5 / 4, 16 / 9, 11 / 12], dtype=torch.float64).sqrt()
    torch.testing.assert_close(spreads, expected)
    entropies = [1.75 * math.log(2), math.log(4), math.log(9) - (3 * math.log(3) + 4 * math.log(4)) / 9]
    entropies.append(math.log(12) - 0.75 * math.log(9))
    torch.testing.assert_close(strip().entropy()[0, 0], torch.tensor(entropies, dtype=torch.float64))
    nearest = (nearest_coordinates(strip())[0, 0, [0, 2, 3], 0] + 1) * 3 / 2  # the second row is a tie
    torch.testing.assert_close(nearest, torch.tensor([0.0, 3.0, 3.0], dtype=torch.float64))
    # the moral: the surest row errs most, the row that knows nothing errs least
    errors = (centres - torch.tensor([0, 1, 3, 0])).abs()
    assert errors.argmax() == strip().entropy()[0, 0].argmin() == 3
    assert errors.argmin() == strip().entropy()[0, 0].argmax() == 1
