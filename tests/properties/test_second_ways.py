"""Every case is computed a second way: in float64, or where rounding decides, in a test that is named here."""

from __future__ import annotations

import ast
from collections import Counter

import torch
import torch.nn.functional as F
from properties.second import SECOND
from properties.tables import CASES

from tools.shell import ROOT
from vtonlib.attention import AttentionRecord, Grid
from vtonlib.attention.rows import masked_rows
from vtonlib.data.frame import above
from vtonlib.data.moving import read_nearest
from vtonlib.evaluation.altered import place_disc
from vtonlib.evaluation.painted import shift_probability
from vtonlib.grids import coordinate_grid
from vtonlib.losses.attention import known_rows

GRID = Grid(3, 2)


def seeded(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def record() -> tuple[AttentionRecord, torch.Tensor]:
    mask = torch.tensor([[0.0, 1, 0.5, 0, 0, 2], [1, 0, 0, 0, 0, 0]]).view(2, 1, 3, 2)
    return AttentionRecord(seeded(2, 1, 6, 4), seeded(2, 1, 6, 4), 1.0, GRID, (GRID,)), mask


def test_what_float64_cannot_tell_has_a_test_of_its_own() -> None:
    decided_by_rounding = {name.removeprefix("vtonlib.") for name, case in CASES.items() if case.exact >= 1}
    assert decided_by_rounding == SECOND.keys()
    for name, test in SECOND.items():
        file, _, function = test.partition("::")
        body = ast.parse((ROOT / "tests" / file).read_text(encoding="utf8")).body
        assert function in {node.name for node in body if isinstance(node, ast.FunctionDef)}, f"{name}: no {test}"


def test_masked_rows_are_those_of_boolean_indexing() -> None:
    whole, mask = record()
    rows = masked_rows(whole, mask)
    for b in range(2):
        found = {int(t): float(w) for t, w in zip(rows.tokens[b], rows.weight[b], strict=True) if w > 0}
        assert found == {t: float(w) for t, w in enumerate(mask[b].flatten()) if w > 0}
        assert torch.equal(rows.record.query[b, 0], whole.query[b, 0, rows.tokens[b]])


def test_known_rows_are_those_of_boolean_indexing() -> None:
    whole, mask = record()
    flow = seeded(2, 3, 2, 2)
    rows = known_rows(whole, flow, mask)
    for b in range(2):
        kept = rows.chosen.weight[b] > 0
        found = {tuple(p.tolist()) for p in rows.place[b][kept]}
        assert found == {tuple(p.tolist()) for p in flow[b][mask[b, 0] > 0]}


def test_a_disc_by_distances_of_pixels() -> None:
    place, tokens = torch.tensor([[0.3, -0.4]]), Grid(4, 3)
    disc = place_disc(place, (7, 5), tokens)[0, 0]
    for row in range(7):
        for column in range(5):
            x, y = -1 + 2 * column / 4, -1 + 2 * row / 6
            away = (((x - 0.3) * (3 - 1) / 2) ** 2 + ((y + 0.4) * (4 - 1) / 2) ** 2) ** 0.5
            assert disc[row, column] == (away <= 1)


def test_shifts_are_counted_one_by_one() -> None:
    rows = torch.tensor([[0, 1], [2, 0], [1, 1]])  # the row of each token's place; its column is its own
    places = coordinate_grid(3, 2)[rows, torch.arange(2).expand(3, 2)][None]
    counted = Counter(int(rows[r, c]) - r for r in range(3) for c in range(2))
    wanted = torch.zeros(5, 3)
    for shift, count in counted.items():
        wanted[shift + 2, 1] = count / 6
    torch.testing.assert_close(shift_probability(places, torch.ones(1, 1, 3, 2)), wanted)


def test_above_is_a_comparison() -> None:
    values = torch.tensor([-1.0, 0.0, 0.5, 2.0])
    assert above(values, 0.5).tolist() == [float(v > 0.5) for v in values]


def test_the_nearest_pixel_is_grid_samples() -> None:
    picture, places = seeded(2, 3, 5, 4), seeded(2, 6, 3, 2).tanh()
    wanted = F.grid_sample(picture, places, mode="nearest", padding_mode="border", align_corners=True)
    assert torch.equal(read_nearest(picture, places), wanted)
