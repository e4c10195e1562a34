"""The lists of pairs and the skeleton of a folder: everything that can be judged before an image is opened."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from vtonlib.data.folders.files import folder_fault, lies_at, read_bytes
from vtonlib.data.folders.layout import GARMENT_PARTS, IMAGE_SUFFIXES, PERSON_PARTS, FolderError, Part, Problem
from vtonlib.data.source import SPLITS, Split

LONGEST_NAME = 230
"""Bytes of a listed name: with the endings of masks and keypoints, disks take it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A line of a list: the name of a person's image, and of the garment to put on instead of their own."""

    person: str
    """Name of the person's image."""
    garment: str
    """Name of the garment's image."""


@dataclass(frozen=True, slots=True)
class SplitIndex:
    """What the lists say about one split, and what is wrong with them or with the split's folders."""

    pairs: tuple[Pair, ...] = ()
    """The lines of the list, in order."""
    problems: list[Problem] = field(default_factory=list)
    """What is wrong."""
    missing: frozenset[str] = frozenset()
    """Required folders that are not there: reported once, not once for each file."""


def list_path(root: Path, split: Split) -> Path:
    """The list of a split."""
    return root / f"{split}_pairs.txt"


def unpaired_list_path(root: Path, split: Split) -> Path:
    """The list of other garments, where it is a file of its own (CatVTON's name for it)."""
    return root / f"{split}_pairs_unpaired.txt"


def _name_fault(name: str) -> str:
    """What is wrong with a listed name; empty if nothing is."""
    if re.search(r"[/\\\0]|^[A-Za-z]:", name) or name in {".", ".."}:
        return "a name that leads to another folder"
    if not name.lower().endswith(IMAGE_SUFFIXES):
        return "a name without an image's extension"
    if len(name.encode()) > LONGEST_NAME:
        return f"a name of {len(name)} characters"
    return ""


def _parse_line(path: Path, number: int, line: str) -> Pair | Problem:
    names = line.split()
    if len(names) != 2:
        return Problem(
            path,
            f"{len(names)} name{'s' * (len(names) != 1)} in line {number} ('{line[:80]}')",
            "two, 'person garment'",
            f"Correct line {number}",
        )
    for name in names:
        if fault := _name_fault(name):
            return Problem(
                path,
                f"{fault} in line {number} ('{name[:80]}')",
                f"a plain file name ending in {' or '.join(IMAGE_SUFFIXES)}",
                f"Correct line {number}",
            )
    return Pair(*names)


def read_list(path: Path) -> tuple[list[Pair], list[Problem]]:
    """The pairs of a list, and everything wrong with it. Empty lines and a byte order mark are passed over."""
    try:
        text = read_bytes(path, path.parent).decode("utf-8-sig")
    except FolderError as error:
        empty = "0 bytes" in error.problem.found
        found = "no pairs" if empty else error.problem.found
        return [], [Problem(path, found, "lines 'person garment' in a text file", "Restore the list")]
    except UnicodeDecodeError as error:
        found = f"bytes that are not UTF-8 (at offset {error.start})"
        return [], [Problem(path, found, "UTF-8 text", "Save the list as UTF-8")]
    pairs: dict[Pair, int] = {}
    problems = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        parsed = _parse_line(path, number, line.strip())
        if isinstance(parsed, Problem):
            problems.append(parsed)
        elif parsed in pairs:
            found = f"the pair '{line.strip()}' in lines {pairs[parsed]} and {number}"
            problems.append(Problem(path, found, "each pair once", f"Remove line {number}"))
        else:
            pairs[parsed] = number
    if not pairs and not problems:
        problems.append(Problem(path, "no pairs", "lines 'person garment'", "Restore the list"))
    return list(pairs), problems


