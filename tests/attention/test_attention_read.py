from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from vtonlib.attention import (
    AttentionRecord,
    Grid,
    coordinate_spread,
    expected_coordinates,
    nearest_coordinates,
)
from vtonlib.grids import coordinate_grid

GOLDENS = Path(__file__).parents[1] / "goldens"
QUERIES, KEYS = Grid(3, 5), Grid(4, 2)


def make(*, dtype=torch.float64, gain=1.0):
    generator = torch.Generator().manual_seed(1)
    query = torch.randn(2, 3, QUERIES.tokens, 6, dtype=dtype, generator=generator) * gain
    key = torch.randn(2, 3, KEYS.tokens, 6, dtype=dtype, generator=generator)
    return AttentionRecord(query.requires_grad_(), key.requires_grad_(), 0.5, QUERIES, (KEYS,))


def pointing_at(targets, *, sharpness=1e3):
    """A record of one head whose query i attends to key targets[i] alone."""
    key = torch.eye(KEYS.tokens, dtype=torch.float64)
    return AttentionRecord(key[targets][None, None], key[None, None], sharpness, QUERIES, (KEYS,))


def test_expected_coordinates_equal_the_explicit_product_with_gradients():
    record, grid = make(), coordinate_grid(*KEYS, dtype=torch.float64).flatten(0, 1)
    flow = expected_coordinates(record, temperature=2.0)
    explicit = (record.weights(temperature=2.0).mean(1) @ grid).unflatten(
        1, QUERIES
    )  # average the heads, then multiply
    assert flow.shape == (2, 3, 5, 2)
    torch.testing.assert_close(flow, explicit, rtol=1e-12, atol=1e-14)
    weight, inputs = torch.randn_like(explicit), (record.query, record.key)
    for g, e in zip(
        torch.autograd.grad(flow, inputs, weight), torch.autograd.grad(explicit, inputs, weight), strict=True
    ):
        torch.testing.assert_close(g, e, rtol=1e-10, atol=1e-13)


def test_one_hot_attention_is_read_exactly():
    targets = torch.tensor([0, 7, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5])
    record, grid = pointing_at(targets), coordinate_grid(*KEYS, dtype=torch.float64).flatten(0, 1)
    expected = grid[targets].unflatten(0, QUERIES)[None]
    torch.testing.assert_close(expected_coordinates(record), expected)
    torch.testing.assert_close(nearest_coordinates(record), expected)
    assert coordinate_spread(record).max() < 1e-7


def test_the_order_is_x_then_y_and_rows_come_first():
    top_right = expected_coordinates(pointing_at(torch.full((15,), 1)))  # key 1 of a 4x2 lattice: row 0, column 1
    torch.testing.assert_close(top_right[0, 0, 0], torch.tensor([1.0, -1.0], dtype=torch.float64))


def test_uniform_attention_looks_at_the_centre_with_the_spread_of_the_lattice():
    record = pointing_at(torch.zeros(15, dtype=torch.long), sharpness=0.0)
    torch.testing.assert_close(expected_coordinates(record), torch.zeros(1, 3, 5, 2, dtype=torch.float64))
    variance = 1.0 + (1 + 1 / 9) / 2  # x in {-1, 1}; y in {-1, -1/3, 1/3, 1}
    torch.testing.assert_close(coordinate_spread(record), torch.full((1, 3, 5), variance**0.5, dtype=torch.float64))


def test_spread_equals_the_explicit_one_and_counts_disagreeing_heads():
    record, grid = make(), coordinate_grid(*KEYS, dtype=torch.float64).flatten(0, 1)
    weights = record.weights().mean(1)
    centred = grid - (weights @ grid)[:, :, None]
    expected = (weights * centred.square().sum(-1)).sum(-1).sqrt().unflatten(1, QUERIES)
    torch.testing.assert_close(coordinate_spread(record), expected, rtol=1e-9, atol=1e-12)
    key = torch.eye(8)[None, None].expand(1, 2, 8, 8)
    heads = torch.eye(8)[[0, 1]][None, :, None]  # head 0 looks left, head 1 right
    apart = AttentionRecord(heads, key, 1e3, Grid(1, 1), (KEYS,))
    torch.testing.assert_close(coordinate_spread(apart), torch.ones(1, 1, 1))


def test_spread_of_certain_attention_has_a_finite_gradient():
    record = make(gain=1e5)
    gradients = torch.autograd.grad(coordinate_spread(record).sum(), (record.query, record.key))
    assert all(torch.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("rows_per_chunk", [1, 4, 1024])
def test_nearest_is_the_argmax_of_the_mean_map_without_a_gradient(rows_per_chunk):
    record, grid = make(gain=3), coordinate_grid(*KEYS, dtype=torch.float64).flatten(0, 1)
    nearest = nearest_coordinates(record, rows_per_chunk=rows_per_chunk)
    assert torch.equal(nearest, grid[record.weights().mean(1).argmax(-1)].unflatten(1, QUERIES))
    assert not nearest.requires_grad


@pytest.mark.parametrize("read", [expected_coordinates, coordinate_spread, nearest_coordinates])
def test_two_lattices_of_keys_share_no_coordinates(read):
    record = make()
    double = AttentionRecord(record.query, torch.cat((record.key, record.key), 2), 0.5, QUERIES, (KEYS, KEYS), "twice")
    with pytest.raises(ValueError, match=r"'twice' has 2 lattices.*per_key_grid"):
        read(double)
    own, other = double.per_key_grid()
    torch.testing.assert_close(read(own), read(record))
    torch.testing.assert_close(read(other), read(record))


def test_stableviton_atv_of_the_released_code():
    """The centre coordinates, the ATV loss (L1 differences of neighbours in grid units) and its gradients."""
    golden = load_file(GOLDENS / "sv_atv_from_qk.safetensors")
    grid, heads = Grid(32, 24), 4
    q, k = golden["q"].requires_grad_(), golden["k"].requires_grad_()
    query, key = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k))
    flow = expected_coordinates(AttentionRecord(query, key, 8**-0.5, grid, (grid,)))
    centre = (flow.flip(-1) + 1) / 2 * torch.tensor([grid.height - 1.0, grid.width - 1.0])  # (row, column)
    mask = golden["loss_mask"].float()

    def variation(field, inside):
        both = inside[:, 1:] * inside[:, :-1]
        return ((field[:, 1:] - field[:, :-1]).abs().sum(-1) * both).sum() / both.sum()

    loss = 0.001 * (variation(centre, mask) + variation(centre.transpose(1, 2), mask.transpose(1, 2)))
    loss.backward()
    found = {"center_coords": centre.flatten(1, 2), "attn_loss": loss[None], "grad_q": q.grad, "grad_k": k.grad}
    for name, tensor in found.items():
        assert (tensor - golden[name]).abs().max() <= 2e-4 * golden[name].abs().max(), name


def test_the_golden_mask_is_the_cloth_mask_on_the_lattice():
    golden = load_file(GOLDENS / "sv_atv_from_qk.safetensors")
    nearest = F.interpolate(golden["cloth_mask_64x48"].float(), (32, 24), mode="nearest")[:, 0]
    assert torch.equal((nearest > 0.5).byte(), golden["loss_mask"])
