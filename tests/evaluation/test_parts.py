"""Parts of the body on person and garment, and which look at which."""

from __future__ import annotations

import pytest
import torch

from vtonlib.attention import Grid
from vtonlib.config import DataConfig
from vtonlib.data.batch import KEYPOINTS, TryOnBatch
from vtonlib.data.moving import mirror
from vtonlib.data.world import World
from vtonlib.evaluation.parts import (
    MIRRORED,
    REGIONS,
    body_regions,
    flow_weights,
    garment_regions,
    other_side,
    part_matrices,
    person_regions,
    same_part,
)
from vtonlib.grids import coordinate_grid
from vtonlib.viz.snapshots import map_record

TOKENS = Grid(16, 12)


@pytest.fixture(scope="module")
def people() -> TryOnBatch:
    return World(DataConfig(laid="anyhow")).paired("test", torch.arange(8))


def test_regions_are_disjoint_and_on_their_sides(people: TryOnBatch) -> None:
    regions = body_regions(people.dense_pose)
    assert set(regions.sum(1).unique().tolist()) == {0.0, 1.0}
    x = coordinate_grid(*people.size)[..., 0]
    for number, name in enumerate(REGIONS):
        side, _, kind = name.partition(" ")
        joint = {"arm": "elbow", "leg": "knee", "shoulder": "shoulder", "chest": "shoulder", "hip": "hip"}[kind]
        across = (regions[:, number] * x).sum((1, 2)) / regions[:, number].sum((1, 2))
        true = people.keypoints[:, KEYPOINTS.index(f"{side}_{joint}"), 0]
        other = people.keypoints[:, KEYPOINTS.index(f"{'right' if side == 'left' else 'left'}_{joint}"), 0]
        seen = across.isfinite() & true.isfinite() & other.isfinite()
        assert ((across - true).abs() < (across - other).abs())[seen].all(), name


def test_a_mirror_exchanges_the_sides(people: TryOnBatch) -> None:
    ours, mirrored = body_regions(people.dense_pose), body_regions(mirror(people).dense_pose)
    difference = (mirrored - ours[:, list(MIRRORED)].flip(-1)).abs().mean()
    assert difference < 1e-3  # only the middle line may fall to the other side


def test_weights_of_a_flow_read_what_bilinear_reading_reads() -> None:
    places = torch.tensor([[[0.0, 0.0], [-1.0, 1.0], [0.3, -0.4]]])
    weights = flow_weights(places, Grid(5, 4))
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 3))
    torch.testing.assert_close(weights @ coordinate_grid(5, 4).flatten(0, 1), places)


def test_shares_of_keys_and_matrices_sum_to_one(people: TryOnBatch) -> None:
    keys = garment_regions(people, TOKENS)
    torch.testing.assert_close(keys.sum(-1), torch.ones(8, TOKENS.tokens))
    queries = person_regions(people, TOKENS)
    assert queries.shape == (8, TOKENS.tokens, len(REGIONS)) and float(queries.sum(-1).max()) <= 1.0 + 1e-5
    uniform = map_record(torch.full((192, 192), 1 / 192), TOKENS, TOKENS)
    matrices = part_matrices(uniform, people[:1])
    for matrix in matrices.values():
        rows = matrix[matrix.isfinite().all(1)]
        torch.testing.assert_close(rows.sum(1), torch.ones(len(rows)))
    assert same_part(matrices["truth"]) > 0.6 > 0.3 > same_part(matrices["chance"])
    assert other_side(matrices["truth"]) < 0.15


def test_a_copy_looks_at_its_own_cell(people: TryOnBatch) -> None:
    matrices = part_matrices(map_record(torch.eye(TOKENS.tokens), TOKENS, TOKENS), people[:1])
    torch.testing.assert_close(matrices["copy"], matrices["attention"], equal_nan=True, atol=1e-3, rtol=0)
    assert not torch.allclose(matrices["copy"], matrices["truth"], equal_nan=True, atol=0.1)
