"""The figure in which readers guess whom a denoiser follows: in a browser, without kernel or network."""

from __future__ import annotations

import pytest
import torch

from vtonlib.viz.noise import NoiseExplorer

PERSONS, LEVELS, H, W = 2, (999, 600, 200), 32, 24


@pytest.fixture(scope="module")
def figure() -> NoiseExplorer:
    g = torch.Generator().manual_seed(0)
    persons, given = (torch.rand(PERSONS, 3, H, W, generator=g) - 0.5 for _ in range(2))
    noisy, guessed = (torch.rand(3, PERSONS, 3, H, W, generator=g) - 0.5 for _ in range(2))
    follows = torch.tensor([[1, 1], [1, 0], [0, 0]]).bool()
    return NoiseExplorer(persons, given, noisy, guessed, follows, levels=LEVELS, caption="Guess.")


def cell(page, pane: str) -> tuple[int, int]:
    """Column and row of the picture of the sheet that a pane shows."""
    style = page.locator(f"[data-pane={pane}] img").evaluate("i => [i.style.left, i.style.top]")
    return tuple(round(-float(v.rstrip("%")) / 100) for v in style)


def test_the_guess_is_hidden_until_the_reader_has_answered(show, figure) -> None:
    page = show(figure)
    guess = page.locator("[data-pane=guess]")
    assert guess.inner_text() == "?" and (cell(page, "person"), cell(page, "noisy")) == ((0, 0), (2, 0))
    page.get_by_role("button", name="the one it is given").press("Enter")
    assert cell(page, "guess") == (3, 0)
    assert page.locator(".said").inner_text().startswith("Right: ")
    assert not page.get_by_role("button", name="the one in the noise").is_visible()
    page.get_by_role("button", name="noise level 200").click()
    page.get_by_role("button", name="person 2").click()
    assert guess.inner_text() == "?" and cell(page, "noisy") == (6, 1)
    page.get_by_role("button", name="the one it is given").click()
    assert cell(page, "guess") == (7, 1)
    assert (
        page.locator(".said").inner_text().startswith("No: ") and "1 of 2 right" in page.locator(".said").inner_text()
    )
    page.get_by_role("button", name="noise level 999").click()
    page.get_by_role("button", name="person 1").click()
    assert cell(page, "guess") == (3, 0)  # an answered question stays answered
