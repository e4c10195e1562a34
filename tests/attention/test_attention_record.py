import math
from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from vtonlib.attention import (
    AttentionRecord,
    Grid,
    coordinate_spread,
    core,
    expected_coordinates,
)

QUERIES, KEYS = Grid(3, 5), Grid(4, 2)


def make(*, width=6, dtype=torch.float64, key_grids=(KEYS,), gain=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(2, 3, QUERIES.tokens, width, dtype=dtype, generator=generator) * gain
    key = torch.randn(2, 3, sum(g.tokens for g in key_grids), width, dtype=dtype, generator=generator)
    return AttentionRecord(query.requires_grad_(), key.requires_grad_(), 0.6, QUERIES, key_grids, "some.core")


def explicit_map(record, temperature=1.0):
    return (record.query @ record.key.mT * record.scale / temperature).softmax(-1)


def explicit_entropy(record, temperature=1.0):
    weights = explicit_map(record, temperature)
    return -torch.special.xlogy(weights, weights).sum(-1)


def assert_same_gradients(record, found, expected):
    weight = torch.randn(expected.shape, dtype=expected.dtype, generator=torch.Generator().manual_seed(9))
    inputs = (record.query, record.key)
    for g, e in zip(
        torch.autograd.grad(found, inputs, weight), torch.autograd.grad(expected, inputs, weight), strict=True
    ):
        torch.testing.assert_close(g, e, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("value_width", [1, 2, 6, 11])
def test_read_equals_the_explicit_product(temperature, value_width):
    record = make()
    value = torch.randn(2, 3, KEYS.tokens, value_width, dtype=torch.float64)
    found, expected = record.read(value, temperature=temperature), explicit_map(record, temperature) @ value
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)
    assert_same_gradients(record, found, expected)


def test_reading_ones_gives_ones():
    record = make()
    torch.testing.assert_close(record.read(torch.ones(1, 1, 8, 1)), torch.ones(2, 3, 15, 1, dtype=torch.float64))


def test_read_passes_gradients_to_the_value():
    record, value = make(), torch.randn(2, 3, 8, 2, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(record.read(value).sum(), value)
    torch.testing.assert_close(gradient, explicit_map(record).sum(2)[..., None].expand(-1, -1, -1, 2))


def test_read_gradient_equals_finite_differences():
    record, value = make(width=3), torch.randn(2, 3, KEYS.tokens, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda q, k: replace(record, query=q, key=k).read(value, temperature=1.5), (record.query, record.key)
    )


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("rows_per_chunk", [None, 1, 4, 15, 1024])
def test_entropy_equals_the_explicit_one_with_gradients(temperature, rows_per_chunk, monkeypatch):
    monkeypatch.setattr(core, "_has_sums", lambda _: rows_per_chunk is None)
    record, rows_per_chunk = make(), rows_per_chunk or 256
    found = record.entropy(temperature=temperature, rows_per_chunk=rows_per_chunk)
    expected = explicit_entropy(record, temperature)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert_same_gradients(record, found, expected)


def test_entropy_gradient_equals_finite_differences():
    # gradcheck compares with a function whose value and gradient come from two different places here
    record = make(width=2)
    assert torch.autograd.gradcheck(
        lambda q, k: replace(record, query=q, key=k).entropy(temperature=0.7), (record.query, record.key)
    )


def test_entropy_of_uniform_and_of_one_hot_attention():
    record = make()
    uniform = replace(record, query=torch.zeros_like(record.query))
    torch.testing.assert_close(uniform.entropy(), torch.full((2, 3, 15), 8.0, dtype=torch.float64).log())
    sharp = make(dtype=torch.float32, gain=1e4)
    assert torch.isfinite(sharp.entropy()).all()
    # logits of the order of 1e4 leave 1e-3 of the difference of two such numbers in float32
    assert sharp.entropy().abs().median() < 1e-2


def test_entropy_of_the_mean_map_is_not_below_the_mean_entropy():
    record = make()
    mean_map = record.weights().mean(1)
    assert (-(mean_map * mean_map.log()).sum(-1) >= record.entropy().mean(1)).all()


def test_weights_are_the_map_and_rows_of_it():
    record, rows = make(), torch.tensor([[14, 0, 3], [7, 7, 1]])
    torch.testing.assert_close(record.weights(temperature=2.0), explicit_map(record, 2.0))
    chosen = torch.stack([explicit_map(record)[b][:, r] for b, r in enumerate(rows)])
    torch.testing.assert_close(record.weights(rows), chosen)


def test_select_keeps_each_samples_own_rows_and_their_gradients():
    record, rows = make(), torch.tensor([[14, 0, 3], [7, 7, 1]])
    selected = record.select(rows)
    assert selected.query_grid == Grid(3, 1) and selected.name == record.name
    expected = torch.stack([record.entropy()[b][:, r] for b, r in enumerate(rows)])
    torch.testing.assert_close(selected.entropy(), expected)
    assert_same_gradients(record, selected.entropy(), expected)
    flow = expected_coordinates(record).flatten(1, 2)
    torch.testing.assert_close(
        expected_coordinates(selected)[:, :, 0], torch.stack([flow[b, r] for b, r in enumerate(rows)])
    )


def test_select_nothing():
    empty = make().select(torch.empty(2, 0, dtype=torch.long))
    assert empty.entropy().shape == (2, 3, 0) and empty.read(torch.ones(1, 1, 8, 2)).shape == (2, 3, 0, 2)


def test_from_features_is_softmax_of_f_f_transposed():
    features = torch.randn(2, 7, 3, 5, dtype=torch.float64)
    record, tokens = AttentionRecord.from_features(features), features.flatten(2).mT
    torch.testing.assert_close(record.weights()[:, 0], (tokens @ tokens.mT).softmax(-1))
    assert record.query_grid == Grid(3, 5) and record.key_grids == (Grid(3, 5),)
    assert AttentionRecord.from_features(features, scale=0.2).scale == 0.2


def test_per_key_grid_renormalises_over_each_lattice():
    own, reference = Grid(3, 5), Grid(4, 2)
    record = make(key_grids=(own, reference))
    parts = record.per_key_grid()
    assert [part.key_grids for part in parts] == [(own,), (reference,)]
    for part, block in zip(parts, record.weights().split([15, 8], dim=-1), strict=True):
        torch.testing.assert_close(part.weights(), block / block.sum(-1, keepdim=True))


def test_one_lattice_of_keys_has_a_name_and_several_have_none():
    assert make(key_grids=(Grid(5, 3),)).key_grid == Grid(5, 3)
    with pytest.raises(ValueError, match=r"attention .* has 2 lattices of keys.*per_key_grid"):
        _ = make(key_grids=(Grid(3, 5), Grid(4, 2))).key_grid


def test_sample_i_of_a_batch_equals_the_sample_alone():
    record = make()
    for i in range(2):
        alone = replace(record, query=record.query[i : i + 1], key=record.key[i : i + 1])
        torch.testing.assert_close(alone.entropy()[0], record.entropy()[i])
        torch.testing.assert_close(expected_coordinates(alone)[0], expected_coordinates(record)[i])


def test_halves_are_read_in_single_precision_even_under_autocast():
    record = make(dtype=torch.bfloat16)
    exact = replace(record, query=record.query.float(), key=record.key.float())
    with torch.autocast("cpu", torch.bfloat16):
        flow, entropy, weights = expected_coordinates(record), record.entropy(), record.weights()
    assert flow.dtype == entropy.dtype == weights.dtype == torch.float32
    assert torch.equal(flow, expected_coordinates(exact))
    assert torch.equal(entropy, exact.entropy()) and torch.equal(weights, exact.weights())


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_temperature_must_be_positive(temperature):
    record = make()
    with pytest.raises(ValueError, match="temperature"):
        record.read(torch.ones(1, 1, 8, 1), temperature=temperature)
    for read in (record.entropy, record.weights):
        with pytest.raises(ValueError, match="temperature"):
            read(temperature=temperature)


def test_grids_must_fit():
    with pytest.raises(ValueError, match="query has 15 tokens"):
        replace(make(), query_grid=Grid(5, 5))
    with pytest.raises(ValueError, match="key has 8 tokens"):
        replace(make(), key_grids=(KEYS, KEYS))


def test_queries_without_a_graph_are_refused_while_gradients_are_wanted():
    record = make()
    record.check_differentiable()
    blind = replace(record, query=record.query.detach())
    with pytest.raises(RuntimeError, match=r"some\.core.*use_reentrant=False"):
        blind.check_differentiable()
    with torch.no_grad():
        blind.check_differentiable()


def test_reading_never_builds_the_map(monkeypatch):
    grid = Grid(40, 30)
    tensors = [torch.randn(1, 2, grid.tokens, 16, requires_grad=True) for _ in range(2)]
    record = AttentionRecord(*tensors, 0.25, grid, (grid,))

    def forbidden(*_, **__):
        raise AssertionError("the explicit map was built")

    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            nonlocal largest
            out = function(*args, **(kwargs or {}))
            for tensor in out if isinstance(out, (tuple, list)) else (out,):
                if isinstance(tensor, torch.Tensor):
                    largest = max(largest, tensor.numel())
            return out

    monkeypatch.setattr(AttentionRecord, "weights", forbidden)
    monkeypatch.setattr(torch.Tensor, "softmax", forbidden)
    monkeypatch.setattr(torch, "softmax", forbidden)
    monkeypatch.setattr(torch.nn.functional, "softmax", forbidden)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION), Watch():  # the math kernel would build it out of sight
        total = expected_coordinates(record).sum() + coordinate_spread(record).sum()
        (
            total + record.read(torch.randn(1, 2, grid.tokens, 48)).sum() + record.entropy(rows_per_chunk=64).sum()
        ).backward()
    assert largest <= 2 * grid.tokens * 64 < grid.tokens**2
    with pytest.raises(AssertionError, match="explicit map"):
        record.weights()


@pytest.mark.parametrize("tokens", [6, 11, 13, 24])
def test_reading_a_value_with_other_tokens_is_refused(tokens, unchecked):
    query = torch.randn(2, 2, 12, 8)
    record = AttentionRecord(query, query, 1.0, Grid(3, 4), (Grid(3, 4),))
    with pytest.raises(ValueError, match=f"value has {tokens} tokens, but key has 12"):
        record.read(torch.ones(2, 2, tokens, 8))


@pytest.mark.parametrize("kind", ["plain", "logits of 1e4", "keys far from 0", "the largest of half precision"])
def test_entropy_stays_between_0_and_the_most_possible(kind):
    generator = torch.Generator().manual_seed(0)
    query, key = (torch.randn(2, 2, 12, 8, generator=generator) for _ in range(2))
    if kind == "logits of 1e4":
        query = query * 1e4
    elif kind == "keys far from 0":
        key = 1000 + 1e-3 * key
    elif kind == "the largest of half precision":
        query = key = torch.full((2, 2, 12, 8), 65504.0, dtype=torch.float16)
    found = AttentionRecord(query, key, 8**-0.5, Grid(3, 4), (Grid(3, 4),)).entropy()
    weights = (query.double() @ key.double().mT * 8**-0.5).softmax(-1)
    expected = -torch.special.xlogy(weights, weights).sum(-1).float()
    assert found.min() >= 0 and found.max() <= math.log(12) + 1e-6
    torch.testing.assert_close(found, expected, atol=5e-3 if kind == "logits of 1e4" else 2e-6, rtol=0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (torch.zeros(1, 3, dtype=torch.long), "rows is .* with b = 2"),
        (torch.zeros(3, dtype=torch.long), "rows is \\(3,\\)"),
        (torch.full((2, 1), 12), "rows run from 12 to 12: expected 0 to 11"),
        (torch.full((2, 1), -1), "rows run from -1 to -1"),
    ],
)
def test_selecting_rows_of_another_batch_is_refused(rows, message, unchecked):
    query = torch.randn(2, 2, 12, 8)
    with pytest.raises(ValueError, match=message):
        AttentionRecord(query, query, 1.0, Grid(3, 4), (Grid(3, 4),)).select(rows)


def test_a_record_without_heads_is_refused(unchecked):
    empty = torch.randn(2, 0, 12, 8)
    with pytest.raises(ValueError, match="expected at least one head"):
        AttentionRecord(empty, empty, 1.0, Grid(3, 4), (Grid(3, 4),))
