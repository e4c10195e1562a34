"""Figures of the table of methods: every method is drawn, and what does not fit is refused."""

from __future__ import annotations

import pytest

from vtonlib.evaluation.bootstrap import Interval
from vtonlib.viz.table_figures import growth_plot, interval_plot, scatter_of_methods

FOUND = {"a": Interval(0.5, 0.4, 0.6, 3), "b": Interval(0.2, 0.1, 0.3, 3)}
OTHERS = {"b": FOUND["b"], "a": FOUND["a"]}


def test_every_method_has_a_row_in_every_column() -> None:
    figure = interval_plot({"x": FOUND, "y": FOUND}, marked=("b",))
    assert len(figure.axes) == 2
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["a", "b"]
    dots = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in dots] == [0.5, 0.2] and dots[1].get_markerfacecolor() == "none"
    with pytest.raises(ValueError, match="same methods"):
        interval_plot({"x": FOUND, "y": OTHERS})


def test_points_have_names_and_growth_has_both_ends() -> None:
    figure = scatter_of_methods({"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 1.0}, ("x", "y"))
    assert {text.get_text() for text in figure.axes[0].texts} == {"a", "b"}
    low = scatter_of_methods({"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 1.0}, ("x", "y"), floor=2.5).axes[0]
    assert {text.get_text() for text in low.texts} == {"a", "b: 1.00"}
    assert [(line.get_marker(), line.get_ydata()[0]) for line in low.lines] == [("o", 3.0), ("v", 2.5)]
    grown = growth_plot(FOUND, {"a": FOUND["b"], "b": FOUND["a"]}, ("home", "away"))
    assert {text.get_text() for text in grown.axes[0].get_legend().get_texts()} == {"home", "away"}
    with pytest.raises(ValueError, match="same methods"):
        scatter_of_methods({"a": 1.0}, {"b": 1.0}, ("x", "y"))
    with pytest.raises(ValueError, match="same methods"):
        growth_plot(FOUND, OTHERS, ("home", "away"))
