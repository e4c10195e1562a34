"""The equations of the chapter on total variation, each from its formula, and its worked examples."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vtonlib.attention import AttentionRecord, Grid, expected_coordinates
from vtonlib.attention.zoo import attention_zoo, record_of_map
from vtonlib.grids import coordinate_grid, to_pixels, total_variation
from vtonlib.losses.total_variation import (
    attention_total_variation,
    centre_coordinates,
    paper_total_variation,
    total_variation_denoising,
)

QUERIES, KEYS = Grid(4, 3), Grid(3, 5)


def record() -> AttentionRecord:
    g = torch.Generator().manual_seed(3)
    query, key = (torch.randn(2, 2, n.tokens, 4, generator=g, dtype=torch.float64) for n in (QUERIES, KEYS))
    return AttentionRecord(query.requires_grad_(), key, 0.7, QUERIES, (KEYS,))


def mask() -> Tensor:
    holes = torch.tensor([[1, 1, 0], [1, 1, 1], [0, 1, 1], [1, 0, 1]])
    return torch.stack((holes, holes.flip(0) * torch.tensor([1, 1, 0])))[:, None].double()


def pairs(inside: Tensor) -> list[tuple[str, tuple[int, int, int], tuple[int, int, int]]]:
    """Neighbours of which both are inside."""
    found = []
    b, _, h, w = inside.shape
    for s in range(b):
        for r in range(h):
            for c in range(w):
                for way, other in (("down", (s, r + 1, c)), ("across", (s, r, c + 1))):
                    if other[1] < h and other[2] < w and inside[s, 0, r, c] and inside[s, 0, other[1], other[2]]:
                        found.append((way, (s, r, c), other))
    return found


@pytest.mark.equation("eq-code-variation")
def test_two_means_over_pairs_of_the_whole_batch() -> None:
    centres, inside = centre_coordinates(record()), mask()
    lengths: dict[str, list[float]] = {"down": [], "across": []}
    for way, one, other in pairs(inside):
        lengths[way].append(float((centres[other] - centres[one]).abs().sum().detach()))
    expected = sum(sum(each) / len(each) for each in lengths.values())
    assert float(attention_total_variation(record(), inside).detach()) == pytest.approx(expected)
    assert len(lengths["down"]) != len(lengths["across"])


@pytest.mark.equation("eq-paper-variation")
def test_the_printed_form_sums_the_jumps_of_the_masked_map() -> None:
    r, inside = record(), mask()
    masked = expected_coordinates(r).detach() / KEYS.tokens * inside.movedim(1, -1)
    expected = 0.0
    for _, one, other in pairs(torch.ones_like(inside)):
        expected += float((masked[other] - masked[one]).abs().sum())
    assert float(paper_total_variation(r, inside).detach()) == pytest.approx(expected / 2)


@pytest.mark.equation("eq-variation-pull")
def test_every_neighbour_pulls_a_row_alike() -> None:
    g = torch.Generator().manual_seed(4)
    logits = torch.randn(1, 12, 15, generator=g, dtype=torch.float64, requires_grad=True)
    key, inside = torch.eye(15, dtype=torch.float64)[None, None], mask()[:1]
    attention = AttentionRecord(logits[:, None], key, 1.0, QUERIES, (KEYS,))
    (slope,) = torch.autograd.grad(attention_total_variation(attention, inside), logits)
    centres, steps = (
        centre_coordinates(attention).detach(),
        to_pixels(coordinate_grid(3, 5).double(), 3, 5).flatten(0, 1),
    )
    found = pairs(inside)
    count = {way: sum(1 for each in found if each[0] == way) for way in ("down", "across")}
    pull = torch.zeros_like(centres)
    for way, one, other in found:
        towards = (centres[other] - centres[one]).sign() / count[way]
        pull[one] += towards
        pull[other] -= towards
    weights = logits.detach().softmax(-1)[0]
    away = steps - centres[0].flatten(0, 1)[:, None]
    expected = weights * (away * pull[0].flatten(0, 1)[:, None]).sum(-1)
    torch.testing.assert_close(-slope[0], expected)


def test_the_worked_example_of_a_spike_and_a_step() -> None:
    table = {0: ((0, 6, 0), (0, 0, 6, 6)), 1: ((1, 4, 1), (0.5, 0.5, 5.5, 5.5)), 2: ((2, 2, 2), (1, 1, 5, 5))}
    for strength, results in (table | {6: ((2, 2, 2), (3, 3, 3, 3))}).items():
        for signal, expected in zip(((0.0, 6, 0), (0.0, 0, 6, 6)), results, strict=True):
            x = torch.tensor(signal, dtype=torch.float64).view(1, 1, -1, 1)
            y = total_variation_denoising(x, torch.ones(1, 1, 1, len(signal)), float(strength), steps=3000)
            assert y.flatten().tolist() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("signal", "absolute", "squares"), [((0, 1, 2, 3), 3, 3), ((0, 0, 3, 3), 3, 9), ((0, 3, 0, 3), 9, 27)]
)
def test_the_worked_example_of_a_ramp_and_a_step(signal, absolute, squares) -> None:
    x = torch.tensor(signal, dtype=torch.float32)
    assert float(total_variation(x.view(1, 1, 4, 1), torch.ones(1, 1, 1, 4))) * 3 == pytest.approx(absolute)
    assert float(x.diff().square().sum()) == squares


def test_the_worked_example_of_nine_patches() -> None:
    grid, flow = Grid(3, 3), coordinate_grid(3, 3)
    keys = torch.arange(9)
    keys[4] = 0
    one = record_of_map(torch.nn.functional.one_hot(keys, 9).float()[None], grid, grid)
    ones = torch.ones(1, 1, 3, 3)
    assert float(attention_total_variation(one, ones)) == pytest.approx(8 / 3, abs=1e-4)
    assert float(attention_total_variation(attention_zoo(flow[None])["truth"], ones)) == pytest.approx(2, abs=1e-4)
    rows = torch.tensor([0.0, 1, 1, 2])
    assert float(rows.median()) == 1 == float(torch.tensor([0.0, 1, 1, 90]).median())


def test_half_of_the_weight_on_either_side_has_the_truths_centres() -> None:
    """What is within a row the loss does not see."""
    flow, inside = 0.4 * coordinate_grid(9, 11)[None], torch.ones(1, 1, 9, 11)
    aside = torch.tensor([3 * 2 / 10, 0])
    halves = [attention_zoo(flow + side * aside)["truth"].weights()[:, 0] for side in (-1, 1)]
    grid = Grid(9, 11)
    two = record_of_map(sum(halves) / 2, grid, grid)
    truth = attention_zoo(flow)["truth"]
    torch.testing.assert_close(expected_coordinates(two), expected_coordinates(truth), atol=0.11, rtol=0)
    ours, theirs = (float(attention_total_variation(r, inside)) for r in (two, truth))
    assert ours == pytest.approx(theirs, rel=0.15) and float(two.entropy().mean()) > 0.6
