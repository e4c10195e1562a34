"""The lists of pairs and the skeleton of a folder: everything that can be judged before an image is opened."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from pathlib import Path

from vtonlib.data.folders.files import broken_link, folder_fault, lies_at
from vtonlib.data.folders.layout import FileSet, Layout, Part
from vtonlib.data.folders.layouts import LAYOUTS, garments_at
from vtonlib.data.folders.problem import FolderError, Problem
from vtonlib.data.folders.rows import Pair, identity, read_list
from vtonlib.data.folders.sense import emptied, left_out, strangers, two_truths
from vtonlib.data.source import SPLITS, Split


@dataclass(frozen=True, slots=True)
class SplitIndex:
    """What the lists say about one split, and what is wrong with them or with the split's folders."""

    pairs: tuple[Pair, ...] = ()
    """Each person and the garment to put on; in order."""
    own: tuple[str, ...] = ()
    """The garment that each of them wears."""
    problems: list[Problem] = field(default_factory=list)
    """What is wrong."""
    missing: frozenset[Path] = frozenset()
    """Required folders that are not there: reported once, not once for each file."""


def _folder_problem(base: Path, part: Part, root: Path, instead: str = "") -> Problem | None:
    """What is wrong with the folder of a part; a folder that is not there is ``found`` as nothing."""
    folder = base / part.folder
    if not os.path.isdir(folder):
        alias = part.found_as(base)
        remedy = (
            f"Rename {alias}/ to {part.folder}/" if alias else f"Copy {part.folder}/ of the data set there{instead}"
        )
        found = f"{alias}/ in its place" if alias else "nothing"
        if target := broken_link(folder):
            found = f"a link to nothing ({target})"
        return Problem(folder, found, f"a folder {part.folder}/", remedy)
    found, remedy = folder_fault(folder, root)
    return Problem(folder, found, "a folder inside the root", remedy) if found else None


def _folder_problems(base: Path, files: FileSet, root: Path, split: Split, preset: str) -> list[Problem]:
    """What is wrong with the folders of persons or garments below ``base``."""
    problems, fields = [], files.by_field()
    for name, parts in fields.items():
        there = [part for part in parts if lies_at(base / part.folder)]
        recipe = files.recipe(name)
        made_of = [fields.get(source, ()) for source in (recipe.of if recipe else ())]
        made = made_of and all(any(lies_at(base / part.folder) for part in source) for source in made_of)
        required = any(part.required_in(split, preset) for part in parts) and not made
        if not there and (required or any(part.found_as(base) for part in parts)):
            there = [next((part for part in parts if part.found_as(base)), parts[0])]
        others = [part.folder for part in (*parts[1:], *chain(*made_of))]
        instead = f", or {' or '.join(f'{other}/' for other in others)}" if others else ""
        found = (_folder_problem(base, part, root, instead) for part in there)
        problems += [problem for problem in found if problem]
    return problems


def _line_of(person: str, layout: Layout) -> str:
    """The line of a person, whose garment is for the reader to choose."""
    plain = layout.divided(person)[1]
    return f"{plain} GARMENT" if layout.columns is None else f"REFERENCE,{plain}"


def _unpaired(
    root: Path, layout: Layout, split: Split, section: str, pairs: list[Pair]
) -> tuple[list[Pair], list[Problem]]:
    """The pairs with the garments of the unpaired list, looked up by person, if there is such a list."""
    path = layout.unpaired_path(root, split, section)
    if layout.persons_only or not lies_at(path):
        return pairs, []
    listed, problems = read_list(path, layout, section)
    other = {pair.person: pair.garment for pair in reversed(listed)}
    absent = [] if problems else [pair.person for pair in pairs if pair.person not in other]
    problems += [
        Problem(
            path,
            f"no line for {layout.divided(name)[1]}",
            f"every person of {layout.lists[split]}",
            f"Add a line '{_line_of(name, layout)}'",
        )
        for name in dict.fromkeys(absent)
    ]
    return [Pair(pair.person, other.get(pair.person, pair.garment)) for pair in pairs], problems


def _other_folder(root: Path, split: Split, path: Path, pairs: list[Pair]) -> list[Problem]:
    """What is wrong with the folder in which the garments of persons alone lie, or with their names in the list."""
    try:
        place, layout = garments_at(root, LAYOUTS["persons"])
    except FolderError as error:
        return [error.problem]
    sections = dict.fromkeys(layout.divided(pair.garment)[0] for pair in pairs)
    if strange := [section for section in sections if section not in layout.sections]:
        name = next(pair.garment for pair in pairs if layout.divided(pair.garment)[0] == strange[0])
        found = f"the garment {name} without a category"
        return [
            Problem(path, found, f"a name such as {layout.sections[0]}/000003_1.jpg", "Write the category before it")
        ]
    return [
        problem
        for section in sections
        for problem in _folder_problems(layout.base(place, split, section), layout.garments, place, split, "")
    ]


