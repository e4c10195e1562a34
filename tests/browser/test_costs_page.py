"""The explorer of costs as a reader has it: in a browser, without kernel or network."""

from __future__ import annotations

import pytest

from vtonlib.ladder import counted
from vtonlib.viz.costs import PARTS, SCENES, CostExplorer


@pytest.fixture(scope="module")
def figure() -> CostExplorer:
    found = counted()
    pairs = {width: (found[f"width {width} rows 256"], found[f"width {width} rows 512"]) for width in (80, 160)}
    pairs[320] = found["width 320 rows 256"], found["StableVITON 12"]
    return CostExplorer(pairs, caption="Guess.")


def test_the_reader_guesses_before_anything_is_told(show, figure) -> None:
    page = show(figure)
    assert page.locator("[aria-live]").inner_text() == "" and not page.locator(".memory").is_visible()
    parts = figure.memory(**SCENES[0]["state"])
    most = max(range(4), key=parts.__getitem__)
    page.get_by_role("button", name=PARTS[(most + 1) % 4]).click()
    said = page.locator("[aria-live]").inner_text()
    assert said.startswith(f"No: {PARTS[most]}, {parts[most] / 1e9:.1f} GB of {sum(parts) / 1e9:.0f} GB;")
    assert said.endswith("attention is 20 % of the operations.")
    assert page.locator(".memory .bar").count() == 4 and page.locator(".flop .bar").count() == 2


def test_sliders_change_what_is_told_and_no_verdict_is_left(show, figure) -> None:
    page = show(figure)
    page.get_by_role("button", name="kept for the backward pass").click()
    page.locator("[data-of=rows]").fill("1024")
    page.locator("[data-of=maps]").select_option("1")
    state = {**SCENES[0]["state"], "rows": 1024, "maps": 1}
    parts = figure.memory(**state)
    said = page.locator("[aria-live]").inner_text()
    assert said.startswith(f"kept for the backward pass, {parts[3] / 1e9:.0f} GB of {sum(parts) / 1e9:.0f} GB;")
    assert "attention is 50 % of the operations" in said


def test_another_setting_is_asked_about_anew(show, figure) -> None:
    page = show(figure)
    page.get_by_role("button", name="weights").click()
    page.get_by_role("button", name="a batch of 32").click()
    assert page.locator(".asked").is_visible() and not page.locator(".memory").is_visible()
    page.get_by_role("button", name="kept for the backward pass").click()
    assert page.locator("[aria-live]").inner_text().startswith("Right: kept for the backward pass")


def test_it_fits_and_is_accessible(fits_and_is_accessible, figure) -> None:
    fits_and_is_accessible(figure, "weights")
