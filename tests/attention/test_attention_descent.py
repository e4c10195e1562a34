"""Gradient steps on a map: the formula, what they keep, and what is refused."""

from __future__ import annotations

import pytest
import torch

from vtonlib.attention import Grid, expected_coordinates
from vtonlib.attention.descent import descend, wrong_maps
from vtonlib.attention.zoo import record_of_map
from vtonlib.grids import coordinate_grid, to_pixels
from vtonlib.losses.entropy import attention_entropy
from vtonlib.losses.matching import record_copying
from vtonlib.losses.total_variation import attention_total_variation

GRID, MASK = Grid(3, 2), torch.ones(1, 1, 3, 2)
LOSSES = {"variation": lambda r: attention_total_variation(r, MASK), "entropy": lambda r: attention_entropy(r, MASK)}


def start():
    g = torch.Generator().manual_seed(0)
    return record_of_map(torch.randn(1, 6, 6, generator=g, dtype=torch.float64).softmax(-1), GRID, GRID)


@pytest.mark.equation("eq-mixture")
def test_a_step_goes_down_the_gradient_of_the_weighted_sum() -> None:
    record = start()
    found = descend(record, LOSSES, {"variation": 0.3, "entropy": 2.0}, steps=(0, 1, 2), rate=0.1)
    query = record.query.clone()
    for step in (0, 1, 2):
        torch.testing.assert_close(found.records[step].query, query)
        query.requires_grad_()
        weights = (query[:, 0]).softmax(-1)
        now = record_of_map(weights, GRID, GRID)
        mixed = 0.3 * LOSSES["variation"](now) + 2 * LOSSES["entropy"](now)
        assert found.values["entropy"][step] == pytest.approx(float(LOSSES["entropy"](now).detach()))
        query = (query - 0.1 * torch.autograd.grad(mixed, query)[0]).detach()


def test_what_is_kept_has_no_graph_and_the_start_is_left_alone() -> None:
    record = start()
    before = record.query.clone()
    found = descend(record, LOSSES, {"entropy": 1.0}, steps=(0, 5, 20), rate=1.0)
    assert torch.equal(record.query, before) and not record.query.requires_grad
    assert [r.query.requires_grad for r in found.records] == [False] * 3 and found.steps == (0, 5, 20)
    assert found.values["entropy"][0] > found.values["entropy"][1] > found.values["entropy"][2]
    assert set(found.values) == set(LOSSES)  # also of the loss that is not in the mixture


def test_a_mixture_of_nothing_stays() -> None:
    found = descend(start(), LOSSES, {"variation": 0.0}, steps=(0, 3), rate=1.0)
    assert torch.equal(found.records[0].query, found.records[1].query)


@pytest.mark.parametrize(
    ("weights", "steps", "said"),
    [
        ({"blur": 1.0}, (0, 1), "weights of blur, but the losses are variation, entropy"),
        ({}, (1, 0), "ascending"),
        ({}, (), "ascending"),
    ],
)
def test_what_cannot_be_done_is_refused(weights, steps, said) -> None:
    with pytest.raises(ValueError, match=said):
        descend(start(), LOSSES, weights, steps=steps, rate=1.0)


def test_copied_colours_by_a_slow_loop() -> None:
    g = torch.Generator().manual_seed(1)
    record, mask = start(), torch.tensor([1.0, 0, 1, 1, 0, 1]).view(1, 1, 3, 2)
    garment, person = (torch.randn(1, 3, 3, 2, generator=g, dtype=torch.float64) for _ in range(2))
    weights, expected = record.weights()[0, 0], []
    for i, counts in enumerate(mask.flatten().tolist()):
        if counts:
            copied = sum(weights[i, j] * garment[0, :, j // 2, j % 2] for j in range(6))
            expected.append((copied - person[0, :, i // 2, i % 2]).square().mean())
    torch.testing.assert_close(record_copying(record, garment, person, mask.double()), torch.stack(expected).mean())
    assert record_copying(record, garment, person, torch.zeros(1, 1, 3, 2)) == 0


def test_four_ways_to_be_wrong() -> None:
    flow = 0.5 * coordinate_grid(24, 18)[None]
    found = {name: to_pixels(expected_coordinates(r) - flow, 24, 18)[0] for name, r in wrong_maps(flow).items()}
    middle = (slice(8, 16), slice(6, 12))
    torch.testing.assert_close(found["shifted"][middle], torch.full((8, 6, 2), 3.0), atol=0.1, rtol=0)
    expected = to_pixels(flow, 24, 18)[0][middle] * torch.tensor([-2.0, 0])
    torch.testing.assert_close(found["mirrored"][middle], expected, atol=0.1, rtol=0)
    noise = found["noisy"][4:20, 4:14]
    assert 1.5 < float(noise.std()) < 2.3 and noise.mean().abs() < 0.3
    assert found["chance"].norm(dim=-1).mean() > 2
    entropies = [r.entropy().mean() for r in wrong_maps(flow).values()]
    assert all(3 < e < 4.5 for e in entropies)
