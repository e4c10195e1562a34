"""The index of notation: every symbol of every labelled equation, with its meaning, shape and first use.

``book/symbols.toml`` says what symbols mean; which ones there have to be is read off the equations' TeX.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from tools.book.equations import Equation, displayed
from tools.book.page import Page
from tools.shell import ROOT

FILE = ROOT / "book" / "symbols.toml"
GROUPS = ("Latin letters", "Greek letters", "Names")
TOKEN = re.compile(
    r"\\(?:operatorname\*?|mathrm)\s*\{(?P<name>[A-Za-z]{2,})\}"  # named functions and quantities
    r"|\\(?:text|mathrm|begin|end)\s*\{[^{}]*\}|\\mathrm\s+d|[_^]\{(?:warp|bend|FM|percept|out|in)\}|(?<![A-Za-z\\])e\^"
    r"|\\(?P<accent>hat|bar|tilde|mathcal|mathbb)\s*(?:\{\s*(?P<braced>\\?[A-Za-z]+)\s*\}|(?P<bare>\\[A-Za-z]+|[A-Za-z]))"
    r"|\\(?P<greek>alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi"
    r"|pi|rho|sigma|tau|phi|chi|psi|omega|ell)(?![A-Za-z])"
    r"|\\(?P<capital>Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega)(?![A-Za-z])|\\[A-Za-z]+|(?P<letter>[A-Za-z])"
)


def symbols(tex: str) -> set[str]:
    r"""The letters of a formula with their accents, and named quantities: ``\bar A_{ij}`` has ``\bar A``, ``i``, ``j``.

    Primes, words in indices, and functions that everybody knows (``\exp``) are no symbols.
    """
    found = set()
    for match in TOKEN.finditer(tex):
        if match["accent"]:
            found.add(f"\\{match['accent']} {match['braced'] or match['bare']}")
        elif letter := match["greek"] or match["capital"]:
            found.add(f"\\{letter}")
        elif match["name"] or match["letter"]:
            found.add(match["name"] or match["letter"])
    return found


@dataclass(frozen=True)
class Meaning:
    """A row of ``book/symbols.toml``: what a symbol means in some chapters or equations."""

    symbol: str
    where: tuple[str, ...]
    shape: str
    means: str


@cache
def meanings() -> tuple[Meaning, ...]:
    """The rows of the file."""
    rows = tomllib.loads(FILE.read_text(encoding="utf8"))["rows"]
    return tuple(Meaning(symbol, tuple(where.split()), shape, means) for symbol, where, shape, means in rows)


@dataclass(frozen=True)
class Use:
    """A symbol of an equation."""

    symbol: str
    equation: Equation
    chapter: str

    def meant(self, known: Sequence[Meaning]) -> list[Meaning]:
        """The rows that say what it means: those that name the equation, or else those that name the chapter."""
        rows = [row for row in known if row.symbol == self.symbol]
        exact = [row for row in rows if self.equation.label in row.where]
        return exact or [row for row in rows if self.chapter in row.where]


def uses(pages: Sequence[Page]) -> list[Use]:
    """Every symbol of every labelled equation, in the order of the book."""
    return [
        Use(symbol, equation, page.chapter)
        for page in pages
        if page.chapter
        for equation in displayed(page)[0]
        for symbol in sorted(symbols(equation.body))
    ]


def problems(pages: Sequence[Page], known: Sequence[Meaning] | None = None) -> list[str]:
    """Symbols without a meaning or with two, and meanings that no equation has a use for."""
    rows, found, needed = meanings() if known is None else known, [], set()
    for use in uses(pages):
        meant = use.meant(rows)
        if len(meant) != 1:
            said = "does not say" if not meant else f"says {len(meant)} times"
            found.append(f"book/symbols.toml {said} what {use.symbol} means in ({use.equation.label}) of {use.chapter}")
        needed |= {(row, place) for row in meant for place in row.where if place in (use.equation.label, use.chapter)}
    here = {page.chapter for page in pages}  # a chapter may be on its way
    unused = [(r, p) for r in rows for p in r.where if (r, p) not in needed and not (p.isdigit() and p not in here)]
    return found + [f"book/symbols.toml: {row.symbol} of {place}: no equation there needs it" for row, place in unused]


def order(symbol: str) -> tuple[int, str, bool, str]:
    """Where a symbol stands in the index: letters, Greek letters, names; each by its letter, without accents."""
    letter = symbol.rpartition(" ")[2].removeprefix("\\").replace("ell", "l")
    group = 1 if f"\\{letter}" in symbol else 2 if len(letter) > 1 else 0
    return group, letter.lower(), letter[0].islower(), symbol


def shown(symbol: str) -> str:
    """A symbol as mathematics."""
    return f"$\\operatorname{{{symbol}}}$" if len(symbol) > 1 and symbol[0] != "\\" else f"${symbol}$"


def first_uses(pages: Sequence[Page]) -> dict[Meaning, Equation]:
    """The equation in which each meaning is met first."""
    found: dict[Meaning, Equation] = {}
    for use in uses(pages):
        for row in use.meant(meanings()):
            found.setdefault(row, use.equation)
    return found


def index(pages: Sequence[Page]) -> dict[str, list[tuple[str, str, str, str]]]:
    """The rows of the index under their headings: symbol, meaning, shape, first use."""
    first = first_uses(pages)
    groups: dict[str, list[tuple[str, str, str, str]]] = {name: [] for name in GROUPS}
    place = {row: number for number, row in enumerate(first)}
    for row in sorted(first, key=lambda row: (order(row.symbol), place[row])):
        shape = row.shape if row.shape in ("", "index") else f"`[{row.shape}]`"
        line = (shown(row.symbol), row.means, shape, f"{{eq}}`{first[row].label}`")
        groups[GROUPS[order(row.symbol)[0]]].append(line)
    return groups
