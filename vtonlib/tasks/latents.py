"""Examples as latents: what a latent diffusion model trains on, computed once where that is cheaper."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers import AutoencoderKL
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.source import Split, TryOnSource
from vtonlib.models.autoencoder import encode
from vtonlib.models.conditions import Conditions, encode_conditions
from vtonlib.records import BatchRecord

CHUNK = 64
"""Examples encoded together. It never changes, so that latents do not depend on when they were computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentBatch(BatchRecord):
    """A :class:`TryOnBatch` as latents: the target and the conditions."""

    person: Float[Tensor, "b 4 h w"]
    """Of the person: the target."""
    agnostic: Float[Tensor, "b 4 h w"]
    """Of the agnostic image."""
    keep: Float[Tensor, "b 1 h w"]
    """1 = keep, 0 = paint."""
    dense_pose: Float[Tensor, "b 4 h w"]
    """Of the body's surface."""
    garment: Float[Tensor, "b 4 h w"]
    """Of the flat garment."""
    index: Int[Tensor, " b"]
    """Number of the example in its split."""

    @property
    def conditions(self) -> Conditions:
        """What the denoiser is told."""
        return Conditions(self.agnostic, self.keep, self.dense_pose, self.garment)


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
        self.examples = LatentBatch.concatenate(encoded)

    def size(self, split: Split) -> int:
        """The number of encoded examples."""
        return len(self.examples)

    def paired(self, split: Split, indices: Int[Tensor, " b"]) -> LatentBatch:
        """The latents of these training examples."""
        return self.examples[indices]
