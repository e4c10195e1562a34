"""The figure of zeros and steps as a reader has it: in a browser, without kernel or network."""

from __future__ import annotations

import pytest

from vtonlib.viz.zero_steps import ZeroSteps

WAYS = {"one zero": [{"z": -1.0, "p": 0.0}, {"z": -0.5, "p": -0.25}], "dead": [{"z": 0.0, "p": 0.0}] * 2}


@pytest.fixture(scope="module")
def figure() -> ZeroSteps:
    return ZeroSteps(WAYS, {"z": "last", "p": "before"}, caption="Guess.")


GUESSES = "vton-zero-steps table >> nth=-1"  # the other table stands in for the figure without scripts


def test_a_guess_is_judged_only_when_it_is_shown(show, figure) -> None:
    page = show(figure)
    assert not page.locator(GUESSES).is_visible()
    page.get_by_role("button", name="one zero").click()
    page.get_by_role("button", name="z: last").click()
    page.get_by_role("button", name="show").click()
    assert page.locator("[aria-live]").inner_text() == "Right: at step 0 a gradient reaches z."
    page.get_by_role("button", name="1", exact=True).click()
    assert page.locator("[aria-live]").inner_text() == "" and not page.locator(GUESSES).is_visible()
    page.get_by_role("button", name="show").press("Enter")
    assert page.locator("[aria-live]").inner_text() == "Not so: at step 1 a gradient reaches z, p."


def test_nothing_moves_in_a_dead_branch(show, figure) -> None:
    page = show(figure)
    page.get_by_role("button", name="dead").click()
    page.get_by_role("button", name="show").click()
    assert page.locator("[aria-live]").inner_text() == "Right: at step 0 a gradient reaches none."


def test_it_fits_and_is_accessible(fits_and_is_accessible, figure) -> None:
    fits_and_is_accessible(figure, "show")


def test_without_scripts_the_table_is_there(show, figure) -> None:
    page = show(figure, java_script_enabled=False)
    assert page.get_by_text("Gradient of each weight").is_visible() and page.get_by_text("Guess.").is_visible()
