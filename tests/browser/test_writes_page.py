"""The figure of writing and ends as a reader has it: in a browser, without kernel or network."""

from __future__ import annotations

import pytest

from vtonlib.viz.writes import WritesExplorer

WAYS = {"over it": ["open", "write"], "beside it": ["write", "rename", "flush"]}
OUTCOMES = {
    "over it": {"a kill": [{"old"}, {"torn"}, {"new"}], "a cut": [{"old"}, {"old", "torn"}, {"old", "torn", "new"}]},
    "beside it": {"a kill": [{"old"}, {"old"}, {"new"}, {"new"}], "a cut": [{"old"}, {"old"}, {"old"}, {"new"}]},
}


@pytest.fixture(scope="module")
def figure() -> WritesExplorer:
    return WritesExplorer(WAYS, OUTCOMES, caption="Guess.")


def test_a_guess_is_judged_only_when_it_is_shown(show, figure) -> None:
    page = show(figure)
    said = page.locator("[aria-live]")
    page.get_by_role("button", name="a cut").click()
    page.get_by_role("button", name="1", exact=True).click()
    page.get_by_role("button", name="the old file").click()
    assert said.inner_text() == ""
    page.get_by_role("button", name="show").click()
    assert said.inner_text() == "Not so: the old file, or a torn one. The run can be lost."
    page.get_by_role("button", name="a torn one").click()
    assert said.inner_text() == ""
    page.get_by_role("button", name="show").press("Enter")
    assert said.inner_text().startswith("Right: the old file, or a torn one.")


def test_each_way_has_its_own_moments(show, figure) -> None:
    page = show(figure)
    page.get_by_role("button", name="beside it").click()
    page.get_by_role("button", name="3", exact=True).click()
    assert page.get_by_text("flush (done)").is_visible()
    page.get_by_role("button", name="the new file").click()
    page.get_by_role("button", name="show").click()
    assert page.locator("[aria-live]").inner_text() == "Right: the new file."


def test_it_fits_and_is_accessible(fits_and_is_accessible, figure) -> None:
    fits_and_is_accessible(figure, "show")


def test_without_scripts_the_table_is_there(show, figure) -> None:
    page = show(figure, java_script_enabled=False)
    assert page.get_by_text("What a restart may find").is_visible() and page.get_by_text("Guess.").is_visible()
