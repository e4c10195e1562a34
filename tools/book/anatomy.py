"""The blocks of a chapter, all there and in order; its exercises, each with deliverable, checker and solution."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.book import plain, setup_cell
from tools.book.page import Cell, Page, words, words_of
from tools.shell import ROOT

BLOCKS = (
    "header", "glance", "problem", "by-hand", "definition", "from-scratch", "library", "limits", "experiment",
    "explorer", "disagreements", "evidence", "exercises", "solutions", "references",
)  # fmt: skip
FREE = {"solutions"}  # may stand between others
WORDS = (2000, 3500)
EXERCISES = 5
TYPES = r"by hand|short-code|debug|experiment|extended"
HEADING = re.compile(rf"^### Exercise (\d+\.\d+) \[({TYPES})\] \S.*", re.MULTILINE)
SOLUTION = re.compile(r"# @title Solution (\d+\.\d+)\b.*")
CHECK = re.compile(r"\bcheck\.(\w+)\(")
RIGHT = "Right:"  # how vtonlib.check's verdict starts
GLANCE = "At a glance"
GLANCE_PARTS = ("**Before this chapter.**", "**You will be able to**", "**Cost.**", "book/status.html#")
TITLE = re.compile(r'<a id="sec-[a-z0-9-]+"></a>\n\n# \S')
QUESTION = (15, 90)
PICTURE = 2
"""The number of the cell that shows the chapter's first picture, behind title and setup."""
REASON = 10


def block_problems(page: Page) -> Iterator[str]:
    """Blocks that are missing without a reason, or stand in another order."""
    places: dict[str, list[int]] = {name: [] for name in BLOCKS}
    for cell in page.cells:
        for tag in cell.tags:
            if tag.startswith("block-") and tag.removeprefix("block-") not in places:
                yield f"cell {cell.number}: no block is called {tag}"
            elif tag.startswith("block-"):
                places[tag.removeprefix("block-")].append(cell.number)
    for name, cells in places.items():
        if not cells and f"block-{name}" not in page.without:
            yield f"has no block-{name} (a markdown cell with this tag), and gives no reason in metadata book.without"
        if len(cells) > 1:
            yield f"block-{name} starts in cells {', '.join(map(str, cells))}"
    ordered = [cells[0] for name, cells in places.items() if cells and name not in FREE]
    if ordered != sorted(ordered):
        order = sorted((cells[0], name) for name, cells in places.items() if cells and name not in FREE)
        yield f"its blocks stand as {', '.join(name for _, name in order)}; expected {', '.join(BLOCKS)}"


def header_problems(page: Page) -> Iterator[str]:
    """What the first cell has to tell before the chapter starts."""
    header = page.cells[0] if page.cells else None
    if header is None or "block-header" not in header.tags:
        yield "its first cell is not tagged block-header"
        return
    if not TITLE.match(header.source):
        yield 'cell 0: expected <a id="sec-..."></a>, an empty line, and # Title'
    if f"]({setup_cell.colab(page.name)})" not in header.source:
        yield f"cell 0: expected a link to {setup_cell.colab(page.name)}: python3 -m tools derive"


def opening_problems(page: Page) -> Iterator[str]:
    """Story before machinery: the question stands in the first cell, and a picture in the third."""
    if not page.cells:
        return
    count = words_of(page.cells[0].source.partition("colab-badge")[2])
    if not QUESTION[0] <= count <= QUESTION[1]:
        yield f"cell 0: below the badge stand {count} words, expected the question in {QUESTION[0]} to {QUESTION[1]}"
    shown = [cell.number for cell in page.code if any("arrays" in data for data in cell.data)]
    if not shown or shown[0] > PICTURE:
        first = f"first in cell {shown[0]}" if shown else "nowhere"
        yield f"a picture or an explorer stands {first}, expected in cell {PICTURE}, before At a glance"


def glance_problems(page: Page) -> Iterator[str]:
    """What the box at the start has to tell."""
    cells = [cell for cell in page.markdown if "block-glance" in cell.tags]
    found = [box for cell in cells for box in plain.boxes(cell.source) if box.title == GLANCE]
    if len(found) != 1:
        yield f"expected one box '> **{GLANCE}**' in a cell tagged block-glance"
        return
    where, body = f"cell {cells[0].number}: {GLANCE}", found[0].body
    yield from (f"{where}: expected {part}" for part in GLANCE_PARTS if part not in body)
    verbs = body.partition("**You will be able to**")[2].partition("**Cost.**")[0]
    if len(re.findall(r"^[-*] \w", verbs, flags=re.MULTILINE)) < 3:
        yield f"{where}: expected at least three things that the reader will be able to do, as a list"


