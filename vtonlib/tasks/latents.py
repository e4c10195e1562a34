"""Examples as latents: what a latent diffusion model trains on, computed once where that is cheaper."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from diffusers import AutoencoderKL
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import Split, TryOnSource
from vtonlib.models.autoencoder import encode
from vtonlib.models.conditions import Conditions, encode_conditions

CHUNK = 64
"""Examples encoded together. It never changes, so that latents do not depend on when they were computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentBatch:
    """A :class:`TryOnBatch` as latents: the target and the conditions."""

    person: Float[Tensor, "b 4 h w"]
    agnostic: Float[Tensor, "b 4 h w"]
    keep: Float[Tensor, "b 1 h w"]
    dense_pose: Float[Tensor, "b 4 h w"]
    garment: Float[Tensor, "b 4 h w"]
    index: Int[Tensor, " b"]

    def __len__(self) -> int:
        return len(self.index)

    @property
    def conditions(self) -> Conditions:
        """What the denoiser is told."""
        return Conditions(self.agnostic, self.keep, self.dense_pose, self.garment)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Self:
        """The same batch on another device."""
        moved = {f.name: getattr(self, f.name).to(device, non_blocking=non_blocking) for f in fields(self)}
        return replace(self, **moved)

    def __getitem__(self, rows: slice | Tensor | list[int]) -> Self:
        """Some examples of the batch, as a batch."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def encode_batch(autoencoder: AutoencoderKL, batch: TryOnBatch) -> LatentBatch:
    """The latents of a batch."""
    conditions = encode_conditions(
        autoencoder,
        agnostic=batch.agnostic,
        agnostic_mask=batch.agnostic_mask,
        dense_pose=batch.dense_pose,
        garment=batch.garment,
    )
    return LatentBatch(person=encode(autoencoder, batch.person), index=batch.index, **conditions._asdict())


class LatentSource:
    """The first ``count`` training examples of a source, encoded once and kept in memory (13 kB each at 64x48).

    On a CPU encoding costs as much as training, so a small model sees the same examples several times instead.
    """

    def __init__(self, source: TryOnSource, autoencoder: AutoencoderKL, count: int) -> None:
        device = autoencoder.device
        chunks = torch.arange(min(count, source.size("train"))).split(CHUNK)
        encoded = [encode_batch(autoencoder, source.paired("train", chunk).to(device)).to("cpu") for chunk in chunks]
        names = [f.name for f in fields(LatentBatch)]
        self.examples = LatentBatch(**{name: torch.cat([getattr(e, name) for e in encoded]) for name in names})

    def size(self, split: Split) -> int:
        """The number of encoded examples."""
        return len(self.examples)

    def paired(self, split: Split, indices: Int[Tensor, " b"]) -> LatentBatch:
        """The latents of these training examples."""
        return self.examples[indices]
