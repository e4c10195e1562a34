"""Figures about maps: what they draw where."""

import pytest
import torch

from vtonlib.attention import Grid
from vtonlib.viz.maps import Look, look_picture, score_table, spread_plot

GRID = Grid(4, 3)


def test_a_look_marks_patch_truth_and_strongest_key():
    weights = torch.zeros(12)
    weights[7] = 1.0
    image = torch.zeros(3, 16, 12)
    looks = {"map": Look(image, weights, torch.tensor([1.0, -1.0]), strongest=True), "plain": Look(image, weights)}
    figure = look_picture(image, (1, 2), looks, GRID)
    person, first, second = figure.axes
    places = [[(float(x), float(y)) for x, y in (line.get_xydata()[0] for line in axes.lines)] for axes in figure.axes]
    assert places == [[(2.5, 1.5)], [(2.5, 0.5), (1.5, 2.5)], []]
    heat = first.images[1].get_array()
    assert heat.shape == (4, 3, 4) and heat[2, 1, 3] == pytest.approx(0.8) and float(heat[..., 3].sum()) < 0.81
    assert [axes.get_title() for axes in (person, first, second)] == ["one patch of the person", "map", "plain"]


def test_spread_plot_has_a_dot_for_each_example_and_the_mean():
    (axes,) = spread_plot({"a": torch.tensor([1.0, 3.0]), "b": torch.tensor([2.0, torch.nan, 4.0])}, "error").axes
    assert [len(line.get_xdata()) for line in axes.lines] == [2, 2, 3, 2]
    assert [float(axes.lines[i].get_xdata()[0]) for i in (1, 3)] == [2.0, 3.0]


def test_score_table_shades_by_the_distance_from_the_best():
    (axes,) = score_table(torch.tensor([[0.0, 1.0], [4.0, 0.5]]), ["x", "y"], ["epe", "pck"], best=(0, 1)).axes
    assert axes.images[0].get_array().tolist() == [[0, 0], [1, 1]]
    assert [text.get_text() for text in axes.texts] == ["0.00", "1.00", "4.00", "0.50"]
