"""What lists of pairs say that cannot be, or was hardly meant: read without opening an image."""

from __future__ import annotations

import os
from pathlib import Path

from vtonlib.data.folders.files import lies_at
from vtonlib.data.folders.layout import IMAGE_SUFFIXES, Layout
from vtonlib.data.folders.layouts import LAYOUTS
from vtonlib.data.folders.problem import Problem
from vtonlib.data.folders.rows import Pair, identity, is_blank, read_list
from vtonlib.data.source import Split


def strangers(path: Path, layout: Layout, split: Split, pairs: list[Pair]) -> list[Problem]:
    """The lines of a list of own garments that give somebody another's."""
    wrong = [pair for pair in pairs if identity(pair.person, layout) != identity(pair.garment, layout, 1)]
    return [
        Problem(
            path,
            f"the garment {layout.divided(pair.garment)[1]} of another than {layout.divided(pair.person)[1]}",
            "two pictures of one id",
            f"Move the line to {layout.unpaired.format(split=split)}",
        )
        for pair in wrong
    ]


def two_truths(base: Path, path: Path, layout: Layout, pairs: list[Pair]) -> list[Problem]:
    """Persons listed with several own garments, where one file for each person says where what is worn came from."""
    if layout.own_by_name or not lies_at(base / "true-flow"):
        return []
    listed: dict[str, str] = {}
    for pair in pairs:
        if listed.setdefault(pair.person, pair.garment) != pair.garment:
            found = f"{pair.person} with two pictures to take it from, and one truth"
            return [Problem(path, found, "one line for each person", f"Remove a line, or {base / 'true-flow'}")]
    return []


def left_out(root: Path, layout: Layout, split: Split, section: str) -> bool:
    """Whether the lists say that a category has nobody in a split: they are empty, and another category's is not."""
    unpaired = layout.unpaired_path(root, split, section)
    if not is_blank(layout.list_path(root, split, section)) or (lies_at(unpaired) and not is_blank(unpaired)):
        return False
    others = (layout.list_path(root, split, name) for name in LAYOUTS[layout.name].sections if name != section)
    return any(lies_at(other) and not is_blank(other) for other in others)


def emptied(root: Path, layout: Layout, split: Split, section: str) -> list[Problem]:
    """The problem that a category's list is empty, while its pictures show persons whom no list of it names."""
    listed: set[str] = set()
    for other in layout.lists:
        path = layout.list_path(root, other, section)
        pairs = read_list(path, layout, section)[0] if lies_at(path) and not is_blank(path) else []
        listed |= {identity(pair.person, layout) for pair in pairs}
    folder = layout.base(root, split, section) / layout.persons.parts[0].folder
    names = os.listdir(folder) if os.path.isdir(folder) and os.access(folder, os.R_OK) else []
    shown = {identity(layout.joined(section, n), layout) for n in names if n.lower().endswith(IMAGE_SUFFIXES)}
    if not (forgotten := shown - listed - {""}):
        return []
    found = f"no pairs, and {len(forgotten)} of {folder.name}/ in no list, such as {layout.divided(min(forgotten))[1]}"
    path = layout.list_path(root, split, section)
    return [Problem(path, found, f"lines '{layout.line}'", "Restore the list, or remove those pictures")]


def own_garments(
    root: Path, layout: Layout, split: Split, pairs: tuple[Pair, ...], own: tuple[str, ...]
) -> Problem | None:
    """The problem that a section's split gives everyone their own garment, so that nothing can be put on anybody."""
    if layout.persons_only:
        return None
    rows = list(zip(pairs, own, strict=True))
    for section in layout.sections:
        others = [pair.garment != own for pair, own in rows if layout.divided(own)[0] == section]
        if others and not any(others):
            remedy = f"Add {layout.unpaired.format(split=split)} with lines '{layout.line}'"
            path = layout.list_path(root, split, section)
            return Problem(path, "everyone with their own garment", "other garments", remedy)
    return None
