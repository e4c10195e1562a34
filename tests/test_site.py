"""The built site: complete, every local link resolves, images have a text, nothing is loaded from another host."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from tools.book import light
from tools.shell import ROOT
from tools.site import HTML, missing_pages, pages, published

PAGES = [p for p in sorted(HTML.rglob("*.html")) if "_static" not in p.parts]
built = pytest.mark.skipif(not PAGES, reason="the site is not built: python3 -m tools book")
LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
EXPLORER = re.compile(
    r"<(vton-\w+)\b.*?</\1>\s*(?:<script type=\"module\">.*?</script>)?",
    flags=re.DOTALL,
)
EXPLORERS, PAGE = 400_000, 1_500_000
"""Bytes: of the explorers of one page, and, compressed, of a page with everything that it loads."""
NOT_LOADED = {"canonical", "search", "index", "next", "prev", "author", "copyright"}
TEXT = {".html", ".js", ".css", ".svg", ".json"}


@pytest.fixture(scope="module")
def soup() -> dict[Path, BeautifulSoup]:
    return {p: BeautifulSoup(p.read_text(encoding="utf8"), "html.parser") for p in PAGES}


def foreign(page: BeautifulSoup) -> list[str]:
    """What ``page`` loads from another host."""
    found = []
    for tag, attribute in LOADS.items():
        for element in page.find_all(tag):
            url = element.get(attribute, "")
            loaded = tag != "link" or not NOT_LOADED & set(element.get("rel", []))
            if loaded and (urlsplit(url).scheme in {"http", "https"} or url.startswith("//")):
                found.append(url)
    styles = " ".join(element.get_text() for element in page.find_all("style"))
    return found + (["url() in a style"] if "url(http" in styles.replace('"', "") else [])


def broken(page: Path, soup: dict[Path, BeautifulSoup], ids: dict[Path, set[str]]) -> list[str]:
    """The local links of ``page`` that lead nowhere."""
    found = []
    for element in soup[page].find_all(["a", "img", "script", "link"]):
        url = urlsplit(element.get("href") or element.get("src") or "")
        if url.scheme or url.netloc or not (url.path or url.fragment):
            continue
        target = (page.parent / unquote(url.path)).resolve() if url.path else page
        target = target / "index.html" if target.is_dir() else target
        if not target.exists() or (url.fragment and target in ids and unquote(url.fragment) not in ids[target]):
            found.append(url.geturl())
    return found


def explorer_bytes(html: str) -> int:
    """What the explorers add to a page: their elements with data and fallback, and the script of each."""
    return sum(len(match[0].encode()) for match in EXPLORER.finditer(html))


def weight(page: Path, soup: BeautifulSoup) -> int:
    """The compressed bytes of a page and of the files of the site that it shows or runs, each counted once."""
    loading = [e for e in soup.find_all([*LOADS]) if e.name != "link" or not NOT_LOADED & set(e.get("rel", []))]
    urls = {element.get(LOADS[element.name], "") for element in loading}
    files = {(page.parent / unquote(urlsplit(url).path)).resolve() for url in urls if not urlsplit(url).scheme}
    return sum(map(compressed, (file for file in files | {page} if file.is_file())))


@cache
def compressed(file: Path) -> int:
    """The size of a file as a server sends it: text by gzip, pictures and fonts as they are."""
    return len(gzip.compress(file.read_bytes(), 6)) if file.suffix in TEXT else file.stat().st_size


def without_text(page: BeautifulSoup) -> list[str]:
    """Images whose alternative text is missing, or is only the name of a file."""
    images = page.select("article img")
    return [i.get("src", "") for i in images if not i.get("alt") or "_images/" in i["alt"] or i["alt"].endswith(".png")]


def test_contents_name_the_first_page_first() -> None:
    assert pages()[0] == "book/index" and len(pages()) == len(set(pages()))


@built
def test_every_page_of_the_contents_is_there() -> None:
    assert missing_pages() == []


@built
def test_nothing_is_loaded_from_another_host(soup: dict[Path, BeautifulSoup]) -> None:
    assert {str(p.relative_to(HTML)): foreign(s) for p, s in soup.items() if foreign(s)} == {}


@built
def test_local_links_resolve(soup: dict[Path, BeautifulSoup]) -> None:
    ids = {page: {element["id"] for element in s.find_all(id=True)} for page, s in soup.items()}
    assert {str(p.relative_to(HTML)): found for p in soup if (found := broken(p, soup, ids))} == {}


@built
def test_links_to_the_published_site_resolve(soup: dict[Path, BeautifulSoup]) -> None:
    """What notebooks link to by the site's address is a page of this site, and an anchor on it."""
    ids = {page.relative_to(HTML).as_posix(): {e["id"] for e in s.find_all(id=True)} for page, s in soup.items()}
    named = [element["href"] for s in soup.values() for element in s.select("article a[href]")]
    for name in pages():
        notebook = ROOT / f"{name}.ipynb"
        named += re.findall(r"\]\((http[^)\s]+)\)", notebook.read_text(encoding="utf8")) if notebook.exists() else []
    broken = set()
    for url in {url for url in named if url.startswith(published())}:
        page, _, fragment = url.removeprefix(published()).partition("#")
        known = ids.get(page or "index.html")
        found = known is not None and (not fragment or unquote(fragment) in known)
        broken |= set() if found or (page.startswith("_static/") and (HTML / page).exists()) else {url}
    assert broken == set()


