"""The figure of all methods on one person as a reader has it: in a browser, without kernel or network."""

from __future__ import annotations

import pytest
import torch

from vtonlib.viz.painters import PaintersExplorer


@pytest.fixture(scope="module")
def figure() -> PaintersExplorer:
    pictures = torch.linspace(-1, 1, 288).view(2, 3, 8, 6)
    images = {name: pictures * share for name, share in (("a", 1), ("b", 0.5), ("c", 0.2), ("d", 0), ("e", -1))}
    readings = {"SSIM": torch.arange(10.0).view(5, 2) / 10}
    return PaintersExplorer(images, pictures, pictures, ["x", "y"], readings, ["b", "e"], caption="Guess.")


def test_the_reader_guesses_before_anything_is_named(show, figure) -> None:
    page = show(figure)
    assert page.locator(".who").inner_text() == "painted by?" and page.locator("[aria-live]").inner_text() == ""
    assert page.locator(".all > div").count() == 0 and page.locator(".offered button").count() == 4
    page.locator(".offered").get_by_role("button", name="b").click()
    assert page.locator("[aria-live]").inner_text() == "Right: b. 1 of 1 so far."
    assert page.locator(".all > div").count() == 5 and "SSIM 0.20" in page.locator(".all").inner_text()


def test_another_person_is_asked_about_anew(show, figure) -> None:
    page = show(figure)
    page.locator(".offered").get_by_role("button", name="b").click()
    page.locator(".people").get_by_role("button", name="y").click()
    assert page.locator(".who").inner_text() == "painted by?" and page.locator(".all > div").count() == 0
    wrong = next(name for name in page.locator(".offered button").all_inner_texts() if name != "e")
    page.locator(".offered").get_by_role("button", name=wrong).click()
    assert page.locator("[aria-live]").inner_text() == "No: e. 1 of 2 so far."


def test_it_fits_and_is_accessible(fits_and_is_accessible, figure) -> None:
    fits_and_is_accessible(figure, "b")
