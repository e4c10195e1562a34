"""The other garment's pixels: what the probe must find of attention that looks, and of attention that does not."""

import pytest
import torch

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.evaluation import other_garment_probe, other_garments, truth_on_lattice
from vtonlib.grids import coordinate_grid
from vtonlib.tasks.matcher import MatcherConfig, MatcherTask

WORLD = World(DataConfig(height=32, width=24, laid="anyhow"))
BATCH, TOKENS = WORLD.paired("test", torch.arange(16)), Grid(8, 6)


def looking_at(places):
    """Attention whose queries look at places [b n 2], sharply."""
    keys = coordinate_grid(*TOKENS).flatten(0, 1).expand(len(places), 1, -1, -1)
    ones = torch.ones(len(places), 1, keys.shape[2], 1)
    query = torch.cat((40 * places[:, None], -20 * ones), -1)  # 40 q k - 20 k^2 is largest where k is nearest to q
    return AttentionRecord(query, torch.cat((keys, keys.square().sum(-1, keepdim=True)), -1), 1.0, TOKENS, (TOKENS,))


def true_places(batch):
    return truth_on_lattice(batch.flow, batch.flow_mask, *TOKENS)[0].flatten(1, 2)


def test_attention_that_looks_is_misled():
    """It finds the truth with its own pixels and looks far away, by a known distance, with any others."""

    def attend(batch, shown):
        away = torch.tensor([0.0, 0.0]) if shown is batch.garment else torch.tensor([-1.0, 0.0])
        return looking_at(true_places(batch) + away)

    probe = other_garment_probe(attend, BATCH, tokens=TOKENS)
    assert float(probe.own.nanmean()) < 1 and float(probe.other.nanmean()) > 2 * float(probe.own.nanmean())
    assert float(probe.moved.nanmean()) > 1


def test_attention_that_is_blind_is_not():
    probe = other_garment_probe(lambda batch, shown: looking_at(true_places(batch)), BATCH, tokens=TOKENS)
    assert torch.equal(probe.own.nan_to_num(), probe.other.nan_to_num())
    assert float(probe.moved.nan_to_num().max()) == 0


def test_the_blind_matcher_and_its_seeing_twin():
    """By construction, before any training: 0 for the one, more for the other."""
    moved = {}
    for see in ("garment", "place"):
        torch.manual_seed(0)
        task = MatcherTask(MatcherConfig(channels=8, head_dim=8, layers=1, keys_see=see))
        probe = other_garment_probe(lambda batch, shown, t=task: t.attend(batch, shown=shown), BATCH, tokens=TOKENS)
        moved[see] = float(probe.moved.nan_to_num().max())
    assert moved["place"] == 0 < moved["garment"]


def test_other_garments_are_of_the_same_category():
    others = other_garments(BATCH)
    assert torch.equal(others[:8], BATCH.garment[8:]) and not torch.equal(others, BATCH.garment)
    for rows in (slice(0, 8), slice(0, 12)):
        with pytest.raises(ValueError, match="expected a multiple of 8, at least two"):
            other_garments(BATCH[rows])
