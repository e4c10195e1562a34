"""The figure of two pictures and a measure as a reader has it: in a browser, without kernel or network."""

from __future__ import annotations

import pytest
import torch

from vtonlib.viz.preferred import Preference, PreferredExplorer


@pytest.fixture(scope="module")
def figure() -> PreferredExplorer:
    pictures = {
        name: torch.full((2, 3, 8, 6), shade) for name, shade in (("truth", -1.0), ("dark", -0.5), ("light", 0.9))
    }
    measures = {
        "likeness": Preference({"dark": torch.tensor([0.9, 0.4]), "light": torch.tensor([0.1, 0.6])}, higher=True),
        "set distance": Preference({"dark": 3.0, "light": 1.0}, higher=False, digits=1),
    }
    return PreferredExplorer(pictures, measures, [("dark", "light", 0), ("light", "dark", 1)], caption="Guess.")


def test_names_and_values_come_after_the_guess(show, figure) -> None:
    page = show(figure)
    assert page.locator(".name0").inner_text() == "one" and not page.locator(".scroll").is_visible()
    page.get_by_role("button", name="the right one").click()
    assert page.locator("[aria-live]").inner_text() == 'No: likeness prefers "dark".'
    assert page.locator(".name1").inner_text() == "light"
    assert page.locator("td.best").all_inner_texts() == ["0.900", "1.0"]


def test_every_measure_and_pair_is_asked_about_anew(show, figure) -> None:
    page = show(figure)
    page.get_by_role("button", name="the left one").click()
    assert page.locator("[aria-live]").inner_text().startswith("Right")
    page.get_by_role("button", name="set distance").click()
    assert page.locator(".asked").is_visible()
    page.locator(".pairs").get_by_role("button", name="2").click()
    page.get_by_role("button", name="the left one").click()
    assert page.locator("[aria-live]").inner_text() == 'Right: set distance prefers "light".'


def test_it_fits_and_is_accessible(fits_and_is_accessible, figure) -> None:
    fits_and_is_accessible(figure, "the left one")
