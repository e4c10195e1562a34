"""Where Leffa's loss pushes a look: against the closed form of even attention, and by small steps."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.evaluation.tilts import tilts
from vtonlib.grids import coordinate_grid, to_pixels
from vtonlib.losses.flow import leffa

GRID = Grid(3, 5)
N = GRID.tokens


def record(heads: int = 2, grids: tuple[Grid, ...] = (GRID,), scale: float = 0.5) -> AttentionRecord:
    torch.manual_seed(0)
    query = torch.randn(2, heads, N, 4, dtype=torch.double)
    key = torch.randn(2, heads, sum(g.tokens for g in grids), 4, dtype=torch.double)
    return AttentionRecord(query, key, scale, GRID, grids)


def pictures(height: int = 3, width: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    reference, target = torch.randn(2, 2, 3, height, width, dtype=torch.double)
    return reference, target, torch.ones(2, 1, height, width, dtype=torch.double)


def test_a_tilt_is_the_way_down_of_any_loss() -> None:
    reference, target, mask = pictures(6, 10)
    loss = partial(leffa, reference=reference, target=target, mask=mask)
    base, small = record(), 1e-6
    places = to_pixels(coordinate_grid(*GRID, dtype=torch.double), *GRID).flatten(0, 1)
    found = tilts(base, loss)
    for b, i, axis in ((0, 0, 0), (1, 7, 1), (1, N - 1, 0)):
        values = []
        for sign in (1, -1):  # one more channel, that only this query has
            extra = torch.zeros(*base.query.shape[:3], 1, dtype=torch.double)
            extra[b, :, i] = sign * small
            along = (places[:, axis] / base.scale).expand(*base.key.shape[:2], -1)[..., None]
            moved = replace(base, query=torch.cat((base.query, extra), -1), key=torch.cat((base.key, along), -1))
            values.append(float(loss(moved)))
        assert float(found[b, i, axis]) == pytest.approx((values[1] - values[0]) / (2 * small), rel=1e-4, abs=1e-9)


def test_from_even_attention_every_push_reads_one_place_of_the_reference() -> None:
    reference, target, mask = pictures()  # an odd lattice: the middle is a pixel
    even = replace(record(), query=torch.zeros_like(record().query))
    found = tilts(even, partial(leffa, reference=reference, target=target, mask=mask, temperature=2.0))
    middle = reference[:, :, 1, 2]
    steps = torch.arange(5) - 2.0, torch.arange(3) - 1.0
    variance = torch.stack([s.square().mean() for s in steps]).double()
    error = middle[:, :, None] - target.flatten(2)
    # of the two slopes that meet at a pixel, bilinear reading has the one ahead
    ahead = torch.stack((reference[:, :, 1, 3] - middle, reference[:, :, 2, 2] - middle), dim=-1)
    pushes = -2 * torch.einsum("bcn,bcd->bnd", error, ahead) * variance / (2.0 * error.numel())
    torch.testing.assert_close(found, pushes)
    changed = reference + torch.randn_like(reference) * (torch.arange(15).reshape(3, 5) < 7)
    changed[:, :, 1, 1] += 1.0
    torch.testing.assert_close(tilts(even, partial(leffa, reference=changed, target=target, mask=mask)), found)


def test_where_keys_are_the_pictures_own_too_only_the_references_are_tilted() -> None:
    reference, target, mask = pictures()
    joined = record(grids=(GRID, GRID))
    loss = partial(leffa, reference=reference, target=target, mask=mask)
    torch.testing.assert_close(tilts(joined, loss), tilts(joined.per_key_grid()[-1], loss))
