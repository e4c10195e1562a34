"""Examples as latents: what a latent diffusion model trains on, computed once where that is cheaper."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers import AutoencoderKL
from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.data.augment import Augmentation, augment, seeded
from vtonlib.data.batch import TryOnBatch
from vtonlib.data.moving import DensePose, read_known
from vtonlib.data.source import Split, TryOnSource
from vtonlib.data.world import World
from vtonlib.grids import coordinate_grid, resize_mask
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
    flow: Float[Tensor, "b h w 2"]
    """True correspondence of the latents, as in :class:`TryOnBatch`."""
    flow_mask: Float[Tensor, "b 1 h w"]
    """Where it is known, 0 or 1."""
    worn: Float[Tensor, "b 1 h w"]
    """The share of each latent that the garment covers."""
    index: Int[Tensor, " b"]
    """Number of the example in its split."""

    @property
    def conditions(self) -> Conditions:
        """What the denoiser is told."""
        return Conditions(self.agnostic, self.keep, self.dense_pose, self.garment)


def encode_batch(autoencoder: AutoencoderKL, batch: TryOnBatch) -> LatentBatch:
    """The latents of a batch, and the true flow on their lattice, read at each latent's place."""
    conditions = encode_conditions(autoencoder, **batch.inputs)
    places = coordinate_grid(*conditions.garment.shape[-2:], device=batch.flow.device)
    flow, known = read_known(batch.flow, batch.flow_mask, places.expand(len(batch), -1, -1, -1))
    return LatentBatch(
        person=encode(autoencoder, batch.person),
        flow=flow,
        flow_mask=known,
        worn=resize_mask(batch.garment_region, *places.shape[:2]),
        index=batch.index,
        **conditions._asdict(),
    )


def dense_pose_of(source: TryOnSource) -> DensePose:
    """What a source's dense pose holds: the world's surface coordinates, or pictures that a folder was given."""
    return "surface" if isinstance(source, World) else "picture"


class LatentSource:
    """The first ``count`` training examples of a source, encoded once and kept in memory.

    On a CPU encoding costs as much as training, so a small model sees the same examples several times instead. What is
    augmented is augmented in pixels and has to be encoded again: here each example is kept in ``copies`` variants, each
    a function of (seed, copy, example). Variant c of example i is number c * count + i.

    An example is kept in 21 numbers for each latent, in float32: 65 kB for 32x24 latents, 258 kB for 64x48.
    """

    def __init__(
        self,
        source: TryOnSource,
        autoencoder: AutoencoderKL,
        count: int,
        *,
        augmentation: Augmentation | None = None,
        copies: int = 1,
        seed: int = 0,
    ) -> None:
        kept: list[list[LatentBatch]] = [[] for _ in range(copies)]
        for chunk, indices in enumerate(torch.arange(min(count, source.size("train"))).split(CHUNK)):
            batch = source.paired("train", indices)
            for copy, variants in enumerate(kept):
                varied = batch
                if augmentation and augmentation.active:
                    generator = seeded(seed, copy, chunk)
                    varied = augment(batch, augmentation, generator=generator, dense_pose=dense_pose_of(source))
                variants.append(encode_batch(autoencoder, varied.to(autoencoder.device)).to("cpu"))
        self.examples = LatentBatch.concatenate([part for variants in kept for part in variants])

    def size(self, split: Split) -> int:
        """The number of encoded examples, variants counted."""
        return len(self.examples)

    def paired(self, split: Split, indices: Int[Tensor, " b"]) -> LatentBatch:
        """The latents of these training examples."""
        return self.examples[indices]
