"""Colours and where attention looks: mended maps, spreads in tokens, and rank correlations with others held fixed."""

from __future__ import annotations

import pytest
import torch

from vtonlib.attention import Grid, coordinate_spread
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.evaluation import truth_on_lattice
from vtonlib.evaluation.dispersion import batch_tokens, colour_causes, partial_rank_correlation, spread_in_tokens
from vtonlib.evaluation.parts import flow_weights
from vtonlib.grids import to_pixels
from vtonlib.viz.snapshots import map_record

TOKENS = Grid(16, 12)


@pytest.fixture(scope="module")
def people() -> TryOnBatch:
    return World(DataConfig()).paired("test", torch.arange(8))


def perfect(batch: TryOnBatch, index: int, *, shifted: float = 0.0):
    """Attention of one example to the true places, or beside them."""
    truth, _ = truth_on_lattice(batch.flow, batch.flow_mask, *TOKENS)
    places = truth.flatten(1, 2) + torch.tensor([shifted, 0.0])
    return map_record(flow_weights(places, TOKENS)[index], TOKENS, TOKENS)


def test_perfect_attention_leaves_only_shade_and_token_size(people: TryOnBatch) -> None:
    one = people[2:3]
    record = perfect(people, 2)
    tokens, causes = batch_tokens(record, one), colour_causes(perfect(people, 2), one)
    inside = tokens.measured
    assert inside.any()
    torch.testing.assert_close(causes.narrowed[inside], causes.true[inside], atol=2e-2, rtol=0)
    torch.testing.assert_close(causes.moved[inside], causes.attended[inside], atol=2e-2, rtol=0)


def test_mending_the_place_helps_where_only_the_place_is_wrong(people: TryOnBatch) -> None:
    worst = {"attended": 0.0, "moved": 0.0}
    for index in range(8):
        record, one = perfect(people, index, shifted=0.35), people[index : index + 1]
        causes, inside = colour_causes(record, one), batch_tokens(record, one).measured
        for name in worst:
            worst[name] += float(getattr(causes, name)[inside].sum())
    assert worst["moved"] < 0.6 * worst["attended"]


def test_spread_in_tokens_is_the_spread_on_square_steps() -> None:
    weights = torch.zeros(2, 12)
    weights[0, 5] = 1
    weights[1, [0, 3]] = 0.5  # three columns apart
    record = map_record(weights, Grid(1, 2), Grid(3, 4))
    torch.testing.assert_close(spread_in_tokens(record)[0], torch.tensor([0.0, 1.5]), atol=1e-3, rtol=0)
    x = coordinate_spread(record).flatten()[1:, None] * torch.tensor([1.0, 0.0])
    assert float(to_pixels(x, 3, 4).norm()) == pytest.approx(1.5, rel=1e-3)


def test_rank_correlation_with_others_held_fixed() -> None:
    generator = torch.Generator().manual_seed(0)
    cause, noise, other = torch.randn(3, 4000, generator=generator).unbind(0)
    x, y = cause + 0.5 * noise, cause + 0.5 * other
    assert partial_rank_correlation(x, x.exp()) == pytest.approx(1)
    assert partial_rank_correlation(x, -x) == pytest.approx(-1)
    assert partial_rank_correlation(x, y) > 0.7
    assert abs(partial_rank_correlation(x, y, cause)) < 0.1
    assert partial_rank_correlation(x, y, other) > 0.7
    assert partial_rank_correlation(x, cause, cause) == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="expected at least 4"):
        partial_rank_correlation(x[:3], y[:3], cause[:3])
