"""A small source of examples for tests of folders: soft ellipses on a gradient, every field known."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from vtonlib.data.batch import KEYPOINTS, PARSE_LABELS, TryOnBatch
from vtonlib.data.source import SPLITS, Split
from vtonlib.grids import coordinate_grid


def _ellipse(grid: Tensor, x: float, y: float, rx: float, ry: float) -> Tensor:
    """A mask [h w] with edges about a pixel wide."""
    distance = ((grid[..., 0] - x) / rx) ** 2 + ((grid[..., 1] - y) / ry) ** 2
    return ((1.2 - distance) * 4).clamp(0, 1)


class PaintedSource:
    """Example i of a split is a function of (split, i)."""

    def __init__(self, count: int = 4, height: int = 40, width: int = 30) -> None:
        self.count, self.height, self.width = count, height, width

    def size(self, split: Split) -> int:
        return self.count

    def paired(self, split: Split, indices: Tensor) -> TryOnBatch:
        return _stack([self._example(split, int(i)) for i in indices], indices)

    def unpaired(self, split: Split, indices: Tensor) -> TryOnBatch:
        others = _stack([self._example(split, int(i) + 1000) for i in indices], indices)
        return replace(self.paired(split, indices), garment=others.garment, garment_mask=others.garment_mask)

    def _example(self, split: Split, index: int) -> dict[str, Tensor]:
        g = torch.Generator().manual_seed(10_000 * SPLITS.index(split) + index)
        grid = coordinate_grid(self.height, self.width)
        shift = (torch.rand(2, generator=g) * 0.2 - 0.1).tolist()
        colour = torch.rand(3, 1, 1, generator=g) * 1.6 - 0.8
        stripes = torch.sin(grid[..., 0] * 9 + grid[..., 1] * (3 + index % 5)) * 0.2
        region = _ellipse(grid, *shift, 0.4, 0.35)
        painted = _ellipse(grid, *shift, 0.6, 0.55)
        worn = (region > 0.99).float()
        person = torch.where(
            region > 0.5, colour + stripes, grid[..., 1] * 0.5 + torch.linspace(0, 0.4, 3)[:, None, None]
        )
        garment_mask = _ellipse(grid, 0, 0, 0.7, 0.8)
        keypoints = torch.rand(len(KEYPOINTS), 2, generator=g) * 1.8 - 0.9
        keypoints[index % len(KEYPOINTS)] = torch.nan
        labels = torch.randint(len(PARSE_LABELS), (self.height, self.width), generator=g)
        return {
            "person": person.clamp(-1, 1),
            "garment": (1 - garment_mask) + garment_mask * (colour + stripes).clamp(-1, 0.9),
            "garment_mask": garment_mask[None],
            "agnostic": person.clamp(-1, 1) * (1 - painted),
            "agnostic_mask": painted[None],
            "dense_pose": torch.stack((region, region * grid[..., 0], region * grid[..., 1])) * 2
            - 1
            + (1 - region) * 0,
            "keypoints": keypoints,
            "parse": (labels == torch.arange(len(PARSE_LABELS))[:, None, None]).float(),
            "garment_region": region[None],
            "flow": (grid * 1.5) * worn[..., None],
            "flow_mask": worn[None],
            "warped_garment": 1 - region + region * colour,
            "misalign_mask": (region * (grid[..., 0] > shift[0] + 0.2))[None],
        }


def _stack(examples: list[dict[str, Tensor]], indices: Tensor) -> TryOnBatch:
    columns = {name: torch.stack([example[name] for example in examples]) for name in examples[0]}
    columns = {n: c.clamp(-1, 1) if n in {"warped_garment", "garment", "dense_pose"} else c for n, c in columns.items()}
    return TryOnBatch(**columns, index=indices)
