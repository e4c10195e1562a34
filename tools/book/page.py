"""Pages as cells: notebooks, and Markdown files as a single cell. Only the standard library is needed to read them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tools.shell import ROOT
from tools.site import pages as contents

DATA_MIME = "application/vnd.vton.data+json"  # vtonlib.viz.notebook.DATA_MIME, without importing torch
CHAPTER = re.compile(r"notebooks/(\d\d)_\w+")
PROSE_DIRECTIVES = "admonition|note|tip|hint|warning|important|caution|dropdown|card|exercise|solution|figure"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell: its place in the page from 0, its text, tags, metadata and outputs."""

    number: int
    kind: str
    source: str
    metadata: dict[str, Any] = field(default_factory=dict)
    outputs: tuple[dict[str, Any], ...] = ()

    @property
    def tags(self) -> set[str]:
        """The cell's tags."""
        return set(self.metadata.get("tags", ()))

    @property
    def data(self) -> list[dict[str, Any]]:
        """The digests and quoted numbers among the outputs."""
        return [data for output in self.outputs if (data := output.get("data", {}).get(DATA_MIME))]

    @property
    def text(self) -> str:
        """What the outputs say in plain text."""
        said = [o.get("text", o.get("data", {}).get("text/plain", "")) for o in self.outputs]
        return "\n".join("".join(part) for part in said)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page, by its name in ``_toc.yml``."""

    name: str
    cells: tuple[Cell, ...]
    metadata: dict[str, Any] = field(default_factory=dict)
    notebook: bool = False

    @property
    def chapter(self) -> str | None:
        """The number of the chapter, two digits; None for other pages."""
        match = CHAPTER.fullmatch(self.name)
        return match[1] if match and self.notebook else None

    @property
    def markdown(self) -> list[Cell]:
        """The cells of text."""
        return [cell for cell in self.cells if cell.kind == "markdown"]

    @property
    def code(self) -> list[Cell]:
        """The cells of code that hold anything."""
        return [cell for cell in self.cells if cell.kind == "code" and cell.source.strip()]

    @property
    def without(self) -> dict[str, str]:
        """What a chapter does without, and why."""
        return dict(self.metadata.get("book", {}).get("without", {}))


def from_notebook(name: str, content: dict[str, Any]) -> Page:
    """The page of a notebook's JSON."""
    cells = tuple(
        Cell(
            number=number,
            kind=cell["cell_type"],
            source="".join(cell["source"]),
            metadata=cell.get("metadata", {}),
            outputs=tuple(cell.get("outputs", ())),
        )
        for number, cell in enumerate(content["cells"])
    )
    return Page(name=name, cells=cells, metadata=content.get("metadata", {}), notebook=True)


def load(name: str) -> Page | None:
    """The page ``name`` (without suffix, from the root); None if there is no such file."""
    notebook, text = ROOT / f"{name}.ipynb", ROOT / f"{name}.md"
    if notebook.exists():
        return from_notebook(name, json.loads(notebook.read_text(encoding="utf8")))
    if text.exists():
        return Page(name=name, cells=(Cell(number=0, kind="markdown", source=text.read_text(encoding="utf8")),))
    return None


def all_pages() -> list[Page]:
    """The pages of the contents that have a file, in their order."""
    return [page for name in contents() if (page := load(name))]


def content_problems(names: list[str], notebooks: list[str]) -> list[str]:
    """Pages of the contents without a file, and notebooks that the contents leave out."""
    gone = [f"_toc.yml: {name} has neither .ipynb nor .md" for name in names if load(name) is None]
    return gone + [f"{name}.ipynb is not in _toc.yml" for name in notebooks if name not in names]


def notebook_names() -> list[str]:
    """The notebooks in notebooks/, without suffix."""
    return [str(f.relative_to(ROOT).with_suffix("")) for f in sorted((ROOT / "notebooks").glob("*.ipynb"))]


FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)\n(?P<body>.*?)^(?P=fence)\s*$", re.MULTILINE | re.DOTALL)


def _opened(match: re.Match[str]) -> str:
    """The body of a fence that holds prose; nothing of one that holds code."""
    return match["body"] if re.match(rf"\{{({PROSE_DIRECTIVES})\}}", match["info"].strip()) else ""


def without_code(markdown: str) -> str:
    """The text without fences of code, HTML comments, targets, fence lines and directives' options."""
    text = FENCE.sub(_opened, markdown)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"^%[^\n]*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(\(\S+\)=|:{3,}.*|:[\w-]+:.*)$", "", text, flags=re.MULTILINE)
    return text


def prose(markdown: str) -> str:
    """Only what is read as sentences: without code, mathematics, citations, roles and addresses."""
    text = re.sub(r"\$\$.*?\$\$(?:[ \t]*\([\w-]+\))?", " ", without_code(markdown), flags=re.DOTALL)
    text = re.sub(r"(?:\{[\w:-]+\})?(`+)(?!`).+?(?<!`)\1(?!`)", " ", text, flags=re.DOTALL)
    text = re.sub(r"(?<!\\)\$[^$\n]+(?:\n[^$\n]+)*\$", " ", text)
    text = re.sub(r"\[[^\]]*\]\([^)]*/bibliography\.html#[^)]*\)", " ", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"https?://\S+|<[^>\n]+>", " ", text)


def words_of(markdown: str) -> int:
    """How many words of a text are read outside code and mathematics."""
    return len(re.findall(r"[^\W\d_][\w'-]*", prose(markdown)))


def words(page: Page) -> int:
    """How many words a reader reads outside code and mathematics."""
    return sum(words_of(cell.source) for cell in page.markdown)
