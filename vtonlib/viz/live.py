"""Interactive figures in a live notebook: the same element, and controls that compute it anew with the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import anywidget
import ipywidgets
import traitlets

from vtonlib.viz.element import ElementFigure

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def live_module(figure: ElementFigure) -> str:
    """The JavaScript module of a figure for anywidget: its script, and the ``render`` that all figures share."""
    return figure.script_text() + Path(__file__).with_name("live.js").read_text(encoding="utf8")


class ElementView(anywidget.AnyWidget):
    """An interactive figure in a notebook, whose markup and choices are shared with Python."""

    _esm = traitlets.Unicode().tag(sync=True)
    markup = traitlets.Unicode().tag(sync=True)
    """The figure's HTML."""
    state = traitlets.Dict().tag(sync=True)
    """What is chosen in the page: patch, head, layer, step and temperature; or mask and temperature."""


class LiveFigure:
    """An interactive figure with controls that build it anew; a page without a kernel shows the first one.

    Args:
        build: makes the figure from the controls' values, for instance by running a model.
        controls: by name of an argument of ``build``, a widget, or what ``ipywidgets.interactive`` makes one of: a
            range (0, 7), a list of choices, a number, a truth value, a text.
        manual: compute on a button's click instead of on every change: for slow models.

    Book: sec-explorer.
    """

    def __init__(self, build: Callable[..., ElementFigure], *, manual: bool = False, **controls: Any) -> None:
        self._build = build
        # Built as manual: otherwise ipywidgets 8 would compute at once, and 7 when it is shown; errors would be hidden.
        self.controls = ipywidgets.interactive(self._update, {"manual": True}, **controls)
        self.figure = build(**{control._kwarg: control.value for control in self.controls.kwargs_widgets})
        if not manual:
            self.controls.manual_button.layout.display = "none"
            for control in self.controls.kwargs_widgets:
                control.observe(self.controls.update, "value")
        self.view = ElementView(_esm=live_module(self.figure), markup=self.figure.markup)
        self.widget = ipywidgets.VBox([self.controls, self.view])

    @property
    def state(self) -> dict[str, Any]:
        """What is chosen in the page at present; empty until it is shown."""
        return dict(self.view.state)

    def _update(self, **settings: Any) -> None:
        self.figure = self._build(**settings)
        self.view.markup = self.figure.markup

    def __repr__(self) -> str:
        return f"LiveFigure({self.figure!r})"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = cast(tuple[dict, dict], self.view._repr_mimebundle_())  # None only without a view
        view = data[WIDGET_VIEW] | {"model_id": self.widget.model_id}
        return {"text/plain": repr(self), "text/html": self.figure._repr_html_(), WIDGET_VIEW: view}, metadata
