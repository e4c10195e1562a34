"""The figures by axe-core: names, roles and contrast, on light and dark pages and on pages without a theme."""

from __future__ import annotations

import attention_example as example
import pytest
import torch

from vtonlib.viz.explorer import AttentionExplorer
from vtonlib.viz.frame import Frame
from vtonlib.viz.matrix import MatrixExplorer
from vtonlib.viz.patches import Telling

X = torch.randn(3, 5, generator=torch.Generator().manual_seed(0)) * 2
MASK = (X > 0).float()
TELLING = [Telling("right", 7, 5, "a")]


@pytest.fixture(scope="module")
def figures() -> list:
    flow, mask = example.truth()
    frames = [Frame(example.record(s, heads=2), layer=n, step=k) for n in "ab" for k, s in ((0, 0.1), (9, 1.0))]
    explorer = AttentionExplorer(
        *example.images(), frames, truth=flow, mask=mask, caption="Two layers.", budget=10**6, telling=TELLING
    )
    matrices = [MatrixExplorer(X, o, mask=MASK, caption="Paint.") for o in ("softmax", "region-standardize")]
    ways = {"weak": [[0.0, 0.1], [0.0, 0.2]], "strong": [[0.0, 1.0], [0.0, 2.0]]}
    return [explorer, *matrices, MatrixExplorer(X, "modulate", mask=MASK, ways=ways, caption="Choose.")]


@pytest.mark.parametrize("theme", ["light", "dark", "none"])
def test_figures_are_accessible(show, violations, figures, theme: str) -> None:
    page = show(*figures, theme=theme, color_scheme="dark")
    assert violations(page) == []
    page.get_by_role("button", name="Show me").click()
    page.locator("summary").click()
    page.locator(".stage").first.focus()
    assert violations(page) == []


def test_a_fault_is_found(show, violations) -> None:
    class Faulty:
        def _repr_html_(self) -> str:
            return '<img src="data:," width="9" height="9"><p style="color: #bbb; background: #fff">pale</p>'

    assert {line.split(":")[0] for line in violations(show(Faulty()))} == {"image-alt", "color-contrast"}
