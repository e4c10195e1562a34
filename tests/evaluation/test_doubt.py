"""Sure queries and right ones, the share of keys that is looked at, and the temperature that has an entropy."""

from __future__ import annotations

import math

import pytest
import torch

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.world import World
from vtonlib.evaluation import truth_on_lattice
from vtonlib.evaluation.doubt import attended_share, doubt_scores, doubts, temperature_of_entropy
from vtonlib.evaluation.parts import flow_weights
from vtonlib.losses.entropy import attention_entropy
from vtonlib.viz.snapshots import map_record

TOKENS = Grid(16, 12)


@pytest.fixture(scope="module")
def person() -> TryOnBatch:
    return World(DataConfig()).paired("test", torch.arange(3))[2:3]


def half_right(person: TryOnBatch, *, sure: bool):
    """Rows that look at the true place, and, as far as x > 0, at the mirrored one; the right ones are sure, or the
    others."""
    truth, _ = truth_on_lattice(person.flow, person.flow_mask, *TOKENS)
    places = truth.flatten(1, 2)
    wrong = places[..., 0] > 0.2
    looked = torch.where(wrong[..., None], places * torch.tensor([-1, 1]), places)
    sharp = flow_weights(looked, TOKENS)[0]
    wide = 0.7 * sharp + 0.3 / TOKENS.tokens
    return map_record(torch.where((wrong == sure)[0][:, None], wide, sharp), TOKENS, TOKENS)


def test_sure_and_right_together_or_apart(person: TryOnBatch) -> None:
    together, apart = (doubt_scores(half_right(person, sure=sure), person) for sure in (True, False))
    assert together["doubt_rank"] > 0.4 and together["surest"] < 0.5 < together["unsurest"]
    assert apart["doubt_rank"] < -0.1 and apart["surest"] > 1
    for rank in ("doubt_rank_strongest", "spread_rank"):
        assert together[rank] > 0.2 > apart[rank]
    found = doubts(half_right(person, sure=True), person)
    _, known = truth_on_lattice(person.flow, person.flow_mask, *TOKENS)
    assert all(len(values) == int((known > 0.5).sum()) for values in found)


@pytest.mark.parametrize("cut", [1, 4, 16])
def test_the_share_does_not_depend_on_how_finely_keys_are_cut(cut: int) -> None:
    row = torch.tensor([0.5, 0.25, 0.25, 0, 0, 0], dtype=torch.float64).repeat_interleave(cut) / cut
    entropy = torch.special.entr(row).sum()
    assert float(attended_share(entropy, len(row))) == pytest.approx(math.exp(1.5 * math.log(2)) / 6)
    with pytest.raises(ValueError, match="keys is 0"):
        attended_share(entropy, 0)


def record() -> AttentionRecord:
    g = torch.Generator().manual_seed(0)
    query, key = (torch.randn(2, 3, n, 4, generator=g, dtype=torch.float64) for n in (6, 20))
    return AttentionRecord(query, key, 0.8, Grid(2, 3), (Grid(4, 5),), "a")


@pytest.mark.parametrize("nats", [0.5, 1.7, 2.9])
def test_the_temperature_of_an_entropy(nats: float) -> None:
    attention, mask = record(), torch.ones(2, 1, 2, 3, dtype=torch.float64)
    mask[0, 0, 0] = 0
    found = temperature_of_entropy(attention, mask, nats)
    chosen = attention.entropy(temperature=found).mean(1)[mask.flatten(1) > 0]
    assert float(chosen.mean()) == pytest.approx(nats, abs=1e-6)


def test_an_entropy_that_no_temperature_has() -> None:
    with pytest.raises(ValueError, match=r"nats is 3\.1, but attention 'a' has a mean entropy of .* at 64"):
        temperature_of_entropy(record(), torch.ones(2, 1, 2, 3), 3.1)


def test_its_own_entropy_is_that_of_temperature_one() -> None:
    attention, mask = record(), torch.ones(2, 1, 2, 3)
    own = float(attention_entropy(attention, mask))
    assert temperature_of_entropy(attention, mask, own) == pytest.approx(1, abs=1e-5)
