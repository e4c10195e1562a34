"""Telling a model's attention where to look, as a term of its loss.

Book: sec-attention-supervision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.attention import AttentionRecord
from vtonlib.data.moving import read_known
from vtonlib.grids import coordinate_grid
from vtonlib.losses.attention import coordinate_supervision, row_supervision
from vtonlib.settings import Natural, Range, Settings, Weight

Time = Annotated[int, Range(0, 1000)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Supervision(Settings):
    """Which attentions are told the truth, how, and when; by default none.

    Only the world knows the true flow: of photographs nothing is supervised, and the terms are 0.
    """

    coordinates: Weight = 0.0
    """Weight of :func:`~vtonlib.losses.attention.coordinate_supervision`, averaged over the layers."""
    rows: Weight = 0.0
    """Weight of :func:`~vtonlib.losses.attention.row_supervision`, averaged over the layers."""
    layers: str = "unet.warps.*.attn2.core"
    """Shell pattern of the attentions, by their paths in the task."""
    from_step: Natural = 0
    """First step with supervision."""
    until_step: Natural = 0
    """First step without it again; 0: never."""
    min_time: Time = 0
    """Only samples at this noise level or a higher one are supervised,"""
    max_time: Time = 1000
    """and at this one or a lower one."""

    @property
    def active(self) -> bool:
        """Whether anything is supervised at some step."""
        return max(self.coordinates, self.rows) > 0

    def at(self, step: int) -> bool:
        """Whether anything is supervised at a step."""
        return self.active and self.from_step <= step and not 0 < self.until_step <= step


def supervise(
    settings: Supervision,
    records: Mapping[str, AttentionRecord],
    flow: Float[Tensor, "b h w 2"],
    flow_mask: Float[Tensor, "b 1 h w"],
    time: Int[Tensor, " b"],
) -> dict[str, Tensor]:
    """The weighted terms, ``coordinates`` and ``rows``, of those whose weight is not 0.

    Args:
        settings: weights and noise levels.
        records: the attentions, by name.
        flow: the true correspondence, on any lattice: each attention reads it on its own.
        flow_mask: where it is known.
        time: noise level of each sample.
    """
    chosen = (time >= settings.min_time) & (time <= settings.max_time)
    kinds = {
        "coordinates": (settings.coordinates, coordinate_supervision),
        "rows": (settings.rows, row_supervision),
    }
    terms: dict[str, list[Tensor]] = {name: [] for name, (weight, _) in kinds.items() if weight}
    for record in records.values():
        record.check_differentiable()
        places = coordinate_grid(*record.query_grid, device=flow.device).expand(len(flow), -1, -1, -1)
        known, mask = read_known(flow.float(), flow_mask.float(), places)
        mask = mask * chosen.view(-1, 1, 1, 1)
        for name, values in terms.items():
            values.append(kinds[name][1](record, known, mask))
    return {name: kinds[name][0] * torch.stack(values).mean() for name, values in terms.items()}
