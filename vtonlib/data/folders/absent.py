"""Optional files that only some of the listed names have, and files that a use needs for everybody.

A reader takes a missing optional file for "unknown" (a label map is then zeros), so one that was forgotten, or stored
with another suffix, would pass unseen. Opens no file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vtonlib.data.folders.decode import NAMES
from vtonlib.data.folders.files import instead, lies_at
from vtonlib.data.folders.layout import FileSet, Layout, Part
from vtonlib.data.folders.lists import SplitIndex
from vtonlib.data.folders.problem import Problem
from vtonlib.data.source import EVALUATE, Split


@dataclass(frozen=True, slots=True)
class _Folder:
    """The folder of a part, and which of the files that the lists ask of it are not there."""

    path: Path
    part: Part
    files: FileSet
    missing: tuple[Path, ...]
    listed: int


def _folders(root: Path, layout: Layout, split: Split, index: SplitIndex) -> Iterator[_Folder]:
    """Every part's folder of every section, for persons and for the garments beside them, where there is one."""
    persons = [pair.person for pair in index.pairs]
    garments = [] if layout.persons_only else [*index.own, *(pair.garment for pair in index.pairs)]
    for files, listed in ((layout.persons, persons), (layout.garments, garments)):
        sections: dict[str, list[str]] = {}
        for name in dict.fromkeys(listed):
            sections.setdefault(layout.divided(name)[0], []).append(name)
        for section, names in sections.items():
            for part in files.parts:
                path = layout.base(root, split, section) / part.folder
                if path in index.missing or not os.path.isdir(path):
                    continue
                wanted = (name for name in names if not _said(root, layout, split, files, part, name))
                paths = (layout.path(root, split, part, name) for name in wanted)
                yield _Folder(path, part, files, tuple(p for p in paths if not lies_at(p)), len(names))


def _said(root: Path, layout: Layout, split: Split, files: FileSet, part: Part, name: str) -> bool:
    """Whether the missing file is told already as a source of another, which every example must have."""
    made = {recipe.field for recipe in files.recipes if part.field in recipe.of}
    others = [other for other in files.parts if other.field in made and other.required_in(split)]
    return any(not lies_at(layout.path(root, split, other, name)) for other in others)


def _scattered(folder: _Folder, layout: Layout) -> Problem | None:
    """What is wrong with the folder of a part that nobody must have."""
    part, missing = folder.part, folder.missing
    share = f"{len(missing)} of {folder.listed} listed names"
    remedy = f"Copy the files there, or remove {part.folder}/"
    for path in missing:
        if other := instead(path):
            found, expected = f"{other} in its place ({share})", f"{NAMES.get(part.content, 'a file')} in {path.suffix}"
            exact = part.content in ("labels", "parts")
            again = f"Store it as {path.suffix}" + ", of the numbers before they were compressed" * exact
            return Problem(path, found, expected, f"{again}, or remove {part.folder}/")
    if not missing or folder.files.recipe(part.field):
        return None
    if len(missing) < folder.listed:
        return Problem(missing[0], f"nothing, as for {share}", "a file for every listed name, or for none", remedy)
    if layout.shares_pictures and any(os.scandir(folder.path)):  # those of another split
        return None
    return Problem(folder.path, "no file of a listed name", "files of all listed names, or no such folder", remedy)


def scattered(root: Path, layout: Layout, splits: Mapping[Split, SplitIndex]) -> list[Problem]:
    """One problem for each folder of optional files that has none of the listed names, only some, or some with another
    suffix."""
    return [
        problem
        for split, index in splits.items()
        for folder in _folders(root, layout, split, index)
        if not folder.part.required_in(split) and (problem := _scattered(folder, layout))
    ]


def lacking(root: Path, layout: Layout, splits: Mapping[Split, SplitIndex], use: str) -> list[Problem]:
    """One problem for each folder that lacks files which ``use`` (see ``Part.needed_by``) needs for every listed name,
    of the split that it reads: train, or test for evaluation."""
    split: Split = "test" if use.startswith(EVALUATE) else "train"
    found = _folders(root, layout, split, splits[split]) if split in splits else ()
    return [
        Problem(
            folder.missing[0],
            f"nothing, as for {len(folder.missing)} of {folder.listed} listed names",
            f"a file of {folder.part.folder}/ for everybody",
            "Copy the files there, or remove the lines from the list",
        )
        for folder in found
        if use in folder.part.needed_by and folder.missing
    ]
