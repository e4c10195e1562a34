"""A batch made by hand, whose truth is an affine map: the tests of evaluation need no renderer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from jaxtyping import config

from vtonlib.data.batch import KEYPOINTS, PARSE_LABELS, TryOnBatch
from vtonlib.grids import coordinate_grid, warp

HEIGHT, WIDTH = 32, 24


@pytest.fixture
def as_installed() -> Iterator[None]:
    """Shapes are not checked, as for a reader: so that the library's own messages are what is tested."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


@pytest.fixture
def hand_batch() -> TryOnBatch:
    """Three samples at 32x24: (x, y) comes from (0.8x + 0.1, 0.7y - 0.1) inside a rectangle; smooth random colours."""
    b, h, w = 3, HEIGHT, WIDTH
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(b, 3, 4, 3, generator=generator) * 2 - 1
    grid = coordinate_grid(h, w).expand(b, h, w, 2)
    garment = warp(coarse, grid)
    garment_mask = torch.zeros(b, 1, h, w)
    garment_mask[..., 2:-2, 2:-2] = 1
    mask = torch.zeros(b, 1, h, w)
    mask[..., 6:26, 5:20] = 1
    agnostic_mask = torch.zeros(b, 1, h, w)
    agnostic_mask[..., 4:28, 3:22] = 1
    flow = (grid * torch.tensor([0.8, 0.7]) + torch.tensor([0.1, -0.1])) * mask.movedim(1, -1)
    background = torch.rand(b, 3, h, w, generator=generator) * 2 - 1
    return TryOnBatch(
        person=torch.lerp(background, warp(garment, flow), mask),
        garment=garment,
        garment_mask=garment_mask,
        agnostic=background * (1 - agnostic_mask),
        agnostic_mask=agnostic_mask,
        dense_pose=torch.zeros(b, 3, h, w),
        keypoints=torch.zeros(b, len(KEYPOINTS), 2),
        parse=torch.zeros(b, len(PARSE_LABELS), h, w),
        garment_region=mask,
        flow=flow,
        flow_mask=mask,
        warped_garment=garment,
        misalign_mask=torch.zeros(b, 1, h, w),
        index=torch.arange(b),
    )
