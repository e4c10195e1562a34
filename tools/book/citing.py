"""How to cite the book and its chapters, as BibTeX made of ``CITATION.cff`` and of the chapters' titles."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tools.book.page import Page
from tools.shell import ROOT
from tools.site import published

FILE = ROOT / "CITATION.cff"
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


def recorded(key: str) -> str:
    """What the preferred citation says under ``key``.

    Raises:
        LookupError: where it says nothing.
    """
    book = FILE.read_text(encoding="utf8").partition("preferred-citation:\n")[2]
    if not (match := re.search(rf"^ +(?:- )?{key}: \"?(.*?)\"?$", book, re.MULTILINE)):
        raise LookupError(f"CITATION.cff: expected preferred-citation with {key}")
    return match[1]


def entry(kind: str, key: str, fields: dict[str, str]) -> list[str]:
    """An entry of BibTeX."""
    width = max(map(len, fields))
    return [f"@{kind}{{{key},", *(f"  {name:{width}} = {{{value}}}," for name, value in fields.items()), "}", ""]


def title(page: Page) -> str:
    """The title of a chapter."""
    match = TITLE.search(page.cells[0].source)
    return match[1].strip() if match else page.name


def entries(pages: Sequence[Page]) -> list[str]:
    """The book, then each chapter."""
    key = f"vtonbook{recorded('year')}"
    common = {
        "author": f"{{{recorded('name')}}}",
        "year": recorded("year"),
        "edition": f"Version {recorded('version')}",
    }
    whole = recorded("title")
    found = entry("book", key, {"title": whole, **common, "url": published()})
    for page in pages:
        if page.chapter:
            place = {"chapter": str(int(page.chapter)), "url": f"{published()}{page.name}.html"}
            fields = {"title": title(page), "booktitle": whole, **common, **place}
            found += entry("incollection", f"{key}:{page.chapter}", fields)
    return found[:-1]
