"""Training the matcher: it learns where to look by having to copy the right colours.

Book: sec-matcher.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.attention import AttentionRecord, AttentionTap
from vtonlib.data.batch import TryOnBatch
from vtonlib.losses.matching import colour_copying
from vtonlib.models.matcher import KeysSee, Matcher
from vtonlib.settings import Count, Natural, Settings
from vtonlib.tasks.base import Phase, Task
from vtonlib.tasks.supervision import Following, Shaping, Supervision, follow, observe, shape, supervise


@dataclass(frozen=True, kw_only=True, slots=True)
class MatcherConfig(Settings):
    """Shape of the model."""

    channels: Count = 32
    """Width of the two encoders."""
    head_dim: Count = 16
    """Width of a query and of a key."""
    heads: Count = 1
    """Attention heads."""
    patch_size: Count = 4
    """Side of a token, in pixels."""
    layers: Natural = 3
    """Residual convolutions of each encoder."""
    keys_see: KeysSee = "garment"
    """What the keys are made of besides coordinates; ``place`` trains the blind twin."""
    supervision: Supervision = field(default_factory=partial(Supervision, layers="matcher.core"))
    """Attention told the true correspondence; a matcher has the one noise level 0."""
    shaping: Shaping = field(default_factory=partial(Shaping, layers="matcher.core"))
    """Losses on attention that need no truth."""
    following: Following = field(default_factory=partial(Following, layers="matcher.core"))
    """Leffa's loss."""


class MatcherTask(Task):
    """One phase, ``matcher``: copy the garment onto the person."""

    averaged = ("matcher",)

    def __init__(self, config: MatcherConfig) -> None:
        super().__init__()
        self.config = config
        self.matcher = Matcher(
            channels=config.channels,
            head_dim=config.head_dim,
            heads=config.heads,
            patch_size=config.patch_size,
            layers=config.layers,
            keys_see=config.keys_see,
        )
        self.phases = (Phase(name="matcher", trains=("matcher",), loss=self.matcher_loss),)

    def copy(self, batch: TryOnBatch, *, shown: Float[Tensor, "b 3 h w"] | None = None) -> Float[Tensor, "b 3 h w"]:
        """The garment's colours on the person, as the matcher puts them; ``shown`` as in :class:`Matcher`."""
        person = (batch.agnostic, batch.agnostic_mask, batch.dense_pose)
        return self.matcher(*person, batch.garment, batch.garment_mask, shown=shown)

    @torch.no_grad()
    def attend(self, batch: TryOnBatch, *, shown: Float[Tensor, "b 3 h w"] | None = None) -> AttentionRecord:
        """The attention of one batch."""
        with AttentionTap(self.matcher) as tap:
            self.copy(batch, shown=shown)
        return tap["core"]

    def matcher_loss(self, batch: TryOnBatch) -> dict[str, Tensor]:
        """The difference of the copied garment and the person, where it is worn; and the losses on attention."""
        supervision, shaping, following = self.config.supervision, self.config.shaping, self.config.following
        with observe(self, supervision, shaping, following) as (told, shaped, followed):
            copied = self.copy(batch)
        time = torch.zeros_like(batch.index)
        terms = {"copy": colour_copying(copied, batch.person, batch.garment_region)}
        terms |= supervise(supervision, told, batch.flow, batch.flow_mask, time)
        terms |= shape(shaping, shaped, batch.garment_region, time)
        return terms | follow(following, followed, (batch.garment, batch.person), batch.garment_region, time)

    def sample(self, batch: TryOnBatch) -> tuple[Float[Tensor, "n 3 h w"], ...]:
        """(garments, persons with the copied garment in its region, persons) for the picture grid."""
        return batch.garment, torch.lerp(batch.agnostic, self.copy(batch), batch.garment_region), batch.person
