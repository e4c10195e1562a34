"""Sphinx's side of the book: notebooks become MyST, roles quote records, tables follow from other files.

Whatever is wrong is a warning here, and the book is built with warnings as errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from tools.book import anatomy, claims, links, myst, provenance, quoting, setup_cell, tables
from tools.book.page import Page, all_pages, load
from tools.book.shown import BookOutput

log = logging.getLogger(__name__)


@cache
def records() -> tuple[dict[str, claims.Claim], dict[str, dict[str, Any]]]:
    """What roles quote, claims and runs; read once in a build."""
    return claims.load(), provenance.runs()


@cache
def resolver(name: str) -> links.Resolve:
    """What a page's quotations are looked up in."""
    return quoting.resolver(load(name) or Page(name=name, cells=()), *records())


@cache
def exercises() -> Mapping[str, tuple[str, str, str]]:
    """The exercises of all chapters, by number."""
    return anatomy.named_exercises(all_pages())


def forget(app: Sphinx) -> None:
    """Read everything anew in a new build, which may run in the same process."""
    for kept in (records, resolver, exercises):
        kept.cache_clear()


class QuoteRole(SphinxRole):
    """``{claim}``, ``{value}`` or ``{run}``: the text that stands there, once it is known to be the record's."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        written = f"{{{self.name}}}`{self.text}`"
        match = quoting.ROLE.fullmatch(written)
        resolve = resolver(self.env.docname)
        for problem in quoting.problems(written, resolve) if match else [f"{written} is not understood"]:
            log.warning(problem, location=self.get_location())
        if not match:
            return [], []
        try:
            value = resolve(self.name, quoting.target(match))
        except KeyError:
            return [], []
        text = nodes.inline(value, value, classes=[f"book-{self.name}"])
        return [self.linked(text, quoting.target(match)) if self.name == "claim" else text], []

    def linked(self, text: nodes.inline, target: str) -> nodes.Node:
        """The text as a link to its number among the claims; the site's tests follow it."""
        page = self.env.app.builder.get_relative_uri(self.env.docname, "book/claims")
        return nodes.reference("", "", text, refuri=f"{page}#{target}", internal=True)


class PaperRole(SphinxRole):
    """``{paper}``: a link to an entry of the bibliography with a text of its own."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        text, _, key = self.text.rpartition(" <")
        if key.rstrip(">") not in links.papers():
            log.warning(f"references.bib has no '{key}'", location=self.get_location())
        page = self.env.app.builder.get_relative_uri(self.env.docname, "book/bibliography")
        return [nodes.reference("", text, refuri=f"{page}#{key.rstrip('>')}", internal=True)], []


class ExerciseRole(SphinxRole):
    """``{exercise}`7.2```: its number, name and type, as a link to it."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        known = exercises()
        if self.text not in known:
            log.warning(f"no chapter has an exercise {self.text}", location=self.get_location())
            return [], []
        page, heading, shown = known[self.text]
        target = f"{self.env.app.builder.get_relative_uri(self.env.docname, page)}#{nodes.make_id(heading)}"
        return [nodes.reference("", shown, refuri=target, internal=True)], []


def plain_to_myst(app: Sphinx, name: str, content: list[str]) -> None:
    """Notebooks are plain Markdown; Sphinx reads MyST."""
    if app.env.doc2path(name).endswith(".ipynb"):
        content[0] = myst.notebook(content[0])


def number_equations(app: Sphinx, document: nodes.document) -> None:
    """Equations keep the numbers that notebooks show, instead of Sphinx's."""
    name = app.env.docname
    numbers = links.equation_numbers(load(name) or Page(name=name, cells=()))
    domain = app.env.get_domain("math")
    for block in document.findall(nodes.math_block):
        if block.get("label") in numbers:
            block["number"] = numbers[block["label"]]
            domain.data["objects"][block["label"]] = (name, numbers[block["label"]])


class BookTable(SphinxDirective):
    """``{book-table} equations``: a table of :mod:`tools.book.tables`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name, pages = self.arguments[0], all_pages()
        if name not in tables.TABLES:
            log.warning(f"no table is called {name}; known: {', '.join(tables.TABLES)}", location=self.get_location())
            return []
        for problem in tables.problems(name, pages):
            log.warning(problem, location=self.get_location())
        container = nodes.container(classes=["book-table", f"book-table-{name}"])
        lines = StringList(tables.TABLES[name](pages), source=self.get_source_info()[0])
        self.state.nested_parse(lines, self.content_offset, container)
        return [container]


THEMES_BODY = "Your%20issue%20content%20here."  # what the theme fills in, and readers send off as it is
ISSUE = """\
Page: {page} (vtonlib {version})

What it says or does:

What it should say or do, and how you know:
"""


def useful_issues(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Let the issue button open an issue that asks what is needed to act on it."""
    body = quote(ISSUE.format(page=page, version=setup_cell.version()))
    waiting = list(context.get("header_buttons", []))
    while waiting:
        button = waiting.pop()
        waiting += button.get("buttons", [])
        if THEMES_BODY in button.get("url", ""):
            button["url"] = button["url"].replace(THEMES_BODY, body)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register roles and directive."""
    for name in ("claim", "value", "run"):
        app.add_role(name, QuoteRole())
    app.add_role("paper", PaperRole())
    app.add_role("exercise", ExerciseRole())
    app.connect("builder-inited", forget)
    app.connect("source-read", plain_to_myst)
    app.connect("doctree-read", number_equations)
    app.add_directive("book-table", BookTable)
    app.add_directive("book-output", BookOutput)
    app.connect("html-page-context", useful_issues, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
