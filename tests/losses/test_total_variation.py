"""Attention total variation: closed forms, released numbers, no map, and what it cannot see."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.attention.zoo import attention_zoo, record_of_map
from vtonlib.grids import coordinate_grid, to_pixels, total_variation
from vtonlib.losses.entropy import attention_entropy, mean_map_entropy
from vtonlib.losses.total_variation import attention_total_variation, centre_coordinates, paper_total_variation

GOLDENS = Path(__file__).parents[1] / "goldens"
LOSSES = (attention_total_variation, paper_total_variation, attention_entropy, mean_map_entropy)
QUERIES, KEYS = Grid(4, 3), Grid(4, 5)


def record(query: Tensor, key: Tensor) -> AttentionRecord:
    return AttentionRecord(query, key, 0.4, QUERIES, (KEYS,), "a")


def random_record(heads: int = 2) -> AttentionRecord:
    g = torch.Generator().manual_seed(0)
    query = torch.randn(2, heads, QUERIES.tokens, 5, generator=g, dtype=torch.float64, requires_grad=True)
    key = torch.randn(2, heads, KEYS.tokens, 5, generator=g, dtype=torch.float64, requires_grad=True)
    return record(query, key)


def random_mask() -> Tensor:
    g = torch.Generator().manual_seed(2)
    mask = (torch.rand(2, 1, *QUERIES, generator=g) < torch.tensor([0.5, 0.8]).view(2, 1, 1, 1)).double()
    assert 0 < mask[0].sum() < mask[1].sum()
    return mask


def neighbours(mask: Tensor, b: int) -> list[tuple[bool, tuple[int, int], tuple[int, int]]]:
    """Pairs of neighbouring places, and whether the second lies below the first."""
    rows, columns = mask.shape[-2:]
    below = [(True, (i, j), (i + 1, j)) for i in range(rows - 1) for j in range(columns)]
    return below + [(False, (i, j), (i, j + 1)) for i in range(rows) for j in range(columns - 1)]


def slow(attention: AttentionRecord, mask: Tensor) -> dict[str, Tensor]:
    """Every loss from the whole map, pair by pair and row by row."""
    weights = attention.weights()
    keys = coordinate_grid(*KEYS, dtype=torch.float64).flatten(0, 1)
    centres = (weights.mean(1) @ keys).unflatten(1, QUERIES)
    sums, counts, paper = {True: 0, False: 0}, {True: 0, False: 0}, 0
    for b in range(len(mask)):
        for below, one, two in neighbours(mask, b):
            m, n = mask[b, 0][one], mask[b, 0][two]
            step = to_pixels(centres[b][two] - centres[b][one], *KEYS).abs().sum()
            sums[below], counts[below] = sums[below] + m * n * step, counts[below] + m * n
            paper = paper + (n * centres[b][two] - m * centres[b][one]).abs().sum() / KEYS.tokens
    each = -(weights * weights.log()).sum(-1).mean(1)
    mean = -(weights.mean(1) * weights.mean(1).log()).sum(-1)
    return {
        "attention_total_variation": sum(sums[k] / counts[k] for k in sums),
        "paper_total_variation": paper / len(mask),
        "attention_entropy": (each * mask.flatten(1)).sum() / mask.sum(),
        "mean_map_entropy": (mean * mask.flatten(1)).sum() / mask.sum(),
    }


@pytest.mark.parametrize("loss", LOSSES)
def test_equal_to_the_definition_on_the_whole_map(loss) -> None:
    attention, mask = random_record(), random_mask()
    expected = slow(attention, mask)[loss.__name__]
    torch.testing.assert_close(loss(attention, mask), expected)
    ours = torch.autograd.grad(loss(attention, mask), (attention.query, attention.key))
    theirs = torch.autograd.grad(expected, (attention.query, attention.key))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradcheck(loss) -> None:
    attention, mask = random_record(), random_mask()
    assert torch.autograd.gradcheck(lambda q, k: loss(record(q, k), mask), (attention.query, attention.key))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("empty", ["both", "one"])
def test_an_empty_mask_gives_0_with_gradient_0(loss, empty) -> None:
    attention, mask = random_record(), random_mask()
    value = loss(attention, mask * (torch.arange(2).view(2, 1, 1, 1) if empty == "one" else 0))
    value.backward()
    assert attention.query.grad is not None and attention.key.grad is not None
    assert (attention.query.grad[0] == 0).all() and (attention.key.grad[0] == 0).all()
    assert (value == 0) == (empty == "both") == bool((attention.query.grad == 0).all())


@pytest.mark.parametrize("loss", LOSSES)
def test_a_mask_elsewhere_is_refused(loss) -> None:
    with pytest.raises(ValueError, match=r"mask is \(2, 1, 3, 3\), but the queries of 'a' want \(2, 1, 4, 3\)"):
        loss(random_record(), random_mask()[:, :, 1:])


@pytest.mark.parametrize("loss", LOSSES)
def test_the_map_is_never_asked_for_whole(loss, monkeypatch) -> None:
    """Of the head mean's entropy a part of the rows is made at a time; nothing else makes any."""
    grid, sizes = Grid(24, 24), [0]

    def note(tensor: Tensor) -> Tensor:
        sizes.append(tensor.numel())
        return tensor

    query, key = (torch.randn(1, 2, grid.tokens, 8, requires_grad=True) for _ in range(2))
    if loss is not mean_map_entropy:
        monkeypatch.setattr(AttentionRecord, "weights", None)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        value = loss(AttentionRecord(query, key, 0.3, grid, (grid,)), torch.ones(1, 1, *grid))
    value.backward()
    assert 0 < max(sizes) < grid.tokens**2 / 4


