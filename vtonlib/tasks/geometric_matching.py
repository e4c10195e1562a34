"""Training VITON-HD's second stage: bend the garment onto the person by a thin-plate spline.

Book: sec-alias-generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from jaxtyping import Float
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.batch import TryOnBatch
from vtonlib.losses.warping import lattice_bending, warping_l1
from vtonlib.models.geometric_matching import GeometricMatcher
from vtonlib.pipelines.alias import matching_input, warp_garment
from vtonlib.settings import Count, Natural, Range, Settings, Weight
from vtonlib.tasks.base import Phase, Task

Lines = Annotated[int, Range(2, 16)]


@dataclass(frozen=True, kw_only=True, slots=True)
class GeometricMatchingConfig(Settings):
    """Shape of the matcher and of its loss."""

    channels: tuple[Count, ...] = (32, 48, 64)
    """Channels of the two feature extractors, layer by layer."""
    regressor: tuple[Count, ...] = (64, 48, 32)
    """Channels of the convolutions that read the correlations."""
    strided: Natural = 1
    """How many of those convolutions halve the size."""
    control: tuple[Lines, Lines] = (5, 5)
    """Rows and columns of the lattice."""
    bending: Weight = 0.04
    """Weight of the lattice's bending, VITON-HD's lambda_const."""


class GeometricMatchingTask(Task):
    """One phase, ``matcher``: the warped garment should look as the worn one does."""

    averaged = ("matcher",)

    def __init__(self, config: GeometricMatchingConfig, data: DataConfig) -> None:
        super().__init__()
        self.config = config
        self.matcher = GeometricMatcher(
            size=(data.height, data.width),
            channels=config.channels,
            regressor=config.regressor,
            strided=config.strided,
            control=config.control,
        )
        self.phases = (Phase(name="matcher", trains=("matcher",), loss=self.matcher_loss, betas=(0.5, 0.999)),)

    def warped(self, batch: TryOnBatch) -> tuple[Tensor, Tensor, Tensor]:
        """The moved lattice, the garment through its flow, and its mask."""
        person = matching_input(batch.garment_region, batch.dense_pose, batch.agnostic)
        offsets = self.matcher.offsets(person, batch.garment)
        return offsets, *warp_garment(batch.garment, batch.garment_mask, self.matcher.flow(offsets, *batch.size))

    def matcher_loss(self, batch: TryOnBatch) -> dict[str, Tensor]:
        """The difference of warped and worn garment, of their masks, and the lattice's bending."""
        offsets, garment, covered = self.warped(batch)
        return {
            "garment": warping_l1(garment, batch.person * batch.garment_region),
            "mask": warping_l1(covered, batch.garment_region),
            "bending": self.config.bending * lattice_bending(offsets),
        }

    def sample(self, batch: TryOnBatch) -> tuple[Float[Tensor, "n 3 h w"], ...]:
        """Garment, warped garment, and the person."""
        return batch.garment, self.warped(batch)[1], batch.person

    def save(self, folder: Path) -> None:
        """The matcher, as its ``from_pretrained`` reads it."""
        self.matcher.save_pretrained(folder / "matcher")
