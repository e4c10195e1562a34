"""The buttons of the built site: Colab opens the page's own notebook, and an issue asks what is needed."""

from __future__ import annotations

from functools import cache
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup

from tools.book import page, plain, setup_cell
from tools.site import HTML, pages, published, repository

built = pytest.mark.skipif(not (HTML / "index.html").exists(), reason="the site is not built: python3 -m tools book")


def links(name: str) -> list[str]:
    soup = BeautifulSoup((HTML / f"{name}.html").read_text(encoding="utf8"), "html.parser")
    return [str(a["href"]) for a in soup.select("a[href]")]


def test_colab_opens_a_file_of_this_repository() -> None:
    url, branch = repository()
    owner = url.removeprefix("https://github.com/")
    expected = f"https://colab.research.google.com/github/{owner}/blob/{branch}/notebooks/01_x.ipynb"
    assert setup_cell.colab("notebooks/01_x") == expected


@built
def test_every_notebook_has_its_colab_button() -> None:
    for name in page.notebook_names():
        colab = {link for link in links(name) if link.startswith("https://colab.research.google.com")}
        assert colab == {setup_cell.colab(name)}, name


@built
@pytest.mark.parametrize("name", pages())
def test_issues_ask_what_is_needed(name: str) -> None:
    issues = [unquote(link) for link in links(name) if "/issues/new" in link]
    assert issues and all(f"Page: {name} (vtonlib {setup_cell.version()})" in issue for issue in issues)
    assert not any("Your issue content here" in issue for issue in issues)


@cache
def ids(file: str) -> frozenset[str] | None:
    """The ids of a built page; None where there is none."""
    path = HTML / file
    if not path.exists():
        return None
    soup = BeautifulSoup(path.read_text(encoding="utf8"), "html.parser")
    return frozenset(str(element["id"]) for element in soup.find_all(id=True))


@built
@pytest.mark.parametrize("name", page.notebook_names())
def test_links_from_a_notebook_to_the_site_lead_somewhere(name: str) -> None:
    """As a reader of Colab follows them: to the published pages, which are those of the local build."""
    shown, wrong = page.load(name), []
    assert shown
    for reference in (r for cell in shown.markdown for r in plain.references(cell.source)):
        if reference.href.startswith(published()):
            file, _, fragment = reference.href.removeprefix(published()).partition("#")
            known = ids(file)
            wrong += [] if known is not None and (not fragment or fragment in known) else [reference.href]
    assert wrong == []


@built
@pytest.mark.parametrize("name", page.notebook_names())
def test_equations_have_the_numbers_of_the_notebook(name: str) -> None:
    shown = page.load(name)
    assert shown
    soup = BeautifulSoup((HTML / f"{name}.html").read_text(encoding="utf8"), "html.parser")
    numbers = [element.get_text().partition(")")[0].strip("(") for element in soup.select("article .eqno")]
    assert numbers == [match["tag"] for cell in shown.markdown for match in plain.EQUATION.finditer(cell.source)]


@built
def test_pages_that_follow_from_other_files_hold_their_tables() -> None:
    for name in ("status", "claims", "equations", "ledger", "exercises"):
        soup = BeautifulSoup((HTML / "book" / f"{name}.html").read_text(encoding="utf8"), "html.parser")
        assert soup.select_one("div.book-table") is not None, name
