"""A garment altered at one place, where pictures differ, and what maps have in common."""

from __future__ import annotations

import torch

from vtonlib.attention import Grid
from vtonlib.evaluation.altered import altered_garment, change_map, overlap, place_disc

TOKENS = Grid(8, 6)


def test_only_cloth_within_a_token_is_altered() -> None:
    garment = torch.rand(2, 3, 32, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1
    mask = torch.ones(2, 1, 32, 24)
    mask[1, :, :16] = 0
    place = torch.tensor([[0.0, 0.5], [0.0, -0.9]])
    altered = altered_garment(garment, mask, place, TOKENS)
    differs = (altered - garment).abs().amax(1) > 0
    assert torch.equal(differs[:1], place_disc(place, (32, 24), TOKENS)[:1, 0] > 0) and not differs[1].any()
    assert altered.abs().max() <= 1
    moved = (altered - garment).abs()[0][:, differs[0]]
    torch.testing.assert_close(moved, torch.ones_like(moved))
    rows, columns = differs[0].nonzero().unbind(-1)
    assert 6 <= len(rows.unique()) <= 10 and 6 <= len(columns.unique()) <= 10  # two tokens of four pixels across


def test_the_change_lies_where_the_pictures_differ() -> None:
    one = torch.zeros(2, 3, 32, 24)
    other = one.clone()
    other[0, :, 4:8, 8:12] = 0.5
    change = change_map(one, other, TOKENS)
    assert change[0, 1, 2] == 1 and change[0].sum() == 1 and not change[1].any()


def test_overlap_by_hand() -> None:
    a = torch.tensor([[[0.5, 0.5, 0.0]], [[1.0, 0.0, 0.0]], [[0.2, 0.3, 0.5]]])
    b = torch.tensor([[[0.0, 0.5, 0.5]], [[0.0, 0.0, 1.0]], [[0.2, 0.3, 0.5]]])
    torch.testing.assert_close(overlap(a, b), torch.tensor([0.5, 0.0, 1.0]))
    torch.testing.assert_close(overlap(a, b), 1 - (a - b).abs().sum((1, 2)) / 2)
