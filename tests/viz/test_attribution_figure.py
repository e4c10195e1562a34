"""Panels of weight on pictures, and the diagram of entropy as a loss."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import torch

from vtonlib.viz.attribution import Panel, attribution_figure
from vtonlib.viz.entropy_diagrams import entropy_loss_flow


def test_every_panel_shows_what_it_is_given() -> None:
    picture, weights = torch.zeros(3, 8, 6), torch.rand(4, 3)
    row = [Panel("asked", picture, place=torch.tensor([1.0, -1.0])), Panel("found", picture, weights)]
    figure = attribution_figure([row, row])
    first, second = figure.axes[:2]
    assert [one.get_title() for one in figure.axes] == ["asked", "found", "", ""]
    assert len(first.images) == 1 and len(second.images) == 2
    assert first.lines[0].get_xydata().tolist() == [[5.5, 0.5]] and not second.lines
    shown = torch.as_tensor(second.images[1].get_array()[..., 3])
    torch.testing.assert_close(shown.float(), 0.85 * (weights / weights.max()).sqrt())


@pytest.mark.parametrize("rows", [[], [[]], [[Panel("a", torch.zeros(3, 2, 2))], []]])
def test_rows_that_do_not_fit_are_refused(rows) -> None:
    with pytest.raises(ValueError, match="rows of equally many panels"):
        attribution_figure(rows)


def test_the_diagram_names_both_ways() -> None:
    texts = {text.text for text in ET.fromstring(entropy_loss_flow().svg()).iter("{http://www.w3.org/2000/svg}text")}
    assert {"no map is made", "heads must agree too"} <= texts
