"""What the notes say of entropy and of attribution, and what the book makes of it."""

from __future__ import annotations

import pytest
import torch

from vtonlib.attention import AttentionRecord, Grid
from vtonlib.attention.attribution import attribution_map
from vtonlib.losses.entropy import attention_entropy

QUERIES, KEYS = Grid(2, 3), Grid(4, 5)


def record(seed: int = 0) -> AttentionRecord:
    g = torch.Generator().manual_seed(seed)
    query, key = (torch.randn(1, 2, grid.tokens, 4, generator=g, dtype=torch.float64) for grid in (QUERIES, KEYS))
    return AttentionRecord(query, key, 0.8, QUERIES, (KEYS,))


@pytest.mark.disagreement("D55")
@pytest.mark.parametrize("worn", [1, 3, 5])
def test_a_map_multiplied_by_the_mask_only_changes_the_divisor(worn: int) -> None:
    r, mask = record(), torch.zeros(1, 1, *QUERIES, dtype=torch.float64)
    mask.view(-1)[:worn] = 1
    multiplied = r.weights() * mask.flatten()[:, None]
    assert (multiplied * multiplied.log()).sum().isnan()  # as the formula is written
    as_product = torch.special.entr(multiplied).sum(-1).mean()
    chosen = attention_entropy(r, mask)
    torch.testing.assert_close(as_product, chosen * worn / QUERIES.tokens)  # smaller, the smaller the garment
    assert as_product < chosen


@pytest.mark.disagreement("D56")
def test_one_sum_over_layers_is_not_one_vote_each() -> None:
    """Layers on finer lattices have more keys: resized without renormalising, a layer's weight depends on its size."""
    place = torch.zeros(1, 2)
    coarse, fine = Grid(2, 2), Grid(4, 4)
    g = torch.Generator().manual_seed(1)
    layers = [
        AttentionRecord(
            torch.randn(1, 1, 1, 3, generator=g), torch.randn(1, 1, n.tokens, 3, generator=g), 1.0, Grid(1, 1), (n,)
        )
        for n in (coarse, fine)
    ]
    ours = attribution_map(layers, place, fine)
    rows = [r.weights()[:, 0].unflatten(-1, r.key_grids[0]) for r in layers]
    rough = torch.nn.functional.interpolate(rows[0], size=fine, mode="bilinear", align_corners=True)
    summed = (rough + rows[1])[:, 0]
    assert float(ours.sum()) == pytest.approx(1) and float(rough.sum()) > 2
    apart = (summed / summed.sum() - ours).abs().sum()
    assert apart > 0.05
