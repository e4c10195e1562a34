"""What a loss says of the zoo, how it pulls, and what a net draws."""

from __future__ import annotations

import math

import pytest
import torch

from vtonlib.attention.zoo import attention_zoo, record_of_map
from vtonlib.grids import coordinate_grid
from vtonlib.losses.entropy import attention_entropy
from vtonlib.losses.total_variation import attention_total_variation
from vtonlib.viz.zoo import loss_table, net_picture, pull, threads

MASK = torch.tensor([[[1.0, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 1]]])
PAIRS = 6  # below one another: 1-1, 1-1, 1-1; side by side: 1-1, 1-1, 1-1


def test_a_row_for_each_map_and_a_column_for_each_loss() -> None:
    zoo, mask = attention_zoo(coordinate_grid(4, 3)[None]), torch.ones(1, 1, 4, 3)
    losses = {"tv": lambda r: attention_total_variation(r, mask), "entropy": lambda r: attention_entropy(r, mask)}
    table = loss_table(zoo, losses)
    assert table.shape == (len(zoo), 2) and not table.requires_grad
    at = list(zoo).index
    assert table[at("truth")].tolist() == pytest.approx([2, 0], abs=1e-4)
    assert table[at("uniform")].tolist() == pytest.approx([0, math.log(12)], abs=1e-4)


def test_a_pull_is_the_gradient_by_the_logits() -> None:
    g = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 12, 12, generator=g, requires_grad=True)
    mask, grid = torch.ones(1, 1, 4, 3), attention_zoo(coordinate_grid(4, 3)[None])["truth"].query_grid
    record = record_of_map(logits.softmax(-1), grid, grid)
    value = attention_total_variation(record, mask)
    by_logits = torch.autograd.grad(value, logits)[0].norm()
    assert pull(lambda r: attention_total_variation(r, mask), record) == pytest.approx(float(by_logits), rel=1e-4)


def test_a_net_has_a_knot_for_each_query_and_a_thread_for_each_pair() -> None:
    net = coordinate_grid(4, 3)
    figure = net_picture({"truth": net, "flip": net * torch.tensor([-1, 1])}, MASK, colours=net)
    first, second = figure.axes
    assert [axes.get_title() for axes in (first, second)] == ["truth", "flip"]
    for axes in (first, second):
        lines, knots = axes.collections
        assert len(lines.get_segments()) == PAIRS and len(knots.get_offsets()) == int(MASK.sum())
    assert first.collections[1].get_offsets()[1].tolist() == [0, -1]  # row 0, column 1
    assert second.collections[1].get_offsets()[0].tolist() == [1, -1]  # its left corner lies right
    lengths = torch.tensor(threads(net, MASK[0] > 0.5)).diff(dim=1).abs().sum((1, 2))
    torch.testing.assert_close(lengths.sort()[0], torch.tensor([2 / 3] * 3 + [1.0] * 3))


def test_more_nets_than_fit_in_a_row() -> None:
    net = coordinate_grid(4, 3)
    figure = net_picture({str(k): net for k in range(3)}, MASK, columns=2)
    assert [axes.get_title() for axes in figure.axes] == ["0", "1", "2", ""]


@pytest.mark.parametrize(("nets", "found"), [({}, "none"), ({"a": coordinate_grid(3, 4)}, r"\{'a': \(3, 4, 2\)\}")])
def test_nets_on_another_lattice_are_refused(nets, found: str) -> None:
    with pytest.raises(ValueError, match=rf"expected nets on the mask's lattice \(4, 3\), found {found}"):
        net_picture(nets, MASK)
