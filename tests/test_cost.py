"""What is counted without being computed: formulas, torch's own kernels, and networks small enough to know."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from vtonlib.cost import (
    Flop,
    Law,
    attention_flop,
    count_flop,
    flop_counter,
    kept_bytes,
    map_bytes,
    recomputed,
    training_hours,
    training_memory,
)

SHAPES = ((1, 2, 12, 24, 4), (2, 3, 20, 7, 8), (3, 1, 5, 5, 16))
"""Samples, heads, queries, keys, width of a head."""


def attention(samples: int, heads: int, queries: int, keys: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    return tuple(  # type: ignore[return-value]
        torch.empty(samples, heads, tokens, width, requires_grad=True) for tokens in (queries, keys, keys)
    )


@pytest.mark.equation("eq-attention-flop")
@pytest.mark.parametrize("shape", SHAPES)
def test_attention_costs_four_times_queries_keys_and_width(shape: tuple[int, ...]) -> None:
    samples, heads, n, m, d = shape
    by_loops = sum(2 * d + 2 * d for _ in range(samples * heads) for _ in range(n) for _ in range(m))
    with torch.device("meta"):
        q, k, v = attention(*shape)
        found = count_flop(lambda: F.scaled_dot_product_attention(q, k, v))
    assert found == Flop(by_loops, 0, 0)
    assert samples * attention_flop(n, m, heads * d) == by_loops


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fused_attention_of_a_processor_is_counted(dtype: torch.dtype) -> None:
    """Forward two products of matrices; backward five, for the scores are computed again."""
    samples, heads, n, m, d = SHAPES[1]
    q, k, v = (part.detach().to(dtype).requires_grad_() for part in attention(*SHAPES[1]))
    with flop_counter() as counter:
        output = F.scaled_dot_product_attention(q, k, v)
    product = samples * heads * 2 * n * m * d
    assert counter.get_total_flops() == 2 * product
    with flop_counter() as counter:
        output.sum().backward()
    assert counter.get_total_flops() == 5 * product


@pytest.mark.equation("eq-map-bytes")
@pytest.mark.parametrize("shape", SHAPES)
def test_the_map_is_what_explicit_attention_keeps_beside_queries_keys_and_values(shape: tuple[int, ...]) -> None:
    samples, heads, n, m, _ = shape
    q, k, v = attention(*shape)

    def by_hand() -> Tensor:
        return (q @ k.mT).softmax(-1) @ v

    held = samples * map_bytes(n, m, heads)
    assert held == (q @ k.mT).softmax(-1).numel() * 4
    assert kept_bytes(by_hand, parameters=(q, k, v)) == held
    assert map_bytes(n, m, heads, number=2) * 2 == map_bytes(n, m, heads)


def test_fused_attention_keeps_what_torchs_own_kernel_keeps() -> None:
    shape = (2, 4, 48, 80, 16)
    with FakeTensorMode():
        q, k, v = attention(*shape)
        expected = kept_bytes(lambda: F.scaled_dot_product_attention(q, k, v), attention="maps")  # the kernel as it is
    with torch.device("meta"):
        q, k, v = attention(*shape)
        assert kept_bytes(lambda: F.scaled_dot_product_attention(q, k, v)) == expected
        maps = kept_bytes(lambda: F.scaled_dot_product_attention(q, k, v), attention="maps")
    assert maps > expected


class Block(nn.Module):
    """A layer, an activation, a layer, added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.gelu(self.first(x)))


def test_convolutions_and_linear_layers_are_told_apart() -> None:
    with torch.device("meta"):
        network = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.Flatten(2), nn.Linear(12, 7))
        found = count_flop(lambda: network(torch.empty(2, 3, 4, 3)))
    assert found == Flop(0, 2 * 2 * 12 * 5 * 27, 2 * 2 * 5 * 12 * 7)
    assert found.total == sum(found) and found.attention_share == 0


def test_computed_again_a_block_keeps_its_input_alone() -> None:
    network = nn.Sequential(Block(8), Block(8), Block(8))
    x = torch.randn(5, 8, requires_grad=True)
    weights = list(network.parameters())
    whole = kept_bytes(lambda: network(x), parameters=weights)
    with recomputed(network, Block):
        again = kept_bytes(lambda: network(x), parameters=weights)
        network(x).sum().backward()
    assert again == 3 * x.numel() * 4 < whole == 3 * 3 * x.numel() * 4
    gradient, x.grad = x.grad, None
    network(x).sum().backward()
    torch.testing.assert_close(x.grad, gradient)


def test_a_block_within_a_block_is_left_to_the_outer_one() -> None:
    class Outer(Block):
        def __init__(self, width: int) -> None:
            super().__init__(width)
            self.inner = Block(width)

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(self.inner(x))

    network, x = Outer(8), torch.randn(5, 8, requires_grad=True)
    with recomputed(network, Block):
        assert kept_bytes(lambda: network(x), parameters=network.parameters()) == x.numel() * 4


@pytest.mark.equation("eq-cost-law")
def test_a_law_goes_through_its_points_and_meets_a_third() -> None:
    def count(n: int) -> float:
        return 3.0 * n + 0.5 * n**2

    law = Law.through((10, count(10)), (40, count(40)), powers=(1, 2))
    assert law == pytest.approx((0.0, 3.0, 0.5))
    assert law.at(123) == pytest.approx(count(123))
    assert Law.through((2, 9.0), (4, 13.0), powers=(0, 1)) == pytest.approx((5.0, 2.0, 0.0))
    for points in (((3, 1.0), (3, 2.0), (0, 1)), ((3, 1.0), (4, 2.0), (1, 1))):
        with pytest.raises(ValueError, match="expected different ones"):
            Law.through(points[0], points[1], powers=points[2])


@pytest.mark.equation("eq-training-memory")
def test_a_training_step_holds_what_an_optimizer_really_holds() -> None:
    trained, frozen = nn.Linear(6, 5), nn.Linear(5, 4).requires_grad_(False)
    update = torch.optim.AdamW(trained.parameters())
    x = torch.randn(3, 6)
    frozen(trained(x)).sum().backward()
    update.step()
    count = sum(p.numel() for p in trained.parameters())
    found = training_memory(count, sum(p.numel() for p in frozen.parameters()), 100, batch_size=3)
    states = sum(s.nbytes for one in update.state.values() for s in one.values() if s.ndim > 0)
    held = sum(p.nbytes for part in (trained, frozen) for p in part.parameters())
    gradients = sum(p.grad.nbytes for p in trained.parameters() if p.grad is not None)
    assert found == (held, gradients, states, 300)
    assert found.total == held + gradients + states + 300


@pytest.mark.equation("eq-training-hours")
def test_hours_are_three_forward_passes_at_an_assumed_rate() -> None:
    steps = sum(3 * 2e12 * 64 / (3e14 * 0.4) for _ in range(10))
    assert training_hours(2e12, steps=10, batch_size=64, rate=3e14, share=0.4) == pytest.approx(steps / 3600)


@pytest.mark.disagreement("D100")
def test_a_frozen_weight_that_asks_for_gradients_gets_them() -> None:
    """Released: frozen weights are left out of the optimizer alone. Here they ask for no gradient."""
    frozen, trained = nn.Linear(6, 6), nn.Linear(6, 6)
    trained(frozen(torch.randn(2, 6))).sum().backward()
    assert frozen.weight.grad is not None and frozen.weight.grad.abs().sum() > 0
    frozen.weight.grad = None
    trained(frozen.requires_grad_(False)(torch.randn(2, 6))).sum().backward()
    assert frozen.weight.grad is None
