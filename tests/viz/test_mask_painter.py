"""The mask painter: what its page is given, its steps, and its live twin in a notebook."""

from __future__ import annotations

import json
import warnings

import pytest
import torch
from bs4 import BeautifulSoup

from vtonlib.models.normalization import (
    effective_eps,
    fill_with_mean,
    mask_norm_steps,
    mask_standardize,
    standardize,
)
from vtonlib.viz.mask_painter import BUDGET, MaskPainter

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of what ipywidgets itself imports
    from vtonlib.viz.live import WIDGET_VIEW
    from vtonlib.viz.live_painter import LivePainter

G = torch.Generator().manual_seed(0)
MAPS = torch.randn(3, 6, 4, generator=G, dtype=torch.float64)
SOFT = (torch.rand(6, 4, generator=G, dtype=torch.float64) * 4).round() / 4
BINARY = (SOFT > 0.5).double()


def data_of(figure: MaskPainter) -> dict:
    return json.loads(BeautifulSoup(figure.markup, "html.parser").find("script", type="application/json").string)


@pytest.mark.parametrize("mask", [SOFT, BINARY, torch.zeros(6, 4).double(), torch.ones(6, 4).double()])
def test_steps_and_closed_form_agree(mask: torch.Tensor) -> None:
    steps = mask_norm_steps(MAPS[None], mask[None, None], eps=0.3)
    assert steps.filled.shape == steps.normalized.shape == (1, 2, 3, 6, 4)
    torch.testing.assert_close(steps.result, mask_standardize(MAPS[None], mask[None, None], eps=0.3))
    torch.testing.assert_close(steps.filled[:, 1], fill_with_mean(MAPS[None], 1 - mask[None, None]))


def test_effective_eps_is_what_plain_standardization_would_need() -> None:
    mask = BINARY[None, None]
    y, (inside, outside) = mask_standardize(MAPS[None], mask, eps=0.2)[0], effective_eps(mask, eps=0.2)[0]
    for region, eps in ((BINARY == 1, inside), (BINARY == 0, outside)):
        values = MAPS[:, region][None, :, None]
        torch.testing.assert_close(y[:, region][None, :, None], standardize(values, (2, 3), eps=float(eps)))
    assert effective_eps(torch.zeros(1, 1, 6, 4)).tolist() == [pytest.approx([24e-5, 1e-5])]


def test_page_gets_python_s_result_for_its_first_mask() -> None:
    figure = MaskPainter(MAPS, SOFT, channels=["a", "<b>", "c"], caption="Paint.", eps=0.01)
    data = data_of(figure)
    assert data["mask"] == SOFT.tolist() and data["channels"][1] == "<b>" and data["eps"] == 0.01
    result = torch.tensor(data["result"], dtype=torch.float64).view(3, 6, 4)
    torch.testing.assert_close(result, mask_standardize(MAPS[None], SOFT[None, None], eps=0.01)[0], atol=2e-5, rtol=0)
    html = figure._repr_html_()
    assert "http" not in html and "fetch(" not in html
    assert repr(figure) == "MaskPainter(3x6x4)"


def test_without_scripts_map_mask_and_result_are_tables() -> None:
    page = BeautifulSoup(MaskPainter(MAPS, BINARY, caption="Paint.").markup, "html.parser")
    given, mask, result = page.find_all("table")
    assert [c.text for c in given.tbody.find("tr")][1:] == [f"{v:.2f}" for v in MAPS[0, 0].tolist()]
    assert [c.text for c in mask.tbody.find("tr")][1:] == [f"{v:.2f}" for v in BINARY[0].tolist()]
    assert result.caption.text == "mask normalization" and page.figcaption.text == "Paint."
    assert page.find(id=True) is None


def test_the_largest_map_stays_within_the_budget() -> None:
    figure = MaskPainter(torch.randn(8, 16, 12, generator=G) * 100, torch.zeros(16, 12))
    assert len(figure._repr_html_().encode()) <= BUDGET <= 100_000
    with pytest.raises(ValueError, match="fewer channels"):
        MaskPainter(torch.randn(64, 16, 16, generator=G), torch.zeros(16, 16))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaskPainter(torch.zeros(1, 17, 2), torch.zeros(17, 2)), r"maps are \(1, 17, 2\)"),
        (lambda: MaskPainter(torch.zeros(4, 4), torch.zeros(4, 4)), r"maps are \(4, 4\)"),
        (lambda: MaskPainter(MAPS / 0, BINARY), "not finite"),
        (lambda: MaskPainter(MAPS, BINARY.T), r"mask is \(4, 6\): expected \(6, 4\)"),
        (lambda: MaskPainter(MAPS, BINARY * 2), r"values in \[0, 1\]"),
        (lambda: MaskPainter(MAPS, BINARY, channels=["a"]), "1 channel names were given: expected 3"),
        (lambda: MaskPainter(MAPS, BINARY, eps=0.0), "eps is 0.0"),
    ],
)
def test_errors_say_what_is_expected(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def build(scale: float = 1.0) -> MaskPainter:
    return MaskPainter(MAPS * scale, BINARY, eps=0.1)


def painted(mask: torch.Tensor, eps: float = 0.1) -> dict:
    """The state that the page sends."""
    return {"state": {"mask": mask.tolist(), "channel": 0, "view": "mask", "brush": 1, "eps": eps}}


def test_a_stroke_is_normalized_in_python() -> None:
    live = LivePainter(build)
    first = live.view.markup
    live.view.set_state(painted(SOFT))
    assert data_of(live.figure)["mask"] == SOFT.tolist() and live.view.markup == live.figure.markup != first
    expected = mask_standardize(MAPS[None], SOFT[None, None], eps=0.1)[0]
    torch.testing.assert_close(
        torch.tensor(data_of(live.figure)["result"]).view(3, 6, 4).double(), expected, atol=2e-5, rtol=0
    )
    assert data_of(live.figure)["first"] == BINARY.tolist()
    live.view.set_state(painted(SOFT, eps=0.001))
    assert data_of(live.figure)["eps"] == 0.001


def test_a_new_map_keeps_what_was_painted() -> None:
    live = LivePainter(build, scale=(0.5, 2.0))
    live.view.set_state(painted(SOFT))
    live.controls.children[0].value = 2.0
    expected = mask_standardize(2 * MAPS[None], SOFT[None, None], eps=0.1)[0]
    data = data_of(live.figure)
    assert data["mask"] == SOFT.tolist() and live.view.markup == live.figure.markup
    torch.testing.assert_close(torch.tensor(data["result"]).view(3, 6, 4).double(), expected, atol=2e-5, rtol=0)


def test_a_mask_of_another_size_or_none_changes_nothing() -> None:
    live = LivePainter(build)
    before = live.view.markup
    for state in ({}, painted(torch.ones(2, 2))["state"], painted(BINARY)["state"]):
        live.view.set_state({"state": state})
        assert live.view.markup == before
    assert live._repr_mimebundle_()[0][WIDGET_VIEW]["model_id"] == live.widget.model_id
