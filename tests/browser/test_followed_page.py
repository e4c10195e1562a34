"""The figure of two maps as a reader has it: in a browser, without kernel or network."""

from __future__ import annotations

import pytest
import torch

from vtonlib.grids import coordinate_grid
from vtonlib.viz.followed import FollowedExplorer


@pytest.fixture(scope="module")
def figure() -> FollowedExplorer:
    truth, pictures = coordinate_grid(4, 3).expand(2, -1, -1, -1), torch.linspace(-1, 1, 288).view(2, 3, 8, 6)
    flows = {"near": 0.9 * truth, "far": -truth, "the truth": truth}
    ones = torch.ones(2, 1, 4, 3), torch.ones(2, 1, 8, 6)
    return FollowedExplorer(flows, pictures, pictures, truth, *ones, caption="Guess.")


def test_the_reader_guesses_before_anything_is_named(show, figure) -> None:
    page = show(figure)
    assert page.locator(".name0").inner_text() == "one map" and page.locator("[aria-live]").inner_text() == ""
    assert not page.locator(".net0").is_visible()
    page.get_by_role("button", name="the right one's").click()  # of the first person the second map stands left
    near, far = figure.errors["near"][0], figure.errors["far"][0]
    assert page.locator("[aria-live]").inner_text() == f"Right: far errs by {far:.2f}, near errs by {near:.2f} tokens."
    assert page.locator(".net0").is_visible() and page.locator(".net0 circle").count() == 12
    page.locator(".arms0").get_by_role("button", name="the truth").click()
    assert page.locator("[aria-live]").inner_text().startswith("the truth errs by 0.00")


def test_another_person_is_asked_about_anew(show, figure) -> None:
    page = show(figure)
    page.get_by_role("button", name="about alike").click()
    page.locator(".people").get_by_role("button", name="2").click()
    assert page.locator(".name0").inner_text() == "one map"
    page.locator(".people").get_by_role("button", name="1").click()
    assert page.locator("[aria-live]").inner_text().startswith("No: ")


def test_it_fits_and_is_accessible(fits_and_is_accessible, figure) -> None:
    fits_and_is_accessible(figure, "about alike")