def _index_section(root: Path, layout: Layout, split: Split, section: str, preset: str) -> SplitIndex:
    """The pairs of a section's split and the problems of its lists and folders. Opens no image."""
    path, base = layout.list_path(root, split, section), layout.base(root, split, section)
    if not lies_at(path):
        other = next((name for name in layout.list_aliases.get(split, ()) if lies_at(path.with_name(name))), "")
        found = f"{other} in its place" if other else "nothing" + f" beside {base.name}/" * (base != root)
        what = f"Restore the list: lines '{layout.line}', two names in {layout.persons.parts[0].folder}/"
        if layout.persons_only:
            what = f"Write it: lines '{layout.line}', a name in {layout.persons.parts[0].folder}/ and a garment's"
        if layout.own_by_name:
            what += f" and {layout.garments.parts[0].folder}/"
        remedy = f"Rename {other} to {path.name}" if other else what
        return SplitIndex(problems=[Problem(path, found, "a list of pairs", remedy)])
    if left_out(root, layout, split, section):
        return SplitIndex(problems=emptied(root, layout, split, section))
    listed, problems = read_list(path, layout, section)
    pairs, more = _unpaired(root, layout, split, section, listed)
    own = [] if layout.persons_only else [p.person if layout.own_by_name else p.garment for p in listed]
    problems += more
    if layout.rules:
        problems += strangers(path, layout, split, listed) + two_truths(base, path, layout, listed)
    found, remedy = "nothing", f"Copy {base.name}/ of the data set there, or remove the list"
    expected = f"the folder {path.name} names"
    if os.path.isdir(base):
        (found, remedy), expected = folder_fault(base, root), "a folder inside the root"
    if found:
        return SplitIndex(tuple(pairs), tuple(own), [*problems, Problem(base, found, expected, remedy)])
    missing = {
        problem.file: problem
        for files in (layout.persons, layout.garments)
        for problem in _folder_problems(base, files, root, split, preset)
    }
    if layout.persons_only:
        missing |= {problem.file: problem for problem in _other_folder(root, split, path, pairs)}
    return SplitIndex(tuple(pairs), tuple(own), [*problems, *missing.values()], frozenset(missing))


def index_split(root: Path, layout: Layout, split: Split, preset: str = "") -> SplitIndex:
    """The pairs of a split and the problems of its lists and folders: sections in turn. Opens no image."""
    parts = [_index_section(root, layout, split, section, preset) for section in layout.sections]

    def in_turn(rows: list[tuple]) -> tuple:
        return tuple(row for turn in zip_longest(*rows) for row in turn if row is not None)

    return SplitIndex(
        in_turn([part.pairs for part in parts]),
        in_turn([part.own for part in parts]),
        [problem for part in parts for problem in part.problems],
        frozenset().union(*(part.missing for part in parts)),
    )


def _shared_persons(root: Path, layout: Layout, splits: dict[Split, SplitIndex]) -> list[Problem]:
    """Persons that lie in two splits of a data set whose splits share their folders."""
    if not layout.shares_pictures or not layout.rules:
        return []
    seen: dict[str, Split] = {}
    for split, index in splits.items():
        persons = dict.fromkeys(identity(pair.person, layout) for pair in index.pairs)
        if both := [person for person in persons if person in seen]:
            first, earlier = both[0], layout.list_path(root, seen[both[0]], layout.divided(both[0])[0]).name
            path = layout.list_path(root, split, layout.divided(first)[0] if layout.sections != ("",) else "")
            found = f"{len(both)} person{'s' * (len(both) > 1)} of {earlier}, such as {first}"
            return [Problem(path, found, "nobody who is in another split", "Remove their lines from one of the lists")]
        seen |= dict.fromkeys(persons, split)
    return []


def index_folder(root: Path, layout: Layout, preset: str = "") -> tuple[dict[Split, SplitIndex], list[Problem]]:
    """Every split of which there is a list or a folder; or the one problem that there is none.

    A split in which a category has nobody is none of that category's root.

    ``preset`` is what is to be trained: some need files that others do not.
    """
    known = f"a folder in the layout of {layout.title}"
    if not os.path.isdir(root):
        return {}, [Problem(root, "a file" if lies_at(root) else "nothing", known, "Correct the path")]
    found, remedy = folder_fault(root, root)
    if found:
        return {}, [Problem(root, found, known, remedy)]
    splits = [split for split in SPLITS if _begun(root, layout, split)]
    if not splits:
        remedy = "Correct the path, or write such a folder with python -m vtonlib data make"
        first, base = layout.list_path(root, next(iter(layout.lists)), layout.sections[0]), layout.base(root, "train")
        own = not layout.shares_pictures
        found = f"neither lists of pairs nor {'train/ and test/' if own else 'their pictures'}"
        expected = f"{first.relative_to(root)}" + f" and {base.name}/" * own
        return {}, [Problem(root, found, expected, remedy)]
    indexed = {split: index_split(root, layout, split, preset) for split in splits}
    indexed = {split: index for split, index in indexed.items() if index.pairs or index.problems}
    return indexed, _shared_persons(root, layout, indexed)


def _begun(root: Path, layout: Layout, split: Split) -> bool:
    """Whether there is anything of a split: a list, or a folder of its own."""
    if split not in layout.lists or layout.persons_only:
        return split in layout.lists
    names = [layout.lists[split], layout.unpaired.format(split=split), *layout.list_aliases.get(split, ())]
    listed = any(lies_at(root / section / name) for section in layout.sections for name in names)
    return listed or (not layout.shares_pictures and os.path.isdir(root / split))
