"""Rows of benchmarks/one_table.py that name places and paint nothing: the garment is pasted through their flow."""

from __future__ import annotations

import torch
from torch import Tensor

from vtonlib.attention import expected_coordinates
from vtonlib.data.batch import TryOnBatch
from vtonlib.evaluation.baselines import aligned_masks_flow, paste
from vtonlib.grids import resize_flow, warp
from vtonlib.tasks.matcher import MatcherTask
from vtonlib.thin_plate import fit_thin_plate, thin_plate_flow

FLATTEST = 0.2
"""Joints on a line tell nothing of what lies beside it: how wide a set must be, as a share of how long it is."""


def joints_flow(batch: TryOnBatch) -> Tensor:
    """A thin plate through the joints on which the garment is seen: each is told its true place in the garment.

    As if a person had marked the joints in both pictures. Where fewer than three joints are covered, or all lie on a
    line, the masks are laid over each other.
    """
    flow = aligned_masks_flow(batch)
    at = batch.keypoints.nan_to_num(2.0)[:, None]
    seen = warp(batch.flow_mask, at)[:, 0, 0] * (at[:, 0].abs() <= 1).all(-1)
    places = warp((batch.flow * batch.flow_mask.movedim(1, -1)).movedim(-1, 1), at)[:, :, 0] / seen[:, None]
    for i, known in enumerate(seen > 0.5):
        points, targets = batch.keypoints[i, known], places[i][:, known].mT
        if len(points) < 3:
            continue
        lengths = torch.linalg.svdvals(points - points.mean(0))
        if lengths[1] > FLATTEST * lengths[0]:
            flow[i] = thin_plate_flow(fit_thin_plate(points[None], targets[None]), *batch.size)[0]
    return flow


def matched(task: MatcherTask, batch: TryOnBatch) -> tuple[Tensor, Tensor]:
    """The garment pasted through the matcher's centres, and their flow."""
    flow = resize_flow(expected_coordinates(task.attend(batch)), *batch.size)
    return paste(batch, flow, batch.agnostic_mask), flow
