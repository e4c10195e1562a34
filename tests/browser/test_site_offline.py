"""The built site as a reader without network has it: opened from disk, an explorer is two clicks away and works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tools.site import HTML

FIRST_PAGE = HTML / "index.html"
CLICKS = 2
pytestmark = pytest.mark.skipif(not FIRST_PAGE.exists(), reason="the site is not built: python3 -m tools book")


@pytest.fixture
def site(browser: Any) -> Iterator[Any]:
    """The first page by file://, without network; afterwards nothing may have failed or been asked for elsewhere."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page, faults, requests = context.new_page(), [], []
    page.set_default_timeout(60_000)  # for a busy machine; nothing is measured by it
    page.on("console", lambda m: faults.append(f"{m.type}: {m.text}") if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("requestfailed", lambda request: faults.append(f"not there: {request.url}"))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(FIRST_PAGE.as_uri())
    page.wait_for_load_state("load")
    yield page
    context.close()
    assert faults == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []


def follow(page: Any, name: str) -> None:
    """One click on the first visible link of that name."""
    page.get_by_role("link", name=name).locator("visible=true").first.click()
    page.wait_for_load_state("load")


def readout(figure: Any) -> list[str]:
    """What an attention explorer says of the chosen patch: its place first."""
    return figure.locator("dl > div").all_inner_texts()


def works(page: Any, figure: Any) -> None:
    """By mouse and by keyboard another patch is chosen, and its reading changes; a slider changes the reading alone."""
    stage = figure.locator(".person .stage")
    stage.scroll_into_view_if_needed()
    figure.get_by_label("ask me first").uncheck()
    seen = [readout(figure)]
    box = stage.bounding_box()
    stage.click(position={"x": box["width"] * 0.45, "y": box["height"] * 0.55})
    for key in ("Home", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
        seen.append(readout(figure))
    places = {reading[0] for reading in seen}
    assert len(places) >= 3 and all(reading[1:] for reading in seen)
    figure.locator("[name=temperature]").fill("3")
    assert readout(figure)[0] == seen[-1][0] and readout(figure)[1:] != seen[-1][1:]


def test_first_page_has_a_working_explorer(site: Any) -> None:
    works(site, site.locator("vton-attention").first)


@pytest.mark.parametrize(
    "path",
    [["How to use this book", "Virtual try-on, and a world"], ["Cross-attention read as a matching"]],
    ids=lambda path: path[-1],
)
def test_an_explorer_is_two_clicks_away(site: Any, path: list[str]) -> None:
    assert len(path) <= CLICKS
    for name in path:
        follow(site, name)
    figures = site.locator("vton-attention")
    assert figures.count() == 1
    works(site, figures.first)


def test_matrix_of_the_first_chapter_works(site: Any) -> None:
    follow(site, "How to use this book")
    matrix = site.locator("vton-matrix").first

    def result() -> list[list[float]]:
        return matrix.evaluate("e => e.result.value")

    before = result()
    matrix.locator("button").first.click()
    painted = result()
    site.keyboard.press("ArrowRight")
    site.keyboard.press("Space")
    assert before != painted != result()
    assert result()[1] == before[1]  # another row keeps its attention


def test_mathematics_is_set_without_network(site: Any) -> None:
    follow(site, "Virtual try-on, and a world")
    site.wait_for_selector("article mjx-container")
    assert site.locator("article merror, article mjx-merror").count() == 0


def test_search_finds_pages_from_disk(browser: Any) -> None:
    """What it finds is listed, without excerpts: Chromium lets no script read other pages from disk."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(f"{(HTML / 'search.html').as_uri()}?q=zero+cross-attention")
    page.wait_for_selector("#search-results li a", timeout=60_000)
    assert "Cross-attention read as a matching" in page.locator("#search-results").inner_text()
    context.close()
