"""The form of single cells: short code, described figures, no hand-typed results, no network."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from tools.book import setup_cell
from tools.book.page import Cell, Page, prose, without_code

CODE_LINES = 25
FIRST_PAGE = "book/index"
NETWORK = {"ftplib", "gdown", "http", "httpx", "huggingface_hub", "requests", "socket", "urllib", "wget"}
NUMBERED = r"Exercise|Exercises|Solution|Section|Sections|Chapter|Sec\.|Eq\.|Eqs\.|Equation|Table|Figure|Fig\.|Part"
VERSIONED = r"Python|torch|PyTorch|diffusers|NumPy|numpy|vtonlib|Jupyter Book|version|Apache|CC BY"
NUMBER = r"\d+(?:\.\d+)+(?:[\u2013-]\d+(?:\.\d+)*)?"
REFERENCE = re.compile(rf"(?:\b(?:{NUMBERED}|{VERSIONED})[\s ~-]*)(?:{NUMBER}|\d+)(?:(?:,| and| or| to)\s+{NUMBER})*")
RESULT = re.compile(r"(?<![\w.])[-+\u2212]?\d+\.\d+(?!\.?\w)|(?<![\w.])\d+(?:\.\d+)?\s?(?:%|per ?cent)")
DISGUISED = re.compile(r"(?<![}`$\\])([`$])\s*[-+\u2212]?\d+(?:\.\d+\s*(?:\\?%)?|\s*\\?%)\s*\1(?![`$])")


def code_problems(cell: Cell) -> Iterator[str]:
    """What is wrong with one code cell."""
    lines = cell.source.rstrip().count("\n") + 1
    if lines > CODE_LINES:
        yield f"has {lines} lines, at most {CODE_LINES} are allowed"
    if re.search(r"^\s*[!%]", cell.source, flags=re.MULTILINE):
        yield "uses a shell command or magic"
    for module, names in imported(cell):
        if "*" in names:
            yield f"imports * from {module}"
        if module.split(".")[0] in NETWORK and "setup" not in cell.tags:
            yield f"imports {module}: notebooks use no network"


def imported(cell: Cell) -> list[tuple[str, tuple[str, ...]]]:
    """The modules that a cell imports, and the names from each."""
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:
        return []
    found: list[tuple[str, tuple[str, ...]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, ("",)) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", tuple(alias.name for alias in node.names)))
    return found


def repeated_imports(page: Page) -> list[str]:
    """Names that more than one cell imports."""
    names = Counter(
        f"{module}.{name}".rstrip(".") for cell in page.code for module, used in set(imported(cell)) for name in used
    )
    return [f"{name} is imported in {count} cells" for name, count in names.items() if count > 1]


def output_problems(cell: Cell) -> Iterator[str]:
    """Images without alternative text or data; data without image are fine."""
    images = [o for o in cell.outputs if any(kind.startswith("image/") for kind in o.get("data", {}))]
    if not images:
        return
    data = [entry for entry in cell.data if "arrays" in entry]
    if len(images) != 1 or len(data) != 1:
        yield f"shows {len(images)} images, data of {len(data)}: end it with one book_figure(figure, alt=..., ...)"
        return
    if not data[0]["arrays"]:
        yield "its figure has no data"
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
    if not alt.strip():
        yield "its figure has no alternative text in the cell's metadata (mystnb.image.alt)"
    elif alt != data[0].get("alt"):
        yield "the alternative text in its metadata is not that of its figure: python3 -m tools.notebooks fix"


def prose_problems(cell: Cell) -> Iterator[str]:
    """Numbers typed by hand where a record should speak."""
    if "by-hand" in cell.tags or "block-by-hand" in cell.tags:
        return
    text = REFERENCE.sub(" ", prose(cell.source))
    found = [match[0].strip() for match in RESULT.finditer(text)]
    found += [match[0] for match in DISGUISED.finditer(without_code(cell.source))]
    if found:
        numbers = ", ".join(found)
        yield f"hand-typed number {numbers}: quote it with {{claim}} or {{value}}, or tag a worked example by-hand"


def setup_problems(page: Page) -> list[str]:
    """Whether the first code cell is the standard one, and the only one of its kind."""
    if not page.code:
        return []
    first, tagged = page.code[0], [cell for cell in page.code if "setup" in cell.tags]
    if first.source.strip() != setup_cell.source() or tagged != [first]:
        return [
            f"cell {first.number}: the first code cell must be the standard one, tagged setup: python3 -m tools derive"
        ]
    return []


def problems(page: Page) -> list[str]:
    """What is wrong with the cells of a page."""
    found = setup_problems(page) + repeated_imports(page) if page.notebook else []
    results = page.notebook or page.name == FIRST_PAGE  # the others, such as the design log, report none
    for cell in page.cells:
        checks = (code_problems, output_problems) if cell.kind == "code" else (prose_problems,) if results else ()
        found += [f"cell {cell.number}: {problem}" for check in checks for problem in check(cell)]
    return [f"{page.name}: {problem}" for problem in found]
