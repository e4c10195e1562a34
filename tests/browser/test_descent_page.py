"""The figure of descents as a reader has it: in a browser, without kernel or network."""

from __future__ import annotations

import pytest
import torch

from vtonlib.attention import Grid
from vtonlib.attention.descent import descend
from vtonlib.attention.zoo import attention_zoo
from vtonlib.grids import coordinate_grid
from vtonlib.losses.entropy import attention_entropy
from vtonlib.losses.total_variation import attention_total_variation
from vtonlib.viz.descent import DescentExplorer


@pytest.fixture(scope="module")
def figure() -> DescentExplorer:
    grid, mask = Grid(4, 3), torch.ones(1, 1, 4, 3)
    truth, picture = coordinate_grid(*grid), torch.linspace(-1, 1, 144).view(3, 8, 6)
    zoo = attention_zoo(truth[None])
    losses = {
        "variation": lambda r: attention_total_variation(r, mask),
        "entropy": lambda r: attention_entropy(r, mask),
    }
    found = {
        (start, mixture): descend(zoo[start], losses, {mixture: 1.0}, steps=(0, 20, 40), rate=3.0)
        for start in ("blurred", "flip")
        for mixture in losses
    }
    return DescentExplorer(found, picture, picture, truth, mask[0], caption="Guess.")


def test_the_reader_guesses_before_the_steps_are_shown(show, figure) -> None:
    page = show(figure)
    slider = page.locator("input[type=range]")
    assert slider.is_disabled()
    page.get_by_role("button", name="farther from it").click()
    errors = figure.errors["blurred", "variation"]
    said = page.locator("[aria-live]").inner_text()
    verdict = "Right: farther" if errors[-1] > 1.1 * errors[0] else "No: "
    assert said.startswith(verdict) and f"{errors[0]:.2f} to {errors[-1]:.2f} tokens" in said
    assert slider.is_enabled() and slider.input_value() == "2"
    slider.fill("1")
    shown = page.locator("dd").all_inner_texts()
    assert shown[0] == f"{errors[1]:.2f}" and page.locator("output").inner_text() == "20 of 40"


def test_another_map_is_asked_about_anew(show, figure) -> None:
    page = show(figure)
    page.get_by_role("button", name="hardly anywhere").click()
    page.get_by_role("button", name="flip", exact=True).click()
    assert page.locator("input[type=range]").is_disabled() and page.locator("[aria-live]").inner_text() == ""
    page.get_by_role("button", name="blurred", exact=True).click()
    assert page.locator("[aria-live]").inner_text() != ""  # what was guessed before stays
    assert page.locator(".net circle").count() == 12


def test_it_fits_and_is_accessible(fits_and_is_accessible, figure) -> None:
    fits_and_is_accessible(figure, "farther from it")


def test_without_scripts_the_table_is_there(show, figure) -> None:
    page = show(figure, java_script_enabled=False)
    assert (
        page.get_by_text("From the first to the last of 40 steps").is_visible()
        and page.get_by_text("Guess.").is_visible()
    )
