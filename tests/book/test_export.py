"""The zip works from a disk and is the same twice; the PDF has a title, contents, numbers, and its links lead on."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tools import site
from tools.book import export, paper
from tools.site import HTML, pages, published

pypdf = pytest.importorskip("pypdf")
built = pytest.mark.skipif(not (HTML / "index.html").exists(), reason="the site is not built: python3 -m tools book")
printing = pytest.mark.skipif(not export.browser(), reason="no Chromium is installed")


def test_a_zip_is_the_same_twice(tmp_path: Path) -> None:
    folder = tmp_path / "html"
    (folder / "book").mkdir(parents=True)
    (folder / "index.html").write_text("a")
    (folder / "book" / "b.html").write_text("b")
    (folder / ".buildinfo").write_text("when")
    one = export.as_zip(folder, tmp_path / "one.zip").read_bytes()
    assert export.as_zip(folder, tmp_path / "two.zip").read_bytes() == one
    names = zipfile.ZipFile(tmp_path / "one.zip").namelist()
    assert names == ["vton-book/book/b.html", "vton-book/index.html"]


@built
def test_what_the_zip_would_hold_can_be_searched_from_a_disk() -> None:
    """Search reads an index that is a script: pages from a disk may load scripts, not files."""
    assert (HTML / "searchindex.js").read_text(encoding="utf8").startswith("Search.setIndex(")
    page = (HTML / "search.html").read_text(encoding="utf8")
    assert "searchtools.js" in page and "searchindex.js" in page


def test_parts_hold_the_contents() -> None:
    assert [name for _, names in site.parts() for name in names] == pages()
    assert ("Orientation", ["notebooks/00_how_to_use", "notebooks/01_world"]) in site.parts()


def test_where_links_lead() -> None:
    here = "file:///x/_build/html"
    assert paper.inside(f"{here}/notebooks/01_world.html", here) == "notebooks/01_world"
    assert paper.inside(f"{published()}book/log.html", here) == "book/log"
    assert paper.inside(f"{here}/book/claims.html#a", here) == paper.inside("https://x.org/a.html", here) == ""
    assert paper.public(f"{here}/book/claims.html#a", here) == f"{published()}book/claims.html#a"
    assert paper.public("https://x.org/a.html", here) == "https://x.org/a.html"


PAGE = """<!doctype html><title>{title} — The book</title><h1>{title}</h1><p>한국어 中文</p>
<p><a href="{here}/book/log.html">log</a> <a href="{here}/book/log.html#sec-x">section</a></p>
<p style="break-before: page">second sheet</p>"""


@printing
def test_a_book_is_joined(tmp_path: Path) -> None:
    """Two pages of two sheets each, behind title and contents: a browser's work of seconds."""
    parts = {}
    for name, title in (("notebooks/01_world", "A world"), ("book/log", "A log")):
        source = tmp_path / f"{len(parts)}.html"
        source.write_text(PAGE.format(title=title, here=HTML.as_uri()), encoding="utf8")
        parts[name] = export.print_page(source, source.with_suffix(".pdf"))
    export.join(tmp_path / "book.pdf", parts)
    book = pypdf.PdfReader(tmp_path / "book.pdf")
    texts = [page.extract_text() for page in book.pages]
    assert len(texts) == 6 and "Version" in texts[0] and "Virtual try-on by attention" in texts[0]
    assert "Contents" in texts[1] and "A log" in texts[1] and texts[1].split("A log")[1].split()[0] == "3"
    assert [text.split()[-1] for text in texts[2:]] == ["1", "2", "3", "4"]
    assert [item.title for item in book.outline] == ["A world", "A log"]
    links = [a.get_object()["/A"] for a in book.pages[2].annotations]
    assert links[0]["/S"] == "/GoTo" and links[0]["/D"][0].get_object() == book.pages[4].get_object()
    assert links[1]["/URI"] == f"{published()}book/log.html#sec-x"
    assert all(a.get_object()["/A"]["/S"] == "/GoTo" for a in book.pages[1].annotations)
