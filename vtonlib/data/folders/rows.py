"""Lists of pairs, line by line: what they say, and everything wrong with them. Opens no image."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vtonlib.data.folders.files import read_bytes
from vtonlib.data.folders.layout import IMAGE_SUFFIXES, Layout
from vtonlib.data.folders.problem import FolderError, Problem

LONGEST_NAME = 230
"""Bytes of a listed name: with the endings of masks and keypoints, disks take it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A line of a list: a person's picture, and the garment (in pose transfer: the reference) that goes with it."""

    person: str
    """Name of the person's image."""
    garment: str
    """Name of the garment's image."""


def _name_fault(name: str, layout: Layout, role: int) -> tuple[str, str]:
    """What is wrong with a listed name of a person (0) or garment (1), and what is expected; empty if nothing is."""
    plain = f"a plain file name ending in {' or '.join(IMAGE_SUFFIXES)}"
    if "\0" in name:
        return "a name with a NUL byte", layout.rules[role].looks if layout.rules else plain
    leaves = r"[\\]|^[A-Za-z]:|^/|(^|/)\.{0,2}(/|$)" if layout.nested else r"[/\\]|^[A-Za-z]:|^\.{1,2}$"
    if re.search(leaves, name):
        return "a name that leads to another folder", layout.rules[role].looks if layout.rules else plain
    if not name.lower().endswith(IMAGE_SUFFIXES):
        return "a name without an image's extension", plain
    if max(len(step.encode()) for step in name.split("/")) > LONGEST_NAME:
        return f"a name of {len(name)} characters", plain
    if layout.rules and not re.fullmatch(layout.rules[role].pattern, name):
        return "another name", layout.rules[role].looks
    return "", ""


def identity(name: str, layout: Layout, role: int = 0) -> str:
    """Whom a name of a person (0) or garment (1) shows, with the section; empty where names do not tell."""
    if not layout.rules:
        return ""
    section, plain = layout.divided(name)
    found = re.fullmatch(layout.rules[role].pattern, plain)
    return layout.joined(section, found["id"]) if found else ""


def _judge(path: Path, layout: Layout, number: int, line: str, names: list[str]) -> Pair | Problem:
    """A line's pair, or what is wrong with it."""
    remedy = f"Correct line {number}"
    if len(names) != 2:
        found = f"{len(names)} name{'s' * (len(names) != 1)} in line {number} ('{line[:80]}')"
        return Problem(path, found, f"two, '{layout.line}'", remedy)
    for role, name in enumerate(names):
        fault, expected = _name_fault(name, layout, role)
        if fault:
            shown = name[:80].replace("\0", "\\0")
            return Problem(path, f"{fault} in line {number} ('{shown}')", expected, remedy)
    if layout.rules and names[0] == names[1]:
        found = f"'{names[0]}' paired with itself in line {number}"
        return Problem(path, found, "two pictures", f"Remove line {number}")
    return Pair(*names)


def _plain_rows(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """The number, text and names of each line that is not empty."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.strip(), line.split()


def _table_rows(text: str, places: tuple[int, int]) -> Iterator[tuple[int, str, list[str]]]:
    """The same of a table with commas, without its header; the names are those of two columns, if it has them."""
    for number, line in enumerate(text.split("\n"), 1):
        if number > 1 and line.strip():
            cells = _cells(line)
            names = [cells[place] for place in places if place < len(cells)]
            yield number, line.strip(), [name for name in names if name]


def _cells(line: str) -> list[str]:
    """The cells of a row; the row itself where it is none."""
    try:
        return [cell.strip() for cell in next(csv.reader([line.strip()]), [])]
    except csv.Error:
        return [line]


def _columns(path: Path, layout: Layout, text: str) -> tuple[int, int] | Problem:
    """Where the header of a table has the two columns."""
    assert layout.columns
    header = text.split("\n", 1)[0].strip()
    cells = _cells(header)
    if set(layout.columns) <= set(cells):
        return cells.index(layout.columns[0]), cells.index(layout.columns[1])
    expected = f"the header '{layout.line}'"
    other = next((sign for sign in (";", "\t", "|", " ") if set(layout.columns) <= set(header.split(sign))), "")
    if other:
        name = {"\t": "tabs", " ": "spaces"}.get(other, f"'{other}'")
        return Problem(path, f"columns divided by {name}", expected, "Divide the columns by commas")
    if header.lower().endswith(IMAGE_SUFFIXES):
        return Problem(path, f"no header, but the line '{header[:80]}'", expected, f"Write '{layout.line}' above it")
    return Problem(path, f"the header '{header[:80]}'", expected, "Correct the header")


def _text(path: Path, layout: Layout) -> str:
    """What a list holds.

    Raises:
        FolderError: if that is nothing, or no text.
    """
    try:
        return read_bytes(path, path.parent).decode("utf-8-sig").replace("\r\n", "\n")
    except FolderError as error:
        found = "no pairs" if "0 bytes" in error.problem.found else error.problem.found
        expected = f"lines '{layout.line}' in a text file"
        raise FolderError(Problem(path, found, expected, "Restore the list")) from None
    except UnicodeDecodeError as error:
        found = f"bytes that are not UTF-8 (at offset {error.start})"
        raise FolderError(Problem(path, found, "UTF-8 text", "Save the list as UTF-8")) from None


def is_blank(path: Path) -> bool:
    """Whether a list is a file that holds no more than empty lines."""
    try:
        return path.is_file() and path.stat().st_size <= 64 and not path.read_bytes().strip()
    except OSError:
        return False


def read_list(path: Path, layout: Layout, section: str = "") -> tuple[list[Pair], list[Problem]]:
    """The pairs of a list, and everything wrong with it. Empty lines and a byte order mark are passed over."""
    try:
        text = _text(path, layout)
    except FolderError as error:
        return [], [error.problem]
    rows = _plain_rows(text)
    if layout.columns:
        places = _columns(path, layout, text)
        if isinstance(places, Problem):
            return [], [places if text.strip() else Problem(path, "no pairs", places.expected, "Restore the list")]
        rows = _table_rows(text, places)
    pairs: dict[Pair, int] = {}
    problems = []
    for number, line, names in rows:
        parsed = _judge(path, layout, number, line, [layout.rename(name) for name in names])
        if isinstance(parsed, Problem):
            problems.append(parsed)
        elif parsed in pairs:
            found = f"the pair '{line}' in lines {pairs[parsed]} and {number}"
            problems.append(Problem(path, found, "each pair once", f"Remove line {number}"))
        else:
            pairs[parsed] = number
    if not pairs and not problems:
        problems.append(Problem(path, "no pairs", f"lines '{layout.line}'", "Restore the list"))
    return [Pair(layout.joined(section, p.person), layout.joined(section, p.garment)) for p in pairs], problems
