"""Markdown for the site: tables and links."""

from __future__ import annotations

from collections.abc import Sequence

from tools.site import repository


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> list[str]:
    """A table; a sentence where it would have no row."""
    if not rows:
        return [nothing]
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines]


def source_link(file: str, text: str) -> str:
    """A link to a file of the repository."""
    url, branch = repository()
    return f"[{text}]({url}/blob/{branch}/{file})"


def page_link(name: str) -> str:
    """A link to a page of the book, from book/."""
    return f"{{doc}}`/{name}`"
