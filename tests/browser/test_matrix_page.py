"""The matrix explorer in a browser; the page and Python must compute the same."""

from __future__ import annotations

import pytest
import torch

from vtonlib.viz.matrix import MatrixExplorer

X = torch.randn(3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2
MASK = torch.zeros(3, 5).double()
MASK[1, 1:4] = 1


def result(page) -> torch.Tensor:
    return torch.tensor(page.locator("vton-matrix").evaluate("e => e.result.value"), dtype=torch.float64)


def cell(page, row: int, column: int):
    return page.locator(f"button[data-row='{row}'][data-column='{column}']")


@pytest.mark.parametrize("operation", ["softmax", "region-standardize"])
def test_page_and_python_compute_the_same(show, operation: str) -> None:
    figure = MatrixExplorer(X, operation, mask=MASK)
    page, mask = show(figure), MASK.clone()
    torch.testing.assert_close(result(page), figure.value())
    for row, column in ((0, 0), (1, 2), (2, 4), (0, 0)):
        cell(page, row, column).click()
        mask[row, column] = 1 - mask[row, column]
        torch.testing.assert_close(result(page), figure.value(mask))
    shown = page.locator(".result tbody tr").first.locator("td:not(.extra)").all_inner_texts()
    assert [float(v.replace("\u2212", "-")) for v in shown] == pytest.approx(figure.value(mask)[0].tolist(), abs=0.0051)


SETS = {"rows": [[i] * 5 for i in range(3)], "columns": [list(range(5))] * 3, "all": [[0] * 5] * 3}
TABLES = {"map": [[0.0, -1.0], [0.5, 3.0]], "vector": [[0.4, 0.4], [-2.0, -2.0]]}


@pytest.mark.parametrize(("operation", "ways"), [("standardize", SETS), ("modulate", TABLES)])
def test_ways_to_choose(show, operation: str, ways: dict) -> None:
    figure = MatrixExplorer(X, operation, mask=MASK, ways=ways, step=4.0)
    page = show(figure)
    assert not page.locator("input").is_visible()
    for way in [*ways, next(iter(ways))]:
        page.locator("select").select_option(way)
        torch.testing.assert_close(result(page), figure.value(way=way))
    mask = MASK.clone()
    mask[0, 2] = 1
    cell(page, 0, 2).click()
    torch.testing.assert_close(result(page), figure.value(mask))
    raised = operation == "standardize"
    shown = float(cell(page, 0, 2).inner_text().replace("\u2212", "-"))
    assert shown == pytest.approx(float(X[0, 2]) + 4 * raised, abs=0.051)


def test_temperature(show) -> None:
    figure = MatrixExplorer(X, "softmax")
    page = show(figure)
    for exponent in (-2, 1.5):
        page.locator("input").fill(str(exponent))
        p = figure.value(temperature=2.0**exponent)
        torch.testing.assert_close(result(page), p)
        centre, entropy = (p * torch.arange(5)).sum(1), -torch.xlogy(p, p).sum(1)
        extra = [float(x) for x in page.locator(".result .extra").all_inner_texts()]
        assert extra == pytest.approx(torch.stack((centre, entropy), 1).flatten().tolist(), abs=0.0051)


def test_everything_painted_or_nothing(show) -> None:
    x = torch.tensor([[1.0, 2.0, 4.0]])
    page = show(MatrixExplorer(x, "softmax", mask=torch.zeros(1, 3)))
    assert result(page).tolist() == [[0, 0, 0]]
    assert page.locator(".extra").all_inner_texts() == ["-", "-"]
    figure = MatrixExplorer(torch.full((2, 2), 3.0), "region-standardize")
    page = show(figure)
    assert result(page).tolist() == figure.value().tolist() == [[0, 0], [0, 0]]
    assert "not painted: no cell" in page.locator("[aria-live]").inner_text()


def test_keyboard_moves_and_paints(show) -> None:
    page = show(MatrixExplorer(X, "region-standardize", mask=MASK))
    page.keyboard.press("Tab")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Space"):
        page.keyboard.press(key)
    assert cell(page, 2, 1).get_attribute("aria-pressed") == "true"
    page.keyboard.press("Space")
    assert cell(page, 2, 1).get_attribute("aria-pressed") == "false"
    for key in ("End", "ArrowDown", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    assert cell(page, 1, 4).get_attribute("aria-pressed") == "true"
    assert cell(page, 1, 4).evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)") >= 2
    assert page.locator("button[tabindex='0']").count() == 1


def test_two_matrices_and_a_narrow_page(show) -> None:
    names = ["left sleeve", "chest", "right sleeve"]
    page = show(MatrixExplorer(X, "softmax", rows=names), MatrixExplorer(X, "softmax"), width=360)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("vton-matrix").nth(1).locator("button").first.click()
    pressed = "e => e.shadowRoot.querySelectorAll('[aria-pressed=true]').length"
    assert [m.evaluate(pressed) for m in page.locator("vton-matrix").all()] == [15, 14]
