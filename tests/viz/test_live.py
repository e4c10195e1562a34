from __future__ import annotations

import warnings

import attention_example as example
import pytest

from vtonlib.viz.explorer import AttentionExplorer
from vtonlib.viz.frame import Frame

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of what ipywidgets itself imports
    from vtonlib.viz.live import WIDGET_VIEW, LiveFigure


def build(sharpness: float = 1.0, heads: int = 1) -> AttentionExplorer:
    return AttentionExplorer(*example.images(), [Frame(example.record(sharpness, heads=heads))])


def test_controls_compute_the_figure_anew() -> None:
    live = LiveFigure(build, sharpness=(0.5, 2.0), heads=[1, 2])
    first = live.view.markup
    assert first == live.figure.markup == build(live.controls.children[0].value).markup
    live.controls.children[0].value = 2.0
    assert live.view.markup == build(2.0).markup != first
    live.controls.children[1].value = 2
    assert live.view.markup == build(2.0, 2).markup


def test_manual_waits_for_the_button() -> None:
    live = LiveFigure(build, manual=True, sharpness=(0.5, 2.0))
    before = live.view.markup
    live.controls.children[0].value = 2.0
    assert live.view.markup == before
    live.controls.manual_button.click()
    assert live.view.markup == build(2.0).markup


def test_the_bundle_has_the_widget_and_its_static_twin() -> None:
    live = LiveFigure(build, sharpness=(0.5, 2.0))
    data, _ = live._repr_mimebundle_()
    assert data[WIDGET_VIEW]["model_id"] == live.widget.model_id
    assert data["text/html"] == live.figure._repr_html_()
    assert data["text/plain"] == "LiveFigure(AttentionExplorer(1 frames))"


def test_choices_of_the_page_reach_python() -> None:
    live = LiveFigure(build, sharpness=(0.5, 2.0))
    assert live.state == {}
    live.view.set_state({"state": {"row": 3}})
    assert live.state == {"row": 3}
    assert live.view.get_state("_esm")["_esm"].rstrip().endswith("export default { render };")


def test_an_error_of_the_first_build_is_raised() -> None:
    def fails(x: int) -> AttentionExplorer:
        raise RuntimeError(f"no model for {x}")

    with pytest.raises(RuntimeError, match="no model for 2"):
        LiveFigure(fails, x=(0, 4))
