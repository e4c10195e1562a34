"""Shares of a batch: they never overlap, miss nothing, and draw what the whole batch draws."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vtonlib.data.source import TrainingBatches
from vtonlib.grids import masked_mean
from vtonlib.shares import WHOLE, Share, counted, drawn, noise_like, sharing


class Numbers:
    """Examples that are their own numbers."""

    def __init__(self, count: int) -> None:
        self.count = count

    def size(self, split: str) -> int:
        return self.count

    def paired(self, split: str, indices: torch.Tensor) -> torch.Tensor:
        return indices


@settings(deadline=None, max_examples=60)
@given(data=st.data(), processes=st.integers(1, 6), pieces=st.integers(1, 3), each=st.integers(1, 4))
def test_any_processes_read_the_same_examples_once(data: st.DataObject, processes: int, pieces: int, each: int) -> None:
    size = processes * pieces * each
    count = data.draw(st.integers(size, 5 * size))
    batches = TrainingBatches(Numbers(count), size, seed=data.draw(st.integers(0, 9)))
    epoch = count // size
    start = data.draw(st.integers(0, 3 * epoch))
    read = []
    for step in range(start, start + epoch):  # training that goes on at any step, with any number of processes
        shares = [piece for number in range(processes) for piece in Share(number, processes).split(pieces)]
        assert all(len(batches.read(step, share)) == each for share in shares)
        row_of = {int(row): i for i, row in enumerate(batches.read(step))}
        rows = [row_of[int(n)] for share in shares for n in batches.read(step, share)]
        assert sorted(rows) == list(range(size))  # a partition of the whole batch
        read += batches.read(step).tolist()
    if start % epoch == 0:
        assert len(set(read)) == len(read)  # an epoch has no example twice


def test_pieces_of_a_share_are_its_rows() -> None:
    rows = torch.arange(24)
    share = rows[Share(1, 3).rows]
    for number, piece in enumerate(Share(1, 3).split(4)):
        assert torch.equal(rows[piece.rows], share[Share(number, 4).rows])


def test_rows_draw_what_they_draw_in_the_whole_batch() -> None:
    def draws(count: int) -> tuple[torch.Tensor, ...]:
        torch.manual_seed(5)
        x = torch.zeros(count, 4, 3, 2).to(memory_format=torch.channels_last)
        return drawn(torch.rand, count), drawn(lambda n: torch.rand(4, n), count, dim=1).T, noise_like(x)

    whole = draws(6)
    for number in range(3):
        with sharing(Share(number, 3)):
            own = draws(2)
        assert all(torch.equal(o, w[number::3]) for o, w in zip(own, whole, strict=True))
    torch.manual_seed(5)
    assert torch.equal(whole[0], torch.rand(6))


def test_means_divide_by_what_all_count() -> None:
    values, mask = torch.rand(2, 6, 1, 4, 3, dtype=torch.float64)
    mask[0] = 0  # so the shares count differently
    shares = [Share(number, 2) for number in range(2)]
    common = torch.stack([mask[share.rows].sum() for share in shares]).mean()
    means = []
    for share in shares:
        with sharing(share, lambda count: common):
            means.append(masked_mean(values[share.rows], mask[share.rows]))
    alone = [masked_mean(values[share.rows], mask[share.rows]) for share in shares]
    whole = masked_mean(values, mask)
    torch.testing.assert_close(torch.stack(means).mean(), whole)
    assert abs(torch.stack(alone).mean() - whole) > 1e-3  # the mean of means is another number


def test_sharing_ends_with_its_block() -> None:
    with sharing(Share(1, 2), torch.zeros_like):
        assert counted(torch.ones(())) == 0
    assert counted(torch.ones(())) == 1 and WHOLE.of == 1 and len(drawn(torch.rand, 2)) == 2
