"""What attention total variation is said to do, and what it does to maps that one can write down."""

from __future__ import annotations

import pytest
import torch

from vtonlib.attention import AttentionRecord, expected_coordinates
from vtonlib.attention.zoo import attention_zoo, record_of_map
from vtonlib.evaluation import end_point_error
from vtonlib.grids import coordinate_grid, total_variation
from vtonlib.losses.entropy import attention_entropy
from vtonlib.losses.total_variation import attention_total_variation, paper_total_variation

FLOW, MASK = coordinate_grid(16, 12)[None], torch.ones(1, 1, 16, 12)


def error(record: AttentionRecord) -> float:
    return float(end_point_error(expected_coordinates(record), FLOW, MASK, lattice=(16, 12)))


@pytest.mark.disagreement("D1")
@pytest.mark.parametrize("loss", [attention_total_variation, paper_total_variation])
def test_the_least_value_is_not_at_the_right_map(loss) -> None:
    zoo = attention_zoo(FLOW)
    found = {name: float(loss(record, MASK)) for name, record in zoo.items()}
    errors = {name: error(record) for name, record in zoo.items()}
    assert max(found["uniform"], found["one key"]) < 1e-3 * found["truth"]
    assert min(errors["uniform"], errors["one key"]) > 4 and errors["truth"] < 1e-3
    assert found["flip"] == pytest.approx(found["truth"], rel=1e-4) and errors["flip"] > 4
    both = {name: found[name] + float(attention_entropy(record, MASK)) for name, record in zoo.items()}
    assert both["one key"] < 1e-3 < both["truth"] < both["uniform"]  # entropy removes one of the two


@pytest.mark.disagreement("D2")
def test_an_even_ramp_and_one_jump_cost_the_same() -> None:
    rows = torch.arange(32.0).view(1, 32, 1, 1)
    step, mask = 31 * (rows >= 16).float(), torch.ones(1, 1, 32, 1)
    ramp, jump = (float(total_variation(field, mask)) * 31 for field in (rows, step))
    assert ramp == jump == 31
    squares = [float(field.diff(dim=1).square().sum()) for field in (rows, step)]
    assert squares == [31, 961]  # squared differences would tell


def test_the_two_step_map_of_the_exercise() -> None:
    """All of total variation's number is right, and 48 keys of 768 are looked at."""
    grid, rows = coordinate_grid(32, 24), torch.arange(32)
    target = 31 * (rows >= 16).long()
    keys = (target[:, None] * 24 + torch.arange(24)).flatten()
    lattice = attention_zoo(grid[None])["truth"].query_grid
    record = record_of_map(torch.nn.functional.one_hot(keys, 768).float()[None], lattice, lattice)
    mask = torch.ones(1, 1, 32, 24)
    assert float(attention_total_variation(record, mask)) == pytest.approx(2, abs=1e-3)
    off = end_point_error(expected_coordinates(record), grid[None], mask, lattice=lattice)
    assert float(off) == pytest.approx(7.5, abs=1e-3) and len(keys.unique()) == 48