def length_problems(page: Page) -> Iterator[str]:
    """Prose that is too short or too long, and reasons that say nothing."""
    count = words(page)
    if not WORDS[0] <= count <= WORDS[1] and "words" not in page.without:
        yield f"has {count} words of prose, expected {WORDS[0]} to {WORDS[1]}"
    known = {f"block-{name}" for name in BLOCKS} | {"words", "exercises"}
    for name, reason in page.without.items():
        if name not in known or len(reason) < REASON:
            yield f"metadata book.without: {name!r}: expected one of its blocks, words or exercises, and a reason"


@dataclass(frozen=True)
class Exercise:
    """An exercise: its text, the code cell that checks an answer, and its solution."""

    number: str
    cell: int
    deliverable: bool
    checker: str | None
    solution: Cell | None

    def problems(self, exported: set[str]) -> Iterator[str]:
        """What it lacks."""
        where = f"cell {self.cell}: exercise {self.number}"
        if not self.deliverable:
            yield f"{where} has no **Deliverable.**"
        if self.checker is None:
            yield f"{where} is not followed by a code cell, tagged exercise, that calls check.NAME(...)"
        elif self.checker not in exported:
            yield f"{where}: vtonlib.check has no '{self.checker}'"
        if self.solution is None:
            yield f"{where} has no solution: a code cell tagged solution that starts '# @title Solution {self.number}'"
        elif self.checker and f"check.{self.checker}(" not in self.solution.source:
            yield f"{where}: its solution (cell {self.solution.number}) does not call check.{self.checker}(...)"
        elif RIGHT not in self.solution.text:
            yield f"{where}: its solution (cell {self.solution.number}) is not right, says its checker"


def exercises(page: Page) -> list[Exercise]:
    """The exercises of a chapter in their order."""
    solutions = {m[1]: c for c in page.code if "solution" in c.tags and (m := SOLUTION.match(c.source))}
    found = []
    for cell in page.markdown:
        heading = HEADING.search(cell.source)
        if "exercise" not in cell.tags or not heading:
            continue
        following = []
        for later in page.cells[cell.number + 1 :]:
            if later.tags & {"solution"} or HEADING.search(later.source):
                break
            following.append(later)
        stubs = [m[1] for c in following if "exercise" in c.tags and c.kind == "code" for m in CHECK.finditer(c.source)]
        deliverable = "**Deliverable.**" in cell.source
        found.append(
            Exercise(heading[1], cell.number, deliverable, stubs[-1] if stubs else None, solutions.get(heading[1]))
        )
    return found


def exported_checks() -> set[str]:
    """The names of vtonlib.check."""
    tree = ast.parse((ROOT / "vtonlib" / "check" / "__init__.py").read_text(encoding="utf8"))
    return {a.asname or a.name for node in tree.body if isinstance(node, ast.ImportFrom) for a in node.names}


def exercise_problems(page: Page) -> Iterator[str]:
    """Exercises that lack something, and solutions of nothing."""
    known, exported = exercises(page), exported_checks()
    for exercise in known:
        yield from exercise.problems(exported)
        if exercise.number.split(".")[0].zfill(2) != page.chapter:
            yield f"cell {exercise.cell}: exercise {exercise.number} is in chapter {page.chapter}"
    numbers = [exercise.number for exercise in known]
    if len(set(numbers)) != len(numbers):
        yield f"exercise numbers {', '.join(numbers)}: one is there twice"
    if len(known) < EXERCISES and "exercises" not in page.without:
        yield f"has {len(known)} exercises, expected at least {EXERCISES}"
    for cell in page.cells:
        heading = HEADING.search(cell.source)
        if cell.kind == "markdown" and "exercise" in cell.tags and not heading:
            yield f"cell {cell.number}: expected '### Exercise N.M [{TYPES}] Name'"
        if cell.kind == "code" and "solution" in cell.tags:
            match = SOLUTION.match(cell.source)
            if not match or match[1] not in numbers:
                yield f"cell {cell.number}: a solution must start '# @title Solution N.M', the number of an exercise"


def problems(page: Page) -> list[str]:
    """What a chapter lacks; nothing for pages that are not chapters."""
    if not page.chapter:
        return []
    checks = (block_problems, header_problems, opening_problems, glance_problems, length_problems, exercise_problems)
    return [f"{page.name}: {problem}" for check in checks for problem in check(page)]


def named_exercises(pages: Sequence[Page]) -> dict[str, tuple[str, str, str]]:
    """Every exercise by its number: its page, its heading, and how other pages call it."""
    found = {}
    for page in pages:
        for exercise in exercises(page) if page.chapter else ():
            heading = HEADING.search(page.cells[exercise.cell].source)
            if heading:
                name = heading[0].partition("] ")[2].strip().replace("*", "")
                text = heading[0].removeprefix("### ").strip().replace("*", "")
                found[exercise.number] = (page.name, text, f"{exercise.number} {name} ({heading[2]})")
    return found
