"""Sphinx's side of the API pages: docstrings are read as they are meant, and HTML is what browsers read aloud."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from sphinx.application import Sphinx

from tools.shell import ROOT

VALUES = {"attribute", "data", "property"}


def one_text(app: Sphinx, what: str, name: str, item: object, options: Any, lines: list[str]) -> None:
    """Keep napoleon from reading "Which world: seed, split and index" as the type "Which world".

    It looks for a type before a colon in the first line of a value's docstring, so that line stays empty.
    """
    if what in VALUES and lines and ":" in lines[0]:
        lines.insert(0, "")


def without_type_variables(app: Sphinx, what: str, name: str, item: object, skip: bool, options: Any) -> bool | None:
    """Type variables are no part of what a reader calls."""
    return True if isinstance(item, TypeVar) else None


LONG = re.compile(r'(<span class="sig-paren">[(]</span>)\s*<dl>(.*?)</dl>\s*', re.DOTALL)
"""The parameters of a signature that takes several lines."""


ROLES = {'role="doc-biblioentry"': 'role="listitem"'}
"""Roles that docutils still writes and ARIA no longer has."""
CORNER = re.compile(r'<th(?: class="[^"]*")?>\s*(?:<p></p>)?\s*</th>')
"""A table's corner that says nothing: no heading."""


def plain_html(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Long signatures as lines (Sphinx writes a list of definitions without terms), empty corners as empty cells."""
    lines = {"<dd>": '<span class="sig-line">', "</dd>": "</span>"}

    def as_lines(match: re.Match[str]) -> str:
        return match[1] + re.sub(r"</?dd>", lambda tag: lines[tag[0]], match[2])

    if "body" in context:
        here = f"{ROOT}/"  # constants that are paths: from the repository's root on
        body = CORNER.sub("<td></td>", LONG.sub(as_lines, context["body"])).replace(here, "")
        for old, new in ROLES.items():
            body = body.replace(old, new)
        context["body"] = body


def setup(app: Sphinx) -> dict[str, Any]:
    """Register them, the first before napoleon."""
    app.connect("autodoc-process-docstring", one_text, priority=400)
    app.connect("autodoc-skip-member", without_type_variables)
    app.connect("html-page-context", plain_html)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
