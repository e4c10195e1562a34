"""Reading batches while the step before is still being computed: worker processes, and pinned memory for a GPU.

Book: sec-trainer.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from vtonlib.data.source import TrainingBatches
from vtonlib.shares import Share

AHEAD = 2
"""Batches that each worker reads ahead."""


class _Steps(Dataset[Any]):
    """A share of batch k as item k; what goes wrong is returned, since a worker may not raise every error."""

    def __init__(self, batches: TrainingBatches[Any], share: Share) -> None:
        self.batches, self.share = batches, share

    def __getitem__(self, step: int) -> Any:
        try:
            return self.batches.read(step, self.share)
        except (ValueError, IndexError, OSError) as error:
            return error


def shares(
    batches: Callable[[int], Iterable[Any]], share: Share, device: torch.device, *, start: int = 0, workers: int = 0
) -> Iterator[Any]:
    """One share of each batch from step ``start`` on, on the device.

    Args:
        batches: start step -> batches. Of :class:`~vtonlib.data.source.TrainingBatches` nothing but the share is read,
            by ``workers`` processes ahead of time; of others the whole batches are read here, and cut.
        share: which rows.
        device: copies to a GPU start from pinned memory, where workers read, and do not wait for one another.
        start: the first step.
        workers: how many processes read; 0: this one, when it is asked.

    Raises:
        ValueError: for workers without :class:`~vtonlib.data.source.TrainingBatches`, or of a source on a GPU; and what
            reading raises.
    """
    if isinstance(batches, TrainingBatches):
        place = torch.device(getattr(batches.source, "device", "cpu"))
        if workers and place.type != "cpu":
            raise ValueError(f"train.workers={workers}: expected 0, since processes that are forked cannot use {place}")
        steps = _Steps(batches, share)
        read = (
            _ahead(steps, start, workers, device)
            if workers
            else (batches.read(step, share) for step in itertools.count(start))
        )
    elif workers:
        raise ValueError(f"train.workers={workers}: expected 0, since these batches can only be read one by one")
    else:
        read = (batch[share.rows] for batch in batches(start))
    for batch in read:
        if isinstance(batch, Exception):
            raise batch
        yield batch.to(device, non_blocking=True)


def _ahead(steps: _Steps, start: int, workers: int, device: torch.device) -> Iterator[Any]:
    loader: DataLoader[Any] = DataLoader(
        steps,
        sampler=itertools.count(start),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=AHEAD,
        pin_memory=device.type == "cuda",
    )
    with warnings.catch_warnings():  # of forking beside threads, from Python 3.12 on: a worker computes in one thread
        warnings.simplefilter("ignore", DeprecationWarning)
        return iter(loader)
