"""Figures of the chapter on augmentation."""

from __future__ import annotations

import pytest
import torch

from vtonlib.config import DataConfig
from vtonlib.data.world import World
from vtonlib.viz.augmentation_figures import moved_pairs, part_figure


def test_pairs_are_named_and_single() -> None:
    people = World(DataConfig(height=32, width=24)).paired("test", torch.arange(2))
    figure = moved_pairs({"one": people[:1], "other": people[1:]})
    assert [axes.get_title() for axes in figure.axes] == ["one", "", "other", ""]
    with pytest.raises(ValueError, match="other holds several examples"):
        moved_pairs({"one": people[:1], "other": people})


def test_matrices_show_shares_in_per_cent() -> None:
    matrix = torch.tensor([[0.25, 0.75, 0.0], [torch.nan, torch.nan, torch.nan]])
    figure = part_figure({"a": matrix, "b": matrix.nan_to_num(1)}, ["x", "y"], ["p", "q", "r"])
    first, second = figure.axes
    assert [text.get_text() for text in first.texts] == ["25", "75"] and len(second.texts) == 5
    assert [label.get_text() for label in first.get_yticklabels()] == ["x", "y"]
