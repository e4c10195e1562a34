"""Small sources of examples for tests of folders: three categories of garments, and pose transfer."""

from __future__ import annotations

from dataclasses import replace

import torch
from painted_source import PaintedSource
from torch import Tensor

from vtonlib.data.batch import PARSE_LABELS, TryOnBatch
from vtonlib.data.source import Split

WORN = ("upper_garment", "lower_garment", "dress")


class Dressed(PaintedSource):
    """Persons with faces and arms; example i wears an upper garment, a lower one or a dress as i % 3 is 0, 1 or 2."""

    def paired(self, split: Split, indices: Tensor) -> TryOnBatch:
        batch = super().paired(split, indices)
        labels = torch.zeros(len(batch), self.height, self.width, dtype=torch.long)
        labels[:, : self.height // 8] = PARSE_LABELS.index("face")
        labels[:, self.height // 2 :, -3:] = PARSE_LABELS.index("left_arm")
        for row, index in enumerate(indices):
            labels[row, batch.garment_region[row, 0] > 0.5] = PARSE_LABELS.index(WORN[int(index) % 3])
        channels = torch.arange(len(PARSE_LABELS))[None, :, None, None]
        return replace(batch, parse=(labels[:, None] == channels).float())


class Posed(PaintedSource):
    """Pose transfer: the garment is a reference picture of the person."""

    def paired(self, split: Split, indices: Tensor) -> TryOnBatch:
        return _posed(super().paired(split, indices))

    def unpaired(self, split: Split, indices: Tensor) -> TryOnBatch:
        others = super().unpaired(split, indices)
        return _posed(replace(super().paired(split, indices), garment=others.garment))


def _posed(batch: TryOnBatch) -> TryOnBatch:
    return replace(
        batch,
        agnostic=torch.zeros_like(batch.agnostic),
        agnostic_mask=torch.ones_like(batch.agnostic_mask),
        warped_garment=batch.garment,
        misalign_mask=batch.garment_region * (1 - batch.garment_mask),
    )
