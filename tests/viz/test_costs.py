"""The explorer of costs: the same numbers on the page and in Python, and figures of ladders."""

from __future__ import annotations

import pytest

from vtonlib.cost import training_memory
from vtonlib.ladder import counted
from vtonlib.viz.costs import SCENES, CostExplorer, ladder_figure, laws

FOUND = counted()
PAIRS = {width: (FOUND[f"width {width} rows 256"], FOUND[f"width {width} rows 512"]) for width in (80, 160)}
PAIRS[320] = FOUND["width 320 rows 256"], FOUND["StableVITON 12"]


def test_the_laws_meet_what_they_were_not_drawn_through() -> None:
    found, known = laws(*PAIRS[320]), FOUND["StableVITON 13"]
    assert found["attention"].at(known.tokens) == pytest.approx(known.flop.attention, rel=1e-3)
    assert found["rest"].at(known.tokens) == pytest.approx(known.flop.total - known.flop.attention, rel=1e-3)
    assert found["kept"].at(known.tokens) == pytest.approx(known.kept, rel=1e-3)
    assert found["maps"].at(known.tokens) == pytest.approx(known.kept_maps, rel=1e-3)
    assert found["recomputed"].at(known.tokens) == pytest.approx(known.kept_recomputed, rel=1e-3)


def test_settings_are_what_a_training_holds() -> None:
    explorer, known = CostExplorer(PAIRS, caption="Counted."), FOUND["StableVITON 12"]
    for scene, batch in ((SCENES[0], 1), (SCENES[1], 32)):
        expected = training_memory(known.parameters, 0, known.kept, batch_size=batch)
        assert explorer.memory(**scene["state"]) == pytest.approx(tuple(expected), rel=1e-3)
    assert "Counted." in explorer.markup and repr(explorer) == "CostExplorer(3 widths, 4 settings)"
    largest = {max(range(4), key=explorer.memory(**scene["state"]).__getitem__) for scene in SCENES}
    assert len(largest) >= 2  # one answer does not fit all


def test_other_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="counts are of 1 widths: expected 3"):
        CostExplorer({80: PAIRS[80]})


def test_a_ladder_is_a_panel_for_each_quantity_and_a_bar_for_each_rung() -> None:
    figure = ladder_figure(["a", "b", "c"], {"x": [1, 10, 100], "y": [1, 2, 3]}, logs=["x"])
    assert [axis.get_title() for axis in figure.axes] == ["x", "y"]
    assert [axis.get_xscale() for axis in figure.axes] == ["log", "linear"]
    assert all(len(axis.patches) == 3 for axis in figure.axes)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["0  a", "1  b", "2  c"]
