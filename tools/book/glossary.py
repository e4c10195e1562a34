"""The glossary: ``book/glossary.toml``, held to the chapters that explain its terms."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from tools.book.links import places
from tools.book.page import Page, prose
from tools.shell import ROOT

FILE = ROOT / "book" / "glossary.toml"
OURS = "°"
"""Behind a word of another language that the notes have none for."""


@dataclass(frozen=True)
class Term:
    """A row of the file: the term, the same in two languages, the section that explains it, and a line."""

    name: str
    korean: str
    chinese: str
    section: str
    means: str

    @property
    def forms(self) -> tuple[str, ...]:
        """The term, and what stands in brackets behind it."""
        return tuple(part.rstrip(")").strip() for part in self.name.split(" ("))

    def used(self, text: str) -> bool:
        """Whether a text has one of the forms, in any case of letters, also in the plural."""
        return any(re.search(rf"(?<!\w){re.escape(form)}(?:e?s|'s)?(?!\w)", text, re.IGNORECASE) for form in self.forms)


@cache
def terms() -> tuple[Term, ...]:
    """The terms, by the alphabet."""
    rows = tomllib.loads(FILE.read_text(encoding="utf8"))["rows"]
    return tuple(sorted((Term(*row) for row in rows), key=lambda term: term.name.lower()))


def said(page: Page) -> str:
    """What a page says in sentences, on one line, without marks of emphasis and of box."""
    text = "\n".join(prose(cell.source) for cell in page.markdown)
    return " ".join(re.sub(r"[*_]|^>", "", text, flags=re.MULTILINE).split())


def problems(pages: Sequence[Page], known: Sequence[Term] | None = None) -> list[str]:
    """Terms that stand there twice, name a section that there is not, or are not used on its page."""
    rows, sections = terms() if known is None else known, places(pages).pages
    texts = {page.name: said(page) for page in pages}
    names = [row.name.lower() for row in rows]
    found = [f"book/glossary.toml has '{name}' twice" for name in sorted({n for n in names if names.count(n) > 1})]
    for row in rows:
        if not all((row.korean, row.chinese, row.means)):
            found.append(f"book/glossary.toml: '{row.name}' lacks a language, or its meaning")
        if row.section not in sections:
            found.append(f"book/glossary.toml: '{row.name}': no page has the section {row.section}")
        elif not row.used(texts[sections[row.section]]):
            found.append(f"book/glossary.toml: {sections[row.section]} does not use '{row.name}'")
    return found


def foreign(words: str, language: str) -> str:
    """Words of another language, marked so that they are read aloud in it."""
    return f'<span lang="{language}">{words}</span>'


def rows(_: Sequence[Page]) -> list[tuple[str, str, str, str]]:
    """The table: term, Korean, Chinese, meaning."""
    return [
        (f"{{ref}}`{term.name} <{term.section}>`", foreign(term.korean, "ko"), foreign(term.chinese, "zh"), term.means)
        for term in terms()
    ]
