"""The tables of the reference pages: symbols, terms, how to cite, errata."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tools.book import citing, glossary, symbols
from tools.book.markup import table
from tools.book.page import Page


def symbol_table(pages: Sequence[Page]) -> list[str]:
    """Each meaning of each symbol of the equations, with its shape and first use."""
    lines = []
    for heading, rows in symbols.index(pages).items():
        lines += [f"**{heading}**", "", *table(("symbol", "meaning", "shape", "first in"), rows, "None yet."), ""]
    return lines


def term_table(pages: Sequence[Page]) -> list[str]:
    """Each term in three languages."""
    return table(("term", "Korean", "Chinese", "meaning"), glossary.rows(pages), "No term is explained yet.")


def citation_lines(pages: Sequence[Page]) -> list[str]:
    """BibTeX of the book and of each chapter."""
    return ["```bibtex", *citing.entries(pages), "```"]


TABLES: dict[str, Callable[[Sequence[Page]], list[str]]] = {
    "symbols": symbol_table,
    "terms": term_table,
    "citations": citation_lines,
}
PROBLEMS: dict[str, Callable[[Sequence[Page]], list[str]]] = {
    "symbols": symbols.problems,
    "terms": glossary.problems,
}


def problems(pages: Sequence[Page]) -> list[str]:
    """What keeps the tables that pages show from being published."""
    shown = "\n".join(cell.source for page in pages if not page.notebook for cell in page.cells)
    tables = [find for name, find in PROBLEMS.items() if f"```{{book-table}} {name}" in shown]
    return [problem for find in tables for problem in find(pages)]
