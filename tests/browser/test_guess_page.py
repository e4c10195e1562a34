"""The explorer of causes as a reader has it: in a browser, without kernel or network."""

from __future__ import annotations

import pytest
import torch

from vtonlib.viz.guess import GuessExplorer


@pytest.fixture(scope="module")
def figure() -> GuessExplorer:
    pictures = torch.rand(3, 3, 32, 24, generator=torch.Generator().manual_seed(0)) - 0.5
    answers, notes = ["rain", "frost", "rain"], ["It is wet.", "It is cold.", "It is wet again."]
    seen = {"before": pictures, "after": pictures.flip(0)}
    return GuessExplorer(seen, {"cause": -pictures}, answers, notes, question="What happened?", caption="Guess.")


def test_the_cause_is_shown_after_the_guess_and_the_guess_stays(show, figure) -> None:
    page = show(figure)
    said = page.locator("[aria-live]")
    assert page.locator("[role=img]").count() == 2 and page.get_by_text("?", exact=True).count() == 1
    assert page.get_by_text("What happened?").is_visible() and said.inner_text() == ""
    page.get_by_role("button", name="frost").click()
    assert said.inner_text() == "No: rain. It is wet." and page.locator("[role=img]").count() == 3
    page.get_by_role("button", name="case 2").press("Enter")
    assert page.locator("[role=img]").count() == 2 and said.inner_text() == ""
    page.get_by_role("button", name="frost").click()
    assert said.inner_text() == "Right: frost. It is cold."
    page.get_by_role("button", name="case 1").click()
    assert said.inner_text() == "No: rain. It is wet."
    style = page.locator("[role=img] img").last.evaluate("i => [i.style.left, i.style.top]")
    assert [round(-float(value.rstrip("%")) / 100) for value in style] == [2, 0]


def test_it_fits_and_is_accessible(fits_and_is_accessible, figure) -> None:
    fits_and_is_accessible(figure, "frost")


def test_without_scripts_the_table_is_there(show, figure) -> None:
    page = show(figure, java_script_enabled=False)
    assert page.get_by_text("What each row shows").is_visible() and page.get_by_text("Guess.").is_visible()
