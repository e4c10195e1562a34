"""The mosaic of an attention map, and the file that holds maps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.viz.mosaic import INK, PALE, attention_mosaic, mosaic_figure
from vtonlib.viz.snapshots import Snapshot, coarsened, load_snapshots, map_record, save_snapshots

QUERY, KEY = Grid(4, 3), Grid(2, 6)


def random_record(query: Grid = QUERY, key: Grid = KEY, *, batch: int = 2, heads: int = 3) -> AttentionRecord:
    generator = torch.Generator().manual_seed(5)
    q = torch.randn(batch, heads, query.tokens, 4, generator=generator)
    return AttentionRecord(q, torch.randn(batch, heads, key.tokens, 4, generator=generator), 1.0, query, (key,))


def test_each_cell_is_the_whole_map_of_its_query() -> None:
    weights = random_record().weights()[0].mean(0)
    picture = torch.rand(3, 8, 6, generator=torch.Generator().manual_seed(1)) * 2 - 1
    mosaic = (attention_mosaic(picture, weights, QUERY, KEY) + 1) / 2
    assert mosaic.shape == (3, 4 * 2, 3 * 6)
    token = (picture[:, 4:6, 2:4].mean((1, 2)) + 1) / 2  # the token in row 2, column 1
    cell, row = mosaic[:, 4:6, 6:12], weights[2 * 3 + 1]
    pale, share = token + PALE * (1 - token), (row / row.max()).sqrt().unflatten(0, KEY)
    expected = pale[:, None, None] * (1 - share) + torch.tensor(INK)[:, None, None] * share
    torch.testing.assert_close(cell, expected, atol=0.05, rtol=0)  # the picture is shrunk with a wider filter
    darkest = cell.mean(0).flatten().argmin()
    assert int(darkest) == int(row.argmax())


def test_stable_viton_s_size() -> None:
    grid = Grid(32, 24)
    weights = torch.full((grid.tokens, grid.tokens), 1 / grid.tokens)
    assert attention_mosaic(torch.zeros(3, 64, 48), weights, grid, grid).shape == (3, 1024, 576)


def test_a_map_of_other_lattices_is_refused() -> None:
    with pytest.raises(ValueError, match=r"weights is \(12, 12\): expected \(12, 10\)"):
        attention_mosaic(torch.zeros(3, 8, 6), torch.eye(12), QUERY, Grid(2, 5))


def test_the_figure_has_the_truth_and_the_garment() -> None:
    figure = mosaic_figure(
        torch.zeros(3, 8, 6),
        torch.ones(3, 8, 6),
        {"a": random_record(), "b": random_record()},
        torch.zeros(4, 3, 2),
        torch.ones(4, 3, dtype=torch.bool),
        example=1,
    )
    assert [axes.get_title() for axes in figure.axes[:4]] == ["a", "b", "truth", "garment"]


def test_a_coarser_map_averages_queries_and_adds_keys() -> None:
    record = random_record()
    coarse = coarsened(record, Grid(2, 3), Grid(1, 3), example=1)
    weights = record.weights()[1].mean(0).view(2, 2, 3, 2, 3, 2)  # rows of queries in pairs, columns of keys in pairs
    expected = weights.mean(1).sum((2, 4)).view(6, 3)
    torch.testing.assert_close(coarse.weights()[0, 0], expected)
    with pytest.raises(ValueError, match="no multiple"):
        coarsened(record, Grid(3, 3), Grid(1, 3))


def test_stored_maps_come_back(tmp_path: Path) -> None:
    maps = [Snapshot(s, t, map_record(random_record().weights()[0, s % 3], QUERY, KEY)) for s in (0, 5) for t in (9, 3)]
    file = tmp_path / "maps.safetensors"
    save_snapshots(file, "a model", 4, "anyhow", (8, 6), maps)
    stored = load_snapshots(file)
    assert (stored.model, stored.index, stored.laid, stored.size) == ("a model", 4, "anyhow", (8, 6))
    assert stored.steps() == [0, 5] and stored.times() == [3, 9]
    assert [(m.step, m.time) for m in stored.maps] == [(0, 9), (0, 3), (5, 9), (5, 3)]
    for one, other in zip(maps, stored.maps, strict=True):
        torch.testing.assert_close(other.record.weights(), one.record.weights(), atol=2e-2, rtol=0)
    assert stored.at(step=5, time=3)[0].frame().name == "noise level 3"
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_snapshots(tmp_path / "nothing.safetensors")


def test_maps_of_several_lattices_are_refused(tmp_path: Path) -> None:
    maps = [Snapshot(0, 0, map_record(torch.eye(g.tokens), g, g)) for g in (Grid(2, 3), Grid(3, 3))]
    with pytest.raises(ValueError, match="2 pairs of lattices"):
        save_snapshots(tmp_path / "x.safetensors", "m", 0, "straight", (8, 6), maps)


def test_a_frame_names_its_level_and_where_asked_its_model() -> None:
    record = random_record(batch=1)
    assert [Snapshot(3, time, record).frame().layer for time in (0, 200)] == ["no noise", "noise level 200"]
    told = Snapshot(3, 999, record).frame("untold")
    assert told.layer == "untold, noise level 999" and told.step == 3
