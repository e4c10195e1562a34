"""Tables and grids of maps show what they are given, and refuse what does not fit together."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
import torch

from vtonlib.viz.tables import map_grid, number_table


def test_a_table_shows_every_number_and_every_name_and_leaves_nothing_open() -> None:
    figure = number_table(torch.tensor([[0.125, -0.001], [2.0, 1.0]]), ["a", "b"], ["c", "d"], "shares")
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == ["0.12", "0.00", "2.00", "1.00"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["c", "d"]
    assert axes.get_title() == "shares" and not plt.get_fignums()


def test_a_grid_has_pictures_and_maps_each_row_with_one_scale() -> None:
    maps = torch.tensor([0.1, -3.0])[:, None, None].expand(2, 4, 3)
    figure = map_grid({"picture": torch.zeros(2, 3, 4, 3), "map": maps, "nothing": 0 * maps}, ["one", "two"])
    axes = figure.axes
    assert [axes[i].get_title() for i in range(2)] == ["one", "two"]
    assert [axes[i].get_ylabel() for i in (0, 2, 4)] == ["picture", "map", "nothing"]
    assert {axes[i].images[0].get_clim() for i in (2, 3)} == {(-3.0, 3.0)}
    assert axes[4].images[0].get_clim() == (-0.5, 0.5)


def test_what_does_not_fit_together_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"table is \(2, 2\): expected \(1, 2\)"):
        number_table(torch.zeros(2, 2), ["a"], ["b", "c"], "")
    with pytest.raises(ValueError, match=r"found \[2, 3\]"):
        map_grid({"a": torch.zeros(2, 4, 3)}, ["x", "y", "z"])
    with pytest.raises(ValueError, match="found none"):
        map_grid({})
