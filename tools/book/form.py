"""The form of single cells: short code, described figures, no hand-typed results, no network."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from tools.book import plain, setup_cell, wrap
from tools.book.page import FENCE, Cell, Page, prose, without_code
from tools.book.wrap import WIDTH

CODE_LINES, SETUP_LINES = 25, 36
TITLE = re.compile(r"# @title \S")
FIRST_PAGE = "book/index"
NUMBERS = 4
MACHINERY = re.compile(r"\b(?:book_figure|book_element|quote)\(|\balt = ")
RAW = {
    "a role": re.compile(r"\{[a-z][\w:-]*\}\0"),
    "a target": re.compile(r"^\([\w-]+\)=\s*$", re.MULTILINE),
    "a directive": re.compile(r"^[> ]*:{3,}", re.MULTILINE),
    "an equation's label": re.compile(r"\0 *\(eq-[\w-]+\)"),
    "a footnote": re.compile(r"\[\^"),
    "a comment or break of MyST": re.compile(r"^(?:%|\+\+\+)", re.MULTILINE),
    "an attribute": re.compile(r"\]\{|\)\{[.#:\w]"),
    "a link without text": re.compile(r"(?<!!)\[\]\("),
    "other HTML": re.compile(r"<(?!/?(?:a|br|details|summary|sub|sup|kbd|img)\b)/?[A-Za-z][^>]*>"),
}
NETWORK = {"ftplib", "gdown", "http", "httpx", "huggingface_hub", "requests", "socket", "urllib", "wget"}
NUMBERED = r"Exercise|Exercises|Solution|Section|Sections|Chapter|Sec\.|Eq\.|Eqs\.|Equation|Table|Figure|Fig\.|Part"
VERSIONED = r"Python|torch|PyTorch|diffusers|NumPy|numpy|vtonlib|Jupyter Book|version|Apache|CC BY"
NUMBER = r"\d+(?:\.\d+)+(?:[\u2013-]\d+(?:\.\d+)*)?"
REFERENCE = re.compile(rf"(?:\b(?:{NUMBERED}|{VERSIONED})[\s ~-]*)(?:{NUMBER}|\d+)(?:(?:,| and| or| to)\s+{NUMBER})*")
RESULT = re.compile(r"(?<![\w.])[-+\u2212]?\d+\.\d+(?!\.?\w)|(?<![\w.])\d+(?:\.\d+)?\s?(?:%|per ?cent)")
DISGUISED = re.compile(r"(?<![}`$\\])([`$])\s*[-+\u2212]?\d+(?:\.\d+\s*(?:\\?%)?|\s*\\?%)\s*\1(?![`$])")


def code_problems(cell: Cell) -> Iterator[str]:
    """What is wrong with one code cell."""
    lines = cell.source.rstrip().split("\n")
    if wide := [number for number, line in enumerate(lines, start=1) if len(line) > WIDTH]:
        yield f"line {', '.join(map(str, wide))}: over {WIDTH} characters"
    if cell.tags & setup_cell.FOLDED and not TITLE.match(lines[0]):
        yield "is folded, so its first line must be '# @title What it does'"
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
    source = plain.without_quotes(cell.source)
    text = REFERENCE.sub(" ", prose(source))
    found = [match[0].strip() for match in RESULT.finditer(text)]
    found += [match[0] for match in DISGUISED.finditer(without_code(source))]
    if found:
        numbers = ", ".join(found)
        yield f"hand-typed number {numbers}: quote a claim or a number of the run, or tag a worked example by-hand"


def plain_problems(cell: Cell) -> Iterator[str]:
    """What notebooks' readers would see raw, and lines that are too long."""
    if any("{" in match["info"] for match in FENCE.finditer(cell.source)):
        yield "a fence with {...} is no Markdown: directives are for the site's own pages"
    fenced = (line for match in plain.FENCE.finditer(cell.source) for line in match[0].split("\n"))
    if wide := [line for line in fenced if len(line) > WIDTH]:
        yield f"has code over {WIDTH} characters: {wide[0].strip()[:40]}..."
    visible = plain.masked(cell.source)
    for name, pattern in RAW.items():
        if match := pattern.search(visible):
            line = cell.source[: match.start()].count("\n")
            yield f"{name} would stand there raw: {cell.source.splitlines()[line][:60]}"
    if wrap.wrapped(cell.source) != cell.source:
        yield f"has lines over {WIDTH} characters: python3 -m tools.notebooks fix"


def long_cells(page: Page) -> list[str]:
    """Cells of code that no reader takes in at once."""
    found = []
    for cell in page.code:
        lines, most = cell.source.rstrip().count("\n") + 1, SETUP_LINES if "setup" in cell.tags else CODE_LINES
        if lines > most:
            found.append(f"cell {cell.number}: has {lines} lines, at most {most} are allowed")
    return found


def open_machinery(page: Page) -> list[str]:
    """Cells whose code stands open although it only describes or quotes."""
    return [
        f"cell {cell.number}: {match[0].rstrip(' (=')} is machinery: tag its cell hide-input, give it a # @title"
        for cell in page.code
        if not cell.tags & {*setup_cell.FOLDED, "exercise"} and (match := MACHINERY.search(cell.source))
    ]


def number_problems(page: Page) -> list[str]:
    """Paragraphs with more quoted numbers than a reader takes in: a table or a plot says more."""
    return [
        f"cell {cell.number}: {count} quoted numbers in one paragraph, at most {NUMBERS}: {start}..."
        for cell in page.markdown
        for start, count in crowded(cell.source)
    ]


def crowded(source: str) -> Iterator[tuple[str, int]]:
    """The paragraphs of a text with too many quoted numbers: how each starts, and how many they are."""
    for paragraph in re.split(r"\n[> ]*\n|\n(?=[> ]*(?:[-*]|\d+\.) )", source):
        if paragraph.lstrip().startswith("|"):
            continue
        numbers = (r for r in plain.references(paragraph) if r.kind in {"claim", "value"})
        quoted = [r for r in numbers if not r.target.endswith("seeds")]
        if len(quoted) > NUMBERS:
            yield " ".join(paragraph.split())[:40], len(quoted)


def setup_problems(page: Page) -> list[str]:
    """Whether cell 1 is the standard one, and the only one of its kind."""
    if not page.code:
        return []
    first, tagged = page.code[0], [cell for cell in page.code if "setup" in cell.tags]
    standard = setup_cell.source(first.source)
    if first.source.strip() != standard or tagged != [first] or first.number != 1:
        return [f"cell {first.number}: cell 1 must be the standard one, tagged setup: python3 -m tools derive"]
    return []


def problems(page: Page) -> list[str]:
    """What is wrong with the cells of a page."""
    found = []
    if page.notebook:
        found += (
            setup_problems(page)
            + repeated_imports(page)
            + long_cells(page)
            + open_machinery(page)
            + number_problems(page)
        )
    results = page.notebook or page.name == FIRST_PAGE  # the others, such as the design log, report none
    for cell in page.cells:
        text = [*([prose_problems] if results else []), *([plain_problems] if page.notebook else [])]
        checks = [code_problems, output_problems] if cell.kind == "code" else text
        found += [f"cell {cell.number}: {problem}" for check in checks for problem in check(cell)]
    return [f"{page.name}: {problem}" for problem in found]
