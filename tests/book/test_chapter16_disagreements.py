"""Where a loss on attention lives: inside the layer, as released, or outside."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from vtonlib.attention import AttentionCore, AttentionRecord, AttentionTap, Grid
from vtonlib.losses.total_variation import attention_total_variation
from vtonlib.mutation.study import rewrites
from vtonlib.tasks.supervision import Shaping, shape

GRID = Grid(4, 3)


class WithLoss(nn.Module):
    """A layer that is told of its loss, as described of the released code."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, tv_loss_type: str) -> tuple[Tensor, Tensor]:
        assert tv_loss_type
        record = AttentionRecord(q, k, q.shape[-1] ** -0.5, GRID, (GRID,))
        return record.weights() @ v, 0.001 * attention_total_variation(record, mask)


class Fallback(nn.Module):
    """Another attention for its place, which knows no loss."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return (q.shape[-1] ** -0.5 * q @ k.mT).softmax(-1) @ v


@pytest.mark.disagreement("D110")
def test_a_loss_outside_is_the_same_and_the_kernel_may_be_exchanged() -> None:
    g = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 2, 12, 5, generator=g).requires_grad_() for _ in range(3))
    mask = (torch.rand(2, 1, 4, 3, generator=g) > 0.3).float()
    output, inside = WithLoss()(q, k, v, mask, "tv")
    with pytest.raises(TypeError):
        Fallback()(q, k, v, mask, "tv")
    settings, model = replace(Shaping(layers="*"), total_variation=0.001), nn.ModuleDict({"core": AttentionCore()})
    terms = []
    for mutant in (None, rewrites()["attention some rows at a time"]):
        with AttentionTap(model) as tap:
            if mutant:
                with mutant.applied():
                    found = model["core"](q, k, v, query_grid=GRID, key_grids=(GRID,))
            else:
                found = model["core"](q, k, v, query_grid=GRID, key_grids=(GRID,))
        torch.testing.assert_close(found, output)
        terms.append(shape(settings, tap, mask, torch.zeros(2, dtype=torch.long))["total_variation"])
    torch.testing.assert_close(terms[0], inside)
    torch.testing.assert_close(terms[0], terms[1])