@pytest.mark.parametrize("case", ["blob", "random_mask", "slide_silent_shape", "one_sample_empty_batch_ok"])
def test_the_released_variation_and_its_gradient(case: str) -> None:
    golden = load_file(GOLDENS / "sv_get_tvloss.safetensors")
    mask = golden[f"{case}.mask"].float()[:, None]
    coordinates = golden[f"{case}.coords"].requires_grad_()
    found = total_variation(coordinates.unflatten(1, mask.shape[-2:]), mask)
    torch.testing.assert_close(found[None], golden[f"{case}.loss"], rtol=1e-5, atol=1e-6)
    found.backward()
    torch.testing.assert_close(coordinates.grad, golden[f"{case}.grad_coords"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", ["empty_mask_nan", "one_row_nan", "one_col_nan"])
def test_where_the_release_returns_nan_we_return_the_mean_of_what_is_there(case: str) -> None:
    golden = load_file(GOLDENS / "sv_get_tvloss.safetensors")
    mask = golden[f"{case}.mask"].float()[:, None]
    assert golden[f"{case}.loss"].isnan()
    field = golden[f"{case}.coords"].unflatten(1, mask.shape[-2:])
    pairs = [(below, one, two) for below, one, two in neighbours(mask, 0) if mask[0, 0][one] * mask[0, 0][two]]
    steps = torch.stack([(field[0][two] - field[0][one]).abs().sum() for _, one, two in pairs] or [torch.tensor(0.0)])
    assert len({below for below, *_ in pairs}) == (case != "empty_mask_nan"), "pairs of one direction, or none"
    torch.testing.assert_close(total_variation(field, mask), steps.mean())


def test_released_numbers_from_queries_and_keys() -> None:
    golden = load_file(GOLDENS / "sv_atv_from_qk.safetensors")
    query, key = (golden[n].requires_grad_() for n in ("q", "k"))
    grid = Grid(32, 24)
    heads = [x.unflatten(2, (4, 8)).transpose(1, 2) for x in (query, key)]
    attention = AttentionRecord(*heads, 8**-0.5, grid, (grid,))
    middle = torch.tensor([(grid.width - 1) / 2, (grid.height - 1) / 2])
    centres = (centre_coordinates(attention) + middle).flip(-1).flatten(1, 2)
    torch.testing.assert_close(centres, golden["center_coords"], rtol=0, atol=1e-4)
    mask = golden["loss_mask"].float()[:, None]
    loss = 0.001 * attention_total_variation(attention, mask)
    torch.testing.assert_close(loss[None], golden["attn_loss"], rtol=2e-4, atol=0)
    loss.backward()
    for found, name in ((query.grad, "grad_q"), (key.grad, "grad_k")):
        assert (found - golden[name]).abs().max() <= 2e-4 * golden[name].abs().max()


@pytest.mark.equation("eq-total-variation")
def test_a_ramp_and_a_step_vary_alike() -> None:
    """Absolute differences do not prefer even spacing: 31 either way."""
    ramp = torch.arange(32.0).view(1, 1, 32, 1)
    step = 31 * (ramp >= 16).float()
    mask = torch.ones(1, 1, 1, 32)
    assert total_variation(ramp, mask) * 31 == total_variation(step, mask) * 31 == 31


def test_zoo_at_32x24() -> None:
    """The least of the loss is attention to everything and to one key; a mirrored garment passes."""
    flow = coordinate_grid(32, 24)[None]
    mask = torch.ones(1, 1, 32, 24)
    found = {n: float(attention_total_variation(r, mask)) for n, r in attention_zoo(flow).items()}
    assert found["truth"] == pytest.approx(2, abs=1e-4) == found["flip"]
    assert found["uniform"] == pytest.approx(0, abs=1e-4) == found["one key"]
    assert found["permutation"] > 30


def test_paper_and_code_are_one_number_inside_and_differ_by_the_border() -> None:
    """With every query inside there is no border: the sums differ by their units and their divisors alone."""
    attention, ones = random_record(), torch.ones(2, 1, *QUERIES, dtype=torch.float64)
    centres = expected_coordinates(attention)
    inside = sum(centres.diff(dim=d).abs().sum() for d in (1, 2)) / 2 / KEYS.tokens
    torch.testing.assert_close(paper_total_variation(attention, ones), inside)
    spot = torch.zeros_like(ones)
    spot[:, :, 1, 1] = 1
    jumps = 4 * centres[:, 1, 1].abs().sum() / 2 / KEYS.tokens
    torch.testing.assert_close(paper_total_variation(attention, spot), jumps)
    assert attention_total_variation(attention, spot) == 0


def test_entropies_in_closed_form_and_in_order() -> None:
    """Uniform rows have ln nk, one key 0; two heads on different keys have 0 each and ln 2 together."""
    grid, mask = Grid(2, 2), torch.ones(1, 1, 2, 2)
    uniform, one = torch.full((1, 4, 4), 0.25), torch.eye(4)[None]
    for weights, expected in ((uniform, torch.tensor(4.0).log()), (one, torch.tensor(0.0))):
        attention = record_of_map(weights, grid, grid)
        torch.testing.assert_close(attention_entropy(attention, mask), expected, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(mean_map_entropy(attention, mask), expected, atol=1e-5, rtol=1e-5)
    key = torch.eye(4)[None, None].expand(1, 2, -1, -1)
    heads = AttentionRecord(60 * torch.stack((torch.eye(4), torch.eye(4).flip(0)))[None], key, 1.0, grid, (grid,))
    torch.testing.assert_close(attention_entropy(heads, mask), torch.tensor(0.0), atol=1e-5, rtol=0)
    torch.testing.assert_close(mean_map_entropy(heads, mask), torch.tensor(2.0).log())
    attention, inside = random_record(heads=3), random_mask()
    assert mean_map_entropy(attention, inside) >= attention_entropy(attention, inside)


@pytest.mark.parametrize("loss", LOSSES)
def test_an_empty_mask_in_half_precision_and_an_empty_batch(loss) -> None:
    """Sums of 8 x 768 x 40 ones would overflow."""
    grid = Grid(32, 24)
    query, key = (torch.ones(1, 8, grid.tokens, 40, dtype=torch.float16, requires_grad=True) for _ in range(2))
    value = loss(AttentionRecord(query, key, 0.2, grid, (grid,)), torch.zeros(1, 1, *grid))
    value.backward()
    assert value == 0 and (query.grad == 0).all() and (key.grad == 0).all()
    attention = random_record()
    none = AttentionRecord(attention.query[:0], attention.key[:0], 0.4, QUERIES, (KEYS,))
    assert loss(none, torch.zeros(0, 1, *QUERIES)) == 0


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("wrong", [-0.5, float("nan")])
def test_a_mask_of_no_weights_is_refused(loss, wrong) -> None:
    mask = random_mask()
    mask[0, 0, 0, 0] = wrong
    with pytest.raises(ValueError, match="expected weights, 0 or more"):
        loss(random_record(), mask)


def test_variation_of_many_in_half_precision_and_of_nothing_outside() -> None:
    field = (torch.rand(1, 300, 300, 1, generator=torch.Generator().manual_seed(0))).half()
    ones = torch.ones(1, 1, 300, 300)
    assert abs(float(total_variation(field, ones)) - 2 / 3) < 0.01
    assert total_variation(torch.full_like(field, 3), ones) == 0
    field[0, :, 0] = float("nan")
    ones[..., 0] = 0
    assert total_variation(field, ones).isfinite()
