"""The wardrobe as a reader has it: in a browser, without kernel or network."""

from __future__ import annotations

import pytest
import torch

from vtonlib.viz.wardrobe import Wardrobe

PERSONS, GARMENTS, SEEDS, H, W = 2, 3, 2, 32, 24


@pytest.fixture(scope="module")
def figure() -> Wardrobe:
    g = torch.Generator().manual_seed(0)
    shape = (PERSONS, GARMENTS, SEEDS, 3, H, W)
    persons, garments, painted = (
        torch.rand(*s, generator=g) - 0.5 for s in (shape[:1] + shape[3:], (3, 3, H, W), shape)
    )
    return Wardrobe(persons, garments, painted, truth=painted[:, :, 0], seeds=(0, 7), caption="Choose.")


def cell(page, pane: str) -> tuple[int, int]:
    """Column and row of the picture of the sheet that a pane shows."""
    style = page.locator(f"[data-pane={pane}] img").evaluate("i => [i.style.left, i.style.top, i.complete]")
    assert style[2]
    return tuple(round(-float(v.rstrip("%")) / 100) for v in style[:2])


def test_choices_show_their_pictures(show, figure) -> None:
    page = show(figure)
    assert (cell(page, "garment"), cell(page, "person"), cell(page, "painted")) == ((1, 0), (0, 1), (2, 1))
    page.get_by_role("button", name="garment 3").click()
    page.get_by_role("button", name="person 2").click()
    page.get_by_role("button", name="seed 7").click()
    assert (cell(page, "garment"), cell(page, "person"), cell(page, "painted")) == ((7, 0), (0, 2), (9, 2))
    assert page.locator("[aria-pressed=true]").count() == 3
    assert page.locator("[aria-live]").inner_text() == "person 2 in garment 3 as painted with seed 7."
    assert page.locator("vton-wardrobe").evaluate("e => e.state") == {
        "garment": 2,
        "person": 1,
        "seed": 1,
        "truth": False,
    }


def test_the_truth_is_shown_on_demand_and_hidden_with_a_new_choice(show, figure) -> None:
    page = show(figure)
    page.get_by_role("button", name="show the truth").press("Enter")
    assert cell(page, "truth") == (1, 1) and not page.get_by_role("button", name="show the truth").is_visible()
    page.get_by_role("button", name="seed 7").click()
    assert cell(page, "truth") == (1, 1)
    page.get_by_role("button", name="person 2").click()
    assert page.get_by_role("button", name="show the truth").is_visible()


def test_what_cannot_be_chosen_is_not_offered(show) -> None:
    x = torch.zeros(1, 3, H, W)
    page = show(Wardrobe(x, x, x[:, None, None]))
    assert page.locator("fieldset:visible").count() == 0 and not page.locator(".known").is_visible()


def test_it_fits_and_is_accessible(fits_and_is_accessible, figure) -> None:
    fits_and_is_accessible(figure, "show the truth")


def test_without_scripts_the_whole_sheet_is_there(show, figure) -> None:
    page = show(figure, java_script_enabled=False)
    assert page.locator("vton-wardrobe > figure > img").is_visible() and page.get_by_text("Choose.").is_visible()
