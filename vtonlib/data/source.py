"""What every source of examples offers, and the endless stream of batches that training reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

from vtonlib.data.batch import TryOnBatch

Split = Literal["train", "test", "cross"]
SPLITS: tuple[Split, ...] = ("train", "test", "cross")
"""``cross`` is the cross-dataset test: unseen people before street backgrounds, where training saw a studio."""

Indices = Int[Tensor, " b"] | Sequence[int]
"""Numbers of examples: a tensor, a list or a range."""
Batch = TypeVar("Batch", covariant=True)


def as_indices(indices: Indices) -> Int[Tensor, " b"]:
    """Numbers of examples as a tensor.

    Raises:
        ValueError: for anything but a row of whole numbers; a mask of booleans is none.
    """
    try:
        found = torch.as_tensor(indices)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"indices: expected whole numbers [b], such as [0, 3], found {indices!r}") from error
    if not isinstance(indices, Tensor) and found.shape == (0,):
        found = found.long()
    if found.dim() != 1 or found.is_floating_point() or found.is_complex() or found.dtype == torch.bool:
        shape = tuple(found.shape)
        raise ValueError(f"indices: expected whole numbers [b], such as [0, 3], found {found.dtype} {shape}")
    return found.long()


@runtime_checkable
class TrainingSource(Protocol[Batch]):
    """What training needs of a source: so many examples, read by index, as batches of any kind."""

    def size(self, split: Split) -> int:
        """The number of examples of a split."""

    def paired(self, split: Split, indices: Int[Tensor, " b"]) -> Batch:
        """Examples whose garment is the one the person wears."""


@runtime_checkable
class TryOnSource(TrainingSource[TryOnBatch], Protocol):
    """A source of examples: the procedural world, or a folder on disk. Example i of a split never changes."""

    def unpaired(self, split: Split, indices: Int[Tensor, " b"]) -> TryOnBatch:
        """The same persons with another garment to put on.

        ``person`` is the true image of the person in that garment where the source knows it (the world does; real
        photographs cannot: there ``person`` is the photograph, and ``flow_mask`` and ``garment_region`` are empty).
        """


def training_batches(source: TrainingSource[Batch], *, batch_size: int, seed: int, start: int = 0) -> Iterator[Batch]:
    """Batches of the train split without end, from step ``start``: epoch after epoch, each in its own order.

    Batch k is a function of (source, batch_size, seed, k), so that training resumes exactly.
    """
    count = source.size("train")
    if batch_size > count:
        raise ValueError(f"batch_size is {batch_size}, but the train split has only {count} examples")
    per_epoch, epoch, order = count // batch_size, -1, torch.empty(0, dtype=torch.long)
    step = start
    while True:
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            order = torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        first = (step % per_epoch) * batch_size
        yield source.paired("train", order[first : first + batch_size])
        step += 1


def ordered_batches(
    source: TryOnSource, split: Split, *, count: int, batch_size: int = 32, unpaired: bool = False
) -> Iterator[TryOnBatch]:
    """The first ``count`` examples of a split (or all, if it has fewer), in order."""
    read = source.unpaired if unpaired else source.paired
    for indices in torch.arange(min(count, source.size(split))).split(batch_size):
        yield read(split, indices)


def shown_split(source: TryOnSource) -> Split:
    """The split of the pictures that are drawn while training: test, or train where a folder has nothing else."""
    try:
        return "test" if source.size("test") else "train"
    except ValueError:  # a folder says what it looked for
        return "train"
