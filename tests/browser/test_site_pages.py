"""Every page of the built site in Chromium: it fits phone, tablet and desk, axe finds nothing, nothing is fetched.

Each page is opened once, by a test of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tools.site import HTML, pages

WIDTHS = (1280, 768, 390)
# MathJax's drawings are left out: they are hidden from assistive technology, which reads the MathML beside them.
THEMES_OWN: dict[str, str] = {}
"""Rules of axe that the theme breaks where we cannot mend it, each with its reason."""
SCROLLS = """() => {
    document.querySelectorAll('.cell details').forEach(e => { e.open = true })
    return [...document.querySelectorAll('.cell_input pre, .highlight pre')]
    .filter(e => e.offsetParent && e.scrollWidth > e.clientWidth + 1).map(e => e.innerText.slice(0, 60)) }"""
WIDE = """() => {
    const width = document.documentElement.clientWidth
    if (document.documentElement.scrollWidth <= width) return []
    const wide = [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > width + 1)
    return [document.documentElement.scrollWidth, ...wide.slice(0, 3).map(e => e.outerHTML.slice(0, 80))].map(String)
}"""
AXE = """options => axe.run({exclude: ['mjx-container']}, {resultTypes: ['violations'], ...options}).then(
    found => found.violations.flatMap(rule => rule.nodes.map(
        node => `${rule.id}: ${node.target.join(' ')}: ${node.html.slice(0, 120)}`)))"""
FEW = """() => {
    [...document.querySelectorAll('dt.sig')].slice(5).forEach(e => { e.textContent = e.textContent })
    document.querySelectorAll('tbody tr:nth-child(n+6), table > tr:nth-child(n+6)').forEach(e => e.remove())
}"""
"""Leaves few of what is repeated by the thousand, signatures and rows of tables: axe looks at every element."""
THIN = """() => {
    document.head.insertAdjacentHTML('beforeend', '<style>* { transition: none !important }</style>')
    const speaks = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
    const kinds = new Map([...document.querySelectorAll('article *')].filter(speaks).map(e => [e, '']))
    for (const theme of ['light', 'dark']) {
        document.documentElement.dataset.theme = theme
        const grounds = new Map([[null, '']])
        const ground = e => {
            if (!grounds.has(e)) {
                const own = getComputedStyle(e).backgroundColor
                grounds.set(e, own === 'rgba(0, 0, 0, 0)' ? ground(e.parentElement) : own)
            }
            return grounds.get(e)
        }
        for (const [e, kind] of kinds) {
            const s = getComputedStyle(e)
            kinds.set(e, [kind, s.color, ground(e), s.fontSize, s.fontWeight, s.opacity].join())
        }
    }
    const seen = new Set()
    const thin = e => {
        const own = [e, ...e.querySelectorAll('*')].filter(part => kinds.has(part)).map(part => kinds.get(part))
        if (own.every(kind => seen.has(kind))) return e.remove()
        if (kinds.has(e)) seen.add(kinds.get(e))
        for (const child of [...e.children]) thin(child)
    }
    for (const e of [...document.querySelectorAll('article > *')]) thin(e)
}"""
"""Leaves one piece of text for each combination of colours, grounds, size and weight: to check contrast takes long."""
pytestmark = pytest.mark.skipif(not HTML.exists(), reason="the site is not built: python3 -m tools book")


@dataclass
class Seen:
    """What one page showed that it should not."""

    wide: dict[int, list[str]] = field(default_factory=dict)
    """Elements wider than a window of this width"""
    scrolling: list[str] = field(default_factory=list)
    """Code that scrolls sideways on a desk"""
    faults: dict[str, list[str]] = field(default_factory=dict)
    """What axe finds, by theme"""
    foreign: list[str] = field(default_factory=list)
    """Requests that leave the host."""


def look(page: Any, name: str, axe: str) -> Seen:
    """Open a page, and look at it in every width and theme."""
    seen, requests = Seen(), list[str]()
    page.on("request", watch := lambda request: requests.append(request.url))
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    page.goto((HTML / f"{name}.html").as_uri())
    page.evaluate("() => window.MathJax?.startup?.promise")
    seen.scrolling = page.evaluate(SCROLLS)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        if wide := page.evaluate(WIDE):
            seen.wide[width] = wide
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})  # where the theme's script has set its tab stops
    page.evaluate(FEW)
    page.evaluate(axe)
    found = {"light": page.evaluate(AXE, {"rules": {"color-contrast": {"enabled": False}}}), "dark": []}
    page.evaluate(THIN)
    for theme in found:
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        found[theme] += page.evaluate(AXE, {"runOnly": ["color-contrast"]})
        if faults := [line for line in found[theme] if line.partition(":")[0] not in THEMES_OWN]:
            seen.faults[theme] = faults
    page.remove_listener("request", watch)
    seen.foreign = [url for url in requests if not url.startswith(("file:", "data:", "blob:"))]
    return seen


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe."""
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    return next(Path(folder) / "axe.min.js" for folder in package.__path__).read_text(encoding="utf8")


@pytest.fixture(scope="module")
def window(browser: Any) -> Iterator[Any]:
    """One tab, in which all pages are opened one after another."""
    context = browser.new_context(offline=True, color_scheme="light")
    context.set_default_timeout(60_000)  # for a busy machine; nothing is measured by it
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", pages())
def test_a_page_fits_is_accessible_and_fetches_nothing(window: Any, axe: str, name: str) -> None:
    assert look(window, name, axe) == Seen()


def test_a_faulty_page_is_found(browser: Any, tmp_path: Path) -> None:
    code = "<pre style='overflow: auto; width: 100px'>" + "x" * 99 + "</pre>"
    (tmp_path / "a.html").write_text(f"<main><div class=highlight>{code}</div><p style='width: 900px'>p</p></main>")
    context = browser.new_context(offline=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto((tmp_path / "a.html").as_uri())
    assert page.evaluate(SCROLLS) == ["x" * 60] and page.evaluate(WIDE)[0] == "908"
    context.close()


def test_pale_text_is_found_among_much_text(browser: Any, axe: str, tmp_path: Path) -> None:
    plain, pale = "<p>text</p>" * 50, "<p style='background: #ddd'><b style='color: #bbb'>pale</b></p>" * 2
    (tmp_path / "a.html").write_text(f"<html lang=en><title>t</title><main><article><h1>h</h1>{plain}{pale}</article>")
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto((tmp_path / "a.html").as_uri())
    page.evaluate(axe)
    page.evaluate(THIN)
    assert page.locator("p").count() == 2
    found = page.evaluate(AXE, {"runOnly": ["color-contrast"]})
    assert len(found) == 1 and found[0].startswith("color-contrast")
    context.close()
