"""The live twin: what anywidget does with the modules, with a stand-in for its model."""

from __future__ import annotations

import json

import attention_example as example
import pytest
import torch

from vtonlib.viz.explorer import AttentionExplorer
from vtonlib.viz.frame import Frame
from vtonlib.viz.live import live_module
from vtonlib.viz.mask_painter import MaskPainter
from vtonlib.viz.matrix import MatrixExplorer
from vtonlib.viz.wardrobe import Wardrobe

HOST = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Live</title><main></main><script type="module">
const values = {values}, listeners = {{}};
window.model = {{
  get: (name) => values[name],
  set: (name, value) => {{ values[name] = value; }},
  save_changes: () => {{ window.saved = (window.saved ?? 0) + 1; }},
  on: (event, call) => {{ listeners[event] = call; }},
}};
window.fromPython = (name, value) => {{ values[name] = value; listeners["change:" + name](); }};
const url = URL.createObjectURL(new Blob([{module}], {{ type: "text/javascript" }}));
(await import(url)).default.render({{ model, el: document.querySelector("main") }});
window.ready = true;
</script></html>"""


@pytest.fixture
def live(open_page, tmp_path):
    """Opens a page in which a figure's module runs as anywidget would run it."""

    def opened(figure):
        values, module = (
            json.dumps(v).replace("<", "\\u003c") for v in ({"markup": figure.markup, "state": {}}, live_module(figure))
        )
        file = tmp_path / "live.html"
        file.write_text(HOST.format(values=values, module=module), encoding="utf8")
        page = open_page(file)
        page.wait_for_function("window.ready")
        return page

    return opened


def explorer(sharpness: float) -> AttentionExplorer:
    return AttentionExplorer(*example.images(), [Frame(example.record(sharpness))], start=(6, 5))


def test_attention_travels_both_ways(live) -> None:
    page = live(explorer(1.0))
    page.locator(".person .stage").press("ArrowLeft")
    assert page.evaluate("model.get('state')") == {
        "layer": "cross", "step": None, "head": "0", "temperature": 1, "row": 6, "column": 4,
    }  # fmt: skip
    entropy = page.locator("dl > div").last.inner_text()
    page.evaluate("markup => fromPython('markup', markup)", explorer(4.0).markup)
    assert page.locator("dl > div").last.inner_text() != entropy
    assert page.locator("dl > div").first.inner_text() == "patch\n6, 4"
    page.evaluate("fromPython('state', {...model.get('state'), row: 2})")
    assert page.locator("dl > div").first.inner_text() == "patch\n2, 4"


def test_mask_travels_both_ways(live) -> None:
    x = torch.arange(6.0).view(2, 3)
    page = live(MatrixExplorer(x, "softmax"))
    page.locator("button").nth(4).click()
    assert page.evaluate("model.get('state').mask") == [[1, 1, 1], [1, 0, 1]]
    page.evaluate("markup => fromPython('markup', markup)", MatrixExplorer(x * 2, "softmax").markup)
    assert page.locator("button").nth(5).inner_text() == "10.0"
    assert page.locator("[aria-pressed=false]").count() == 1
    page.evaluate("fromPython('state', {mask: [[0, 1, 1], [1, 1, 1]], temperature: 1})")
    assert page.locator("button").first.get_attribute("aria-pressed") == "false"


def test_a_stroke_travels_to_python_and_its_result_back(live) -> None:
    """Python's result for the present mask is shown; one for an older mask is not."""
    figure = MaskPainter(torch.arange(12.0).view(1, 3, 4), torch.eye(3, 4))
    page = live(figure)
    by, cells = page.locator(".by"), page.locator(".given button")
    cells.nth(2).click()
    mask = torch.tensor(page.evaluate("model.get('state').mask")).double()
    assert mask[0, 2] == 1 and mask.sum() == 4 and by.inner_text() == "Computed in this page."
    answer = figure.painted(mask, eps=1e-5).markup
    page.evaluate("markup => fromPython('markup', markup)", answer)
    assert by.inner_text() == "Mask normalization computed by vtonlib in Python."
    cells.nth(3).click()
    page.evaluate("markup => fromPython('markup', markup)", answer)
    assert by.inner_text() == "Computed in this page."
    mask[0, 3] = 1
    shown = torch.tensor(page.locator("vton-mask-painter").evaluate("e => e.result")).double()
    torch.testing.assert_close(shown, figure.value(mask)[0].flatten())


def test_a_wardrobe_travels_both_ways(live) -> None:
    def wardrobe(level: float, persons: int = 2) -> Wardrobe:
        x = torch.full((persons, 3, 16, 12), level)
        return Wardrobe(x, x[:1], x[:, None, None], truth=x[:, None])

    page = live(wardrobe(0.5))
    page.get_by_role("button", name="person 2").click()
    assert page.evaluate("model.get('state')") == {"garment": 0, "person": 1, "seed": 0, "truth": False}
    before = page.locator("[data-pane=painted] img").get_attribute("src")
    page.evaluate("markup => fromPython('markup', markup)", wardrobe(-0.5).markup)
    assert page.locator("[data-pane=painted] img").get_attribute("src") != before
    assert page.locator("[data-pane=painted]").get_attribute("aria-label").startswith("person 2")
    page.evaluate("markup => fromPython('markup', markup)", wardrobe(-0.5, persons=1).markup)
    assert page.locator("[data-pane=painted]").get_attribute("aria-label").startswith("person 1")
