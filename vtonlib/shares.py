"""A batch that several processes compute together: whose rows are whose, and what belongs to the whole batch.

A loss is a function of its batch. Where the batch is shared, two things of it are common property: the random numbers,
of which each process must use those of its own rows, and the counts that means are divided by. Losses draw with
:func:`drawn` and divide by :func:`counted`; for one process these are the plain draw and the plain count.

Book: sec-trainer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor


class Share(NamedTuple):
    """Rows ``number``, ``number + of``, ``number + 2 of``, ... of a batch. Shares of one ``of`` never overlap."""

    number: int = 0
    """Which share, from 0."""
    of: int = 1
    """How many there are."""

    @property
    def rows(self) -> slice:
        """Its rows in the whole batch. Taking every n-th row commutes with the concatenation of batches."""
        return slice(self.number, None, self.of)

    def split(self, pieces: int) -> tuple[Share, ...]:
        """The same rows in several pieces: piece p has rows p, p + pieces, ... of this share."""
        return tuple(Share(self.number + self.of * piece, self.of * pieces) for piece in range(pieces))


WHOLE = Share()
"""All rows."""


class _Now(NamedTuple):
    share: Share
    mean: Callable[[Tensor], Tensor] | None


_now = _Now(WHOLE, None)  # no context variable: the backward pass of a GPU runs in threads of its own


@contextmanager
def sharing(share: Share, mean: Callable[[Tensor], Tensor] | None = None) -> Iterator[None]:
    """Within the block batches hold these rows alone; ``mean`` averages a tensor over the processes."""
    global _now
    before, _now = _now, _Now(share, mean)
    try:
        yield
    finally:
        _now = before


def drawn(draw: Callable[[int], Tensor], count: int, *, dim: int = 0) -> Tensor:
    """Random numbers for ``count`` rows: this share's rows of what is drawn for all, along dimension ``dim``.

    Each process draws for the whole batch, from one state, so a row gets the same numbers however the batch is shared.

    Args:
        draw: so many rows -> their numbers, for example ``torch.rand``.
        count: rows of this share.
        dim: where the rows are in what ``draw`` gives.
    """
    share = _now.share
    if share.of == 1:
        return draw(count)
    return draw(count * share.of).movedim(dim, 0)[share.rows].movedim(0, dim)


def noise_like(x: Tensor) -> Tensor:
    """Standard normal numbers, :func:`drawn` for the rows of ``x``, and of its shape, type and layout in memory."""
    return drawn(lambda count: torch.randn_like(x if count == len(x) else torch.cat([x] * (count // len(x)))), len(x))


def counted(count: Tensor) -> Tensor:
    """What a mean over the whole batch is divided by, given what this process ``count``-s of it.

    It is the mean of the processes' counts: then the mean of their losses is the loss of the whole batch. Divided by
    their own counts, rows of a process that counts few would weigh more. No gradient passes the count of several
    processes.
    """
    return count if _now.mean is None else _now.mean(count.detach())