def _folder_problem(split_folder: Path, part: Part, root: Path) -> Problem | None:
    """What is wrong with the folder of a part; a folder that is not there is ``found`` as nothing."""
    folder = split_folder / part.folder
    if not os.path.isdir(folder):
        alias = part.found_as(split_folder)
        remedy = f"Rename {alias}/ to {part.folder}/" if alias else f"Copy {part.folder}/ of the data set there"
        return Problem(folder, f"{alias}/ in its place" if alias else "nothing", f"a folder {part.folder}/", remedy)
    found, remedy = folder_fault(folder, root)
    return Problem(folder, found, "a folder inside the root", remedy) if found else None


def _unpaired_names(root: Path, split: Split, pairs: list[Pair]) -> tuple[list[Pair], list[Problem]]:
    """The pairs with the garments of the unpaired list, looked up by person, if there is such a list."""
    path = unpaired_list_path(root, split)
    if not lies_at(path):
        return pairs, []
    listed, problems = read_list(path)
    other = {pair.person: pair.garment for pair in reversed(listed)}
    absent = [] if problems else [pair.person for pair in pairs if pair.person not in other]
    problems += [
        Problem(path, f"no line for {name}", f"every person of {split}_pairs.txt", "Add the line 'person garment'")
        for name in absent
    ]
    return [Pair(pair.person, other.get(pair.person, pair.garment)) for pair in pairs], problems


def index_split(root: Path, split: Split, preset: str = "") -> SplitIndex:
    """The pairs of a split and the problems of its lists and folders. Opens no image."""
    path, folder = list_path(root, split), root / split
    if not lies_at(path):
        remedy = "Restore the list: lines 'person garment', two names in image/ and cloth/"
        return SplitIndex(problems=[Problem(path, f"nothing beside {split}/", "a list of pairs", remedy)])
    pairs, problems = read_list(path)
    pairs, more = _unpaired_names(root, split, pairs)
    problems += more
    if not os.path.isdir(folder):
        remedy = f"Copy {split}/ of the data set there, or remove the list"
        return SplitIndex(
            tuple(pairs), [*problems, Problem(folder, "nothing", f"the folder {path.name} names", remedy)]
        )
    found, remedy = folder_fault(folder, root)
    if found:
        return SplitIndex(tuple(pairs), [*problems, Problem(folder, found, "a folder inside the root", remedy)])
    missing = set()
    for part in (*PERSON_PARTS, *GARMENT_PARTS):
        there = lies_at(folder / part.folder) or part.found_as(folder)
        if (part.required_in(split, preset) or there) and (problem := _folder_problem(folder, part, root)):
            problems.append(problem)
            missing.add(part.folder)
    return SplitIndex(tuple(pairs), problems, frozenset(missing))


def own_garments(root: Path, split: Split, pairs: tuple[Pair, ...]) -> Problem | None:
    """The problem that a split gives everyone their own garment, so that nothing can be put on anybody."""
    if any(pair.person != pair.garment for pair in pairs):
        return None
    remedy = f"Add {split}_pairs_unpaired.txt with lines 'person garment'"
    return Problem(list_path(root, split), "everyone with their own garment", "other garments", remedy)


def index_folder(root: Path, preset: str = "") -> tuple[dict[Split, SplitIndex], list[Problem]]:
    """Every split of which there is a list or a folder; or the one problem that there is none.

    ``preset`` is what is to be trained: some need files that others do not.
    """
    if not os.path.isdir(root):
        found = "a file" if lies_at(root) else "nothing"
        return {}, [Problem(root, found, "a folder in the layout of VITON-HD", "Correct the path")]
    found, remedy = folder_fault(root, root)
    if found:
        return {}, [Problem(root, found, "a folder in the layout of VITON-HD", remedy)]
    splits = [split for split in SPLITS if lies_at(list_path(root, split)) or os.path.isdir(root / split)]
    if not splits:
        remedy = "Correct the path, or write such a folder with python -m vtonlib data make"
        return {}, [Problem(root, "neither lists of pairs nor train/ and test/", "train_pairs.txt and train/", remedy)]
    return {split: index_split(root, split, preset) for split in splits}, []
