"""Links and numbers of notebooks: filled in from what they refer to, and held to it.

An author writes a label, a claim or a name somewhere into an address; where it stands, and what the text says, follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from tools import api
from tools.book import plain
from tools.book.page import FENCE, Page
from tools.shell import ROOT
from tools.site import pages as contents
from tools.site import published

MYST_LABEL = re.compile(r"^\(([\w-]+)\)=$", re.MULTILINE)
Resolve = Callable[[str, str], str]
"""From a kind of record (claim, value, run) and a name to the text; tools.book.quoting.resolver."""


@dataclass(frozen=True)
class Places:
    """Where the book's labels stand, the numbers of its equations, and its disagreement boxes."""

    pages: dict[str, str]
    numbers: dict[str, str]
    boxes: frozenset[str]

    def href(self, label: str, reader: str) -> str:
        """The address of a label as the page ``reader`` has it.

        Raises:
            KeyError: if no page has the label.
        """
        if label not in self.pages:
            raise KeyError(f"no page has the anchor '{label}'")
        page = self.pages[label]
        if page == reader:
            return f"#{label}"
        return f"{page.removeprefix('notebooks/')}.ipynb#{label}" if is_notebook(page) else site(page, label)


def is_notebook(name: str) -> bool:
    """Whether a page is a notebook."""
    return name.startswith("notebooks/")


def site(page: str, fragment: str = "") -> str:
    """A page of the published site."""
    return f"{published()}{page}.html" + (f"#{fragment}" if fragment else "")


def places(pages: Sequence[Page]) -> Places:
    """What all pages of the book offer to links."""
    where: dict[str, str] = {}
    numbers: dict[str, str] = {}
    boxes = set()
    for page in pages:
        for cell in page.markdown:
            known = plain.labels(cell.source) if page.notebook else MYST_LABEL.findall(FENCE.sub("", cell.source))
            where |= dict.fromkeys(known, page.name)
            boxes |= {box.title.partition(".")[0][1:] for box in plain.boxes(cell.source) if page.notebook}
        numbers |= equation_numbers(page)
    return Places(where, numbers, frozenset(boxes))


def equation_numbers(page: Page) -> dict[str, str]:
    """The numbers of a notebook's equations in their order: chapter, point, counter."""
    if not page.notebook:
        return {}
    found = [m["label"] for c in page.markdown for m in plain.EQUATION.finditer(c.source)]
    chapter = f"{int(page.chapter)}." if page.chapter else ""
    return {label: f"{chapter}{number}" for number, label in enumerate(found, start=1)}


@cache
def papers() -> frozenset[str]:
    """The keys of the bibliography."""
    return frozenset(
        re.findall(r"^@\w+\{([^,\s]+),", (ROOT / "book" / "references.bib").read_text("utf8"), re.MULTILINE)
    )


def unclosed(bibliography: str) -> list[str]:
    """The entries of a bibliography that do not end before the next one begins."""
    entries = re.split(r"^(?=@)", bibliography, flags=re.MULTILINE)
    return [entry.partition(",")[0] for entry in entries if entry.count("{") != entry.count("}")]


@cache
def api_names() -> frozenset[str]:
    """The public names of vtonlib, and its modules."""
    surface = api.whole_surface()
    return frozenset(surface) | {f"{module}.{name}" for module, names in surface.items() for name in names}


@dataclass(frozen=True)
class Reader:
    """One page that refers to others."""

    page: str
    places: Places
    resolve: Resolve

    def written(self, reference: plain.Reference) -> str:
        """The reference as it has to stand.

        Raises:
            KeyError: if what it refers to is not there; the message says so.
        """
        kind, target, text = reference.kind, reference.target, reference.text
        if kind == "value":
            return f"{self.resolve(kind, target).replace(' ', NO_BREAK)}<!--{target}-->"
        if kind == "equation":
            number = self.places.numbers.get(target, "?")
            return f"[({number})]({self.places.href(target, self.page)})"
        if kind == "claim":
            return f"[{self.resolve(kind, target)}]({site('book/claims', target)})"
        if kind == "run":
            return f"[{self.resolve(kind, f'notebooks/{target}')}]({site('book/status', target)})"
        return f"[{text}]({self.href(kind, target)})"

    def href(self, kind: str, target: str) -> str:
        """The address of what a link with a text of its own refers to.

        Raises:
            KeyError: if it is not there.
        """
        if kind == "section":
            return self.places.href(target, self.page)
        if kind == "api":
            return _known(target in api_names(), f"vtonlib has no '{target}'", api.address(target))
        if kind == "paper":
            return _known(target in papers(), f"references.bib has no '{target}'", site("book/bibliography", target))
        if kind == "box":
            return _known(
                target in self.places.boxes, f"no page has a box D{target}", site("book/ledger", f"d{target}")
            )
        if kind == "notebook":
            return _known(f"notebooks/{target}" in contents(), f"there is no {target}.ipynb", f"{target}.ipynb")
        if kind == "page":
            return _known(target in contents(), f"the site has no page {target}", site(target))
        local = "://" not in target and not target.startswith("mailto:")
        there = not local or (ROOT / self.page).parent.joinpath(target.partition("#")[0]).exists()
        return _known(there, f"there is no file {target}", target)


NO_BREAK = "\u00a0"


def _known(there: bool, complaint: str, href: str) -> str:
    if not there:
        raise KeyError(complaint)
    return href


def filled(text: str, reader: Reader) -> str:
    """``text`` with every reference written as it has to stand; those that lead nowhere stay."""

    def write(reference: plain.Reference) -> str | None:
        try:
            return reader.written(reference)
        except KeyError:
            return None

    return plain.replaced(text, write)


def problems(text: str, reader: Reader) -> list[str]:
    """References that lead nowhere, or do not say what they refer to; comments that belong to no number."""
    found = []
    for reference in plain.references(text):
        there = text[reference.start : reference.end]
        try:
            expected = reader.written(reference)
        except KeyError as error:
            found.append(f"{there}: {error.args[0]}")
            continue
        if there != expected:
            found.append(f"{there}: expected {expected}; run: python3 -m tools.notebooks fix")
    stray = plain.COMMENT.findall(plain.masked(text))
    numbers = [r for r in plain.references(text) if r.kind == "value"]
    return found + [f"{', '.join(stray)}: a number must stand directly before each"] * (len(stray) > len(numbers))


def numbered(text: str, numbers: dict[str, str]) -> str:
    """``text`` with the tag of each equation that has an anchor."""

    def tagged(match: re.Match[str]) -> str:
        tag = f"\\tag{{{numbers[match['label']]}}}"
        return f'<a id="{match["label"]}"></a>\n\n$$\n{match["body"].rstrip()}\n{tag}\n$$'

    return plain.EQUATION.sub(tagged, text)
