"""Pages in headless Chromium: what is logged and what is asked for is recorded, and both must be clean at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = os.environ.get("VTON_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-pings", "--disable-default-apps"),
)
THEMES = {
    "light": "html { color-scheme: light; background: #fff; color: #222832; --pst-color-background: #fff }",
    "dark": "html { color-scheme: dark; background: #14181e; color: #ced6dd; --pst-color-background: #14181e }",
    "none": "html { color-scheme: light dark }",
}


@dataclass
class Log:
    """What the pages of one test said and asked for."""

    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def watch(self, page: Any) -> None:
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))

    def check(self) -> None:
        assert self.console == []
        assert [url for url in self.requests if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, or a skip that says what is missing."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install --no-install-recommends chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a file, with the options of Playwright's ``new_context``; afterwards logs and requests must be clean."""
    log, contexts = Log(), []

    def opened(path: Path, *, width: int = 800, **options: Any) -> Any:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, offline=True, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)  # for a busy machine; nothing is measured by it
        log.watch(page)
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    log.check()


@pytest.fixture
def show(open_page: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Opens a page that holds some figures, on a light or dark theme or on none."""

    def shown(*figures: Any, theme: str = "light", **options: Any) -> Any:
        body = "<h1>Figures</h1>" + "\n".join(figure._repr_html_() for figure in figures)
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Figures</title>'
        text = f'<!doctype html><html lang="en">{head}<style>{THEMES[theme]}</style><main>{body}</main></html>'
        file = tmp_path / f"{theme}.html"
        file.write_text(text, encoding="utf8")
        return open_page(file, **options)

    return shown


@pytest.fixture
def violations() -> Callable[..., list[str]]:
    """The rules of axe-core that a page, or a part of it, breaks."""
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    source = next(Path(folder) / "axe.min.js" for folder in package.__path__)

    def broken(page: Any, part: str = "main") -> list[str]:
        page.evaluate(source.read_text(encoding="utf8"))
        found = page.evaluate("part => axe.run(part)", part)
        assert found["passes"], "axe checked nothing"
        return [f"{rule['id']}: {node['html'][:90]}" for rule in found["violations"] for node in rule["nodes"]]

    return broken


@pytest.fixture
def fits_and_is_accessible(show: Callable[..., Any], violations: Callable[..., list[str]]) -> Callable[..., None]:
    """Asserts that a figure fits a narrow and a wide page and breaks no rule, before and after a button is pressed."""

    def check(figure: Any, button: str) -> None:
        for theme in ("light", "dark"):
            page = show(figure, theme=theme, color_scheme=theme)
            for width in (360, 900):
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert violations(page) == []
            page.get_by_role("button", name=button).click()
            assert violations(page) == []

    return check