@built
def test_icons_of_pages_are_in_the_script() -> None:
    """The script of icons is cut to those that pages name (tools/book/light.py)."""
    script = (HTML / light.ICONS).read_text(encoding="utf8")
    entries = list(light.ENTRY.finditer(script))
    known = {name for e in entries for name in (e["name"], *re.findall(r'"([^"]+)"', e["aliases"]))}
    shown = {n for p in PAGES for n in re.findall(r'class="fa-\w+ fa-([a-z-]+)', p.read_text(encoding="utf8"))}
    assert shown and shown <= known and len(script) < 200_000


@built
def test_no_markup_is_left_unrendered(soup: dict[Path, BeautifulSoup]) -> None:
    assert [str(p.relative_to(HTML)) for p, s in soup.items() if s.select(".problematic, .system-message")] == []


@built
def test_images_have_an_alternative_text(soup: dict[Path, BeautifulSoup]) -> None:
    assert {str(p.relative_to(HTML)): without_text(s) for p, s in soup.items() if without_text(s)} == {}


@built
def test_mathematics_comes_with_the_site() -> None:
    assert list((HTML / "_static").rglob("tex-*chtml*.js"))


@built
def test_pages_do_not_tell_where_they_were_built() -> None:
    assert [str(p.relative_to(HTML)) for p in PAGES if str(ROOT) in p.read_text(encoding="utf8")] == []


@built
def test_explorers_and_pages_are_light(soup: dict[Path, BeautifulSoup], record_property: Callable) -> None:
    """What each page weighs is recorded; pytest's summary shows it (tests/conftest.py)."""
    explorers = {p.relative_to(HTML).as_posix(): explorer_bytes(p.read_text(encoding="utf8")) for p in soup}
    weights = {p.relative_to(HTML).as_posix(): weight(p, s) for p, s in soup.items()}
    record_property("page weight", [(weights[name], explorers[name], name) for name in weights])
    assert any(explorers.values())
    assert {name: size for name, size in explorers.items() if size > EXPLORERS} == {}
    assert {name: size for name, size in weights.items() if size > PAGE} == {}


def test_the_checks_find_what_they_look_for(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<article><script src="https://x.org/a.js"></script><img src="b.png" alt=""><a href="no.html">n</a>'
        '<a href="#gone">g</a><a href="https://x.org">fine</a><link rel="canonical" href="https://x.org/a.html"></article>'
    )
    page = tmp_path / "a.html"
    soup = {page: BeautifulSoup(page.read_text(), "html.parser")}
    assert explorer_bytes('<p>é</p><vton-matrix a="1">é</vton-matrix>\n<script type="module">1</script><b>2</b>') == 68
    alone = compressed(page)
    assert weight(page, soup[page]) == alone < page.stat().st_size
    (tmp_path / "b.png").write_bytes(b"12345")
    assert weight(page, soup[page]) == alone + 5
    (tmp_path / "b.png").unlink()
    assert foreign(soup[page]) == ["https://x.org/a.js"]
    assert without_text(soup[page]) == ["b.png"]
    assert broken(page, soup, {page: set()}) == ["b.png", "no.html", "#gone"]
