"""Disagreement boxes: paper, official code, this book; each with an id and a test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tools.book import plain
from tools.book.marks import MarkedTest, marked
from tools.book.page import Page

TITLE = re.compile(r"(D\d+)\. (\S.*)")
CITATION = "/book/bibliography.html#"
FIELDS = ("Paper", "Official code", "This book")


@dataclass(frozen=True)
class Box:
    """One disagreement: its id, title, and the three fields."""

    id: str
    title: str
    fields: dict[str, str]
    page: str


def read(page: Page) -> tuple[list[Box], list[str]]:
    """The boxes of a page, and what is wrong with them."""
    boxes, wrong = [], []
    for cell in page.markdown if page.notebook else ():
        for box in plain.boxes(cell.source):
            title = TITLE.fullmatch(box.title.strip())
            parts = re.split(r"^\*\*([A-Z][\w ]+)\.\*\*", box.body, flags=re.MULTILINE)[1:]
            fields = {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}
            if title and tuple(fields) == FIELDS and all(fields.values()):
                boxes.append(Box(title[1], title[2], fields, page.name))
            elif title:
                wrong.append(f"cell {cell.number}: box {title[1]}: expected {', '.join(f'**{f}.**' for f in FIELDS)}")
            elif fields.keys() & set(FIELDS):
                wrong.append(f"cell {cell.number}: box '{box.title}': expected a title 'D3. ...'")
    return boxes, wrong


def boxes(pages: Sequence[Page]) -> list[Box]:
    """All boxes, by number."""
    return sorted((box for page in pages for box in read(page)[0]), key=lambda box: int(box.id[1:]))


def tests(box: Box) -> list[MarkedTest]:
    """The tests that show the disagreement."""
    return [test for test in marked("disagreement") if test.shown == box.id]


def problems(pages: Sequence[Page]) -> list[str]:
    """Boxes without test, tests without box, ids used twice."""
    found = [f"{page.name}: {wrong}" for page in pages for wrong in read(page)[1]]
    known = boxes(pages)
    ids = [box.id for box in known]
    found += [
        f'{b.page}: box {b.id} has no test marked @pytest.mark.disagreement("{b.id}")' for b in known if not tests(b)
    ]
    found += [f"{b.page}: box {b.id}: its paper is not cited" for b in known if CITATION not in b.fields["Paper"]]
    found += [f"box {name} is on {ids.count(name)} places" for name in sorted({x for x in ids if ids.count(x) > 1})]
    return found + [f"{t}: no page has a box {t.shown}" for t in marked("disagreement") if t.shown not in ids]
