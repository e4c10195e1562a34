"""An interactive figure of a notebook on another page: ``{book-output} notebooks/01_world explorer``."""

from __future__ import annotations

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from tools.book.page import load
from tools.shell import ROOT

log = logging.getLogger(__name__)


def stored_html(name: str, tag: str) -> str:
    """What the only cell of a notebook with this tag stored as HTML.

    Raises:
        LookupError: if there is no such notebook, not one such cell, or not one HTML output.
    """
    page = load(name)
    cells = [cell for cell in page.code if tag in cell.tags] if page else []
    if len(cells) != 1:
        raise LookupError(f"{name}: expected one code cell tagged {tag}, found {len(cells)}")
    found = [output["data"]["text/html"] for output in cells[0].outputs if "text/html" in output.get("data", {})]
    if len(found) != 1:
        raise LookupError(f"{name}: the cell tagged {tag} has {len(found)} HTML outputs, expected one")
    return "".join(found[0])


class BookOutput(SphinxDirective):
    """The interactive figure that a notebook's cell stored: the same bytes, so it cannot differ from the chapter's."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        name, tag = self.arguments
        self.env.note_dependency(str(ROOT / f"{name}.ipynb"))
        try:
            return [nodes.raw("", stored_html(name, tag), format="html")]
        except LookupError as error:
            log.warning(error.args[0], location=self.get_location())
            return []
