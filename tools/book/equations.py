"""Each labelled equation names its function in vtonlib and the test that holds both together."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tools.api import modules
from tools.book import plain
from tools.book.links import equation_numbers
from tools.book.marks import MarkedTest, marked
from tools.book.page import Page

OTHER_FORMS = re.compile(r"^(?:`{3,}|:{3,})\{math\}|^\\\[|^\\begin\{(?:align|equation|gather)", re.MULTILINE)
FORM = '<a id="eq-name"></a>, an empty line, $$, the equation, $$, each starting a line'
REGISTERED = re.compile(r"Equations?: ((?:eq-[a-z0-9-]+(?:,\s+)?)+)\.?")


@dataclass(frozen=True)
class Equation:
    """A displayed equation of a page."""

    label: str
    number: str
    body: str
    page: str
    cell: int


def displayed(page: Page) -> tuple[list[Equation], list[str]]:
    """The labelled equations of a page, and what is wrong with the others."""
    found, wrong, numbers = [], [], equation_numbers(page)
    for cell in page.markdown:
        source = plain.masked(cell.source, math=False)
        for match in plain.EQUATION.finditer(source):
            label = match["label"]
            found.append(Equation(label, numbers.get(label, ""), match["body"].strip(), page.name, cell.number))
            if page.notebook and match["tag"] != numbers[label]:
                tag = f"\\tag{{{numbers[label]}}}"
                wrong.append(f"cell {cell.number}: ({label}): expected {tag}; run: python3 -m tools.notebooks fix")
        for match in plain.DISPLAYED.finditer(plain.EQUATION.sub("", source)):
            start = " ".join(match["body"].split())[:40]
            wrong.append(f"cell {cell.number}: equation '{start}' has no anchor: {FORM}")
        if OTHER_FORMS.search(source):
            wrong.append(f"cell {cell.number}: displayed equations must have the form {FORM}")
    return found, wrong


def registered() -> dict[str, list[str]]:
    """The functions of vtonlib whose docstrings name an equation, by label."""
    found: dict[str, list[str]] = {}
    for module, file in modules().items():
        text = file.read_text(encoding="utf8")
        if "Equation" not in text:
            continue
        for name, docstring in _docstrings(ast.parse(text)):
            for match in REGISTERED.finditer(docstring):
                for label in re.findall(r"eq-[a-z0-9-]*[a-z0-9]", match[1]):
                    found.setdefault(label, []).append(f"{module}.{name}")
    return found


def _docstrings(tree: ast.AST, prefix: str = "") -> list[tuple[str, str]]:
    """Functions, classes and methods with their docstrings."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append((prefix + node.name, ast.get_docstring(node) or ""))
            found += _docstrings(node, f"{prefix}{node.name}.") if isinstance(node, ast.ClassDef) else []
    return found


@dataclass(frozen=True)
class Coverage:
    """One row of the table: an equation, its functions and its tests."""

    equation: Equation
    functions: tuple[str, ...]
    tests: tuple[MarkedTest, ...]

    def problems(self) -> list[str]:
        """What the row lacks."""
        where = f"{self.equation.page}: ({self.equation.label})"
        if not self.functions:
            return [f"{where}: no docstring of vtonlib says 'Equation: {self.equation.label}.'"]
        if not self.tests:
            return [f'{where}: no test is marked @pytest.mark.equation("{self.equation.label}")']
        names = {function.rpartition(".")[2] for function in self.functions}
        missing = [str(test) for test in self.tests if not names & test.names_used]
        return [f"{where}: {test} does not use {' or '.join(sorted(names))}" for test in missing]


def table(pages: Sequence[Page]) -> list[Coverage]:
    """The rows, in the order of the book."""
    functions, tests = registered(), marked("equation")
    return [
        Coverage(
            equation, tuple(functions.get(equation.label, ())), tuple(t for t in tests if t.shown == equation.label)
        )
        for page in pages
        for equation in displayed(page)[0]
    ]


def problems(pages: Sequence[Page]) -> list[str]:
    """Gaps in either direction: equations without function or test, functions and tests without equation."""
    rows = table(pages)
    found = [f"{page.name}: {wrong}" for page in pages for wrong in displayed(page)[1]]
    found += [problem for row in rows for problem in row.problems()]
    labels = [row.equation.label for row in rows]
    found += [
        f"({label}) is on {labels.count(label)} places" for label in sorted({x for x in labels if labels.count(x) > 1})
    ]
    found += [f"{', '.join(f)}: no page has ({label})" for label, f in registered().items() if label not in labels]
    return found + [f"{test}: no page has ({test.shown})" for test in marked("equation") if test.shown not in labels]
