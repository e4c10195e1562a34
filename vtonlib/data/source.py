"""What every source of examples offers, and the endless stream of batches that training reads."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Int
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.shares import WHOLE, Share, sharing

Split = Literal["train", "test", "cross"]
SPLITS: tuple[Split, ...] = ("train", "test", "cross")
"""``cross`` is the cross-dataset test: unseen people before street backgrounds, where training saw a studio."""
EVALUATE = "evaluate "
"""How a use begins that is no training: "evaluate PRESET", which reads the split test alone."""


def splits_of(use: str) -> tuple[Split, ...]:
    """The splits in which a use needs its files: test for "evaluate PRESET", all for a preset to be trained."""
    return ("test",) if use.startswith(EVALUATE) else SPLITS


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


@dataclass(frozen=True, slots=True)
class TrainingBatches(Generic[Batch]):
    """Batches of the train split without end: epoch after epoch, each in its own order.

    Batch k is a function of (source, batch_size, seed, k). So training resumes exactly, and whoever trains together
    reads shares that never overlap, with nothing to agree on: a process reads its own rows of batch k alone.

    Raises:
        ValueError: for a batch larger than the train split.

    Book: sec-trainer.
    """

    source: TrainingSource[Batch]
    """Where the examples come from."""
    batch_size: int
    """Rows of a whole batch; what is left at the end of an epoch is left out."""
    seed: int
    """Of the order of the examples."""
    vary: Callable[[Any, int], Any] | None = None
    """A share of batch k, and k -> the share as it is trained on; what it draws, it draws by ``shares.drawn``."""

    def __post_init__(self) -> None:
        if self.batch_size > (count := self.source.size("train")):
            raise ValueError(f"batch_size is {self.batch_size}, but the train split has only {count} examples")

    def indices(self, step: int) -> Int[Tensor, " b"]:
        """The numbers of the examples of the whole batch ``step``."""
        count = self.source.size("train")
        epoch, place = divmod(step, count // self.batch_size)
        return _order(count, self.seed, epoch)[place * self.batch_size : (place + 1) * self.batch_size]

    def read(self, step: int, share: Share = WHOLE) -> Batch:
        """A share of batch ``step``; other examples are not touched."""
        with sharing(share):
            batch = self.source.paired("train", self.indices(step)[share.rows])
            return batch if self.vary is None else self.vary(batch, step)

    def __call__(self, start: int = 0) -> Iterator[Batch]:
        """The whole batches from step ``start`` on."""
        return map(self.read, itertools.count(start))


@lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> Int[Tensor, " n"]:
    """The order of the examples in an epoch; not to be changed."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


def training_batches(source: TrainingSource[Batch], *, batch_size: int, seed: int, start: int = 0) -> Iterator[Batch]:
    """The whole batches of :class:`TrainingBatches`, from step ``start`` on."""
    return TrainingBatches(source, batch_size, seed)(start)


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
