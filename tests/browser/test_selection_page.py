"""The figure of chosen patches as a reader has it: in a browser, without kernel or network."""

from __future__ import annotations

import pytest
import torch

from vtonlib.viz.selection import SelectionExplorer


@pytest.fixture(scope="module")
def figure() -> SelectionExplorer:
    images, regions = torch.linspace(-1, 1, 2 * 3 * 16 * 12).view(2, 3, 16, 12), torch.zeros(2, 1, 16, 12)
    regions[:, :, :8, :6] = 1  # the upper left quarter
    place = torch.arange(48.0).view(1, 8, 6).expand(2, -1, -1) / 10
    away = place.flip(1, 2)  # lowest at the lower right
    maps = {("features", "everything"): place, ("features", "its window"): away}
    return SelectionExplorer(images, ["first", "second"], regions, maps, caption="Guess where.")


def test_the_reader_guesses_before_the_chosen_are_shown(show, figure) -> None:
    page = show(figure)
    slider = page.locator("input[type=range]")
    assert slider.is_disabled() and page.locator("dd").all_inner_texts() == ["25 %", "?", "?", "?"]
    page.get_by_role("button", name="more than by chance").click()
    share = figure.precision["first", "features", "everything"]
    assert share == 0.5 and page.locator("[aria-live]").inner_text().startswith("Right: ")
    assert page.locator("dd").all_inner_texts()[1] == "50 %" and page.locator("output").inner_text() == "12 of 48"
    label = page.locator(".chosen").get_attribute("aria-label")
    assert label == "12 chosen patches, 6 of them on the garment"
    slider.press("ArrowRight")
    assert page.locator("output").inner_text() == "16 of 48" and slider.is_enabled()
    slider.press("End")
    assert page.locator("dd").all_inner_texts()[1:3] == ["25 %", "100 %"]


def test_another_rule_is_asked_about_anew(show, figure) -> None:
    page = show(figure)
    page.get_by_role("button", name="more than by chance").click()
    page.get_by_role("button", name="its window").click()
    assert page.locator("input[type=range]").is_disabled() and page.locator("[aria-live]").inner_text() == ""
    page.get_by_role("button", name="about as many").click()
    assert page.locator("[aria-live]").inner_text().startswith("No: ")
    page.get_by_role("button", name="everything").click()
    assert page.locator("[aria-live]").inner_text().startswith("Right: ")  # what was guessed before stays


def test_it_fits_and_is_accessible(fits_and_is_accessible, figure) -> None:
    fits_and_is_accessible(figure, "more than by chance")


def test_without_scripts_the_table_is_there(show, figure) -> None:
    page = show(figure, java_script_enabled=False)
    assert page.get_by_text("Of the quarter of the patches").is_visible()
    assert page.get_by_text("Guess where.").is_visible()
