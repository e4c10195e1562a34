"""Every problem of a folder at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from vtonlib.config import FolderLayout
from vtonlib.data.folders.absent import lacking, scattered
from vtonlib.data.folders.example import aspect_problem, load_example
from vtonlib.data.folders.files import lies_at
from vtonlib.data.folders.layout import FileSet, ImageSize, Layout
from vtonlib.data.folders.layouts import at, garments_at, other_use, persons_alone
from vtonlib.data.folders.lists import SplitIndex, index_folder
from vtonlib.data.folders.problem import FolderError, Problem
from vtonlib.data.folders.sense import own_garments
from vtonlib.data.source import EVALUATE, Split


@dataclass(frozen=True, slots=True)
class _Item:
    """A person or a garment to look at."""

    root: Path
    layout: Layout
    split: str
    name: str
    files: FileSet
    skip: frozenset[Path]


@dataclass(frozen=True, slots=True)
class _Finding:
    """The problems of an item, and the file and size that stand for its shape."""

    problems: list[Problem]
    shape: tuple[Path, ImageSize] | None


def _items(root: Path, layout: Layout, split: str, index: SplitIndex) -> Iterable[_Item]:
    """Each person and each garment of a split once."""
    persons = dict.fromkeys(pair.person for pair in index.pairs)
    garments = dict.fromkeys([*index.own, *(pair.garment for pair in index.pairs)])
    yield from (_Item(root, layout, split, name, layout.persons, index.missing) for name in persons)
    try:
        place, other = garments_at(root, layout)
    except FolderError:  # which the index has
        return
    garments = {name: None for name in garments if other.divided(name)[0] in other.sections}
    yield from (_Item(place, other, split, name, other.garments, index.missing) for name in garments)


def _look(item: _Item) -> _Finding:
    example = load_example(item.root, item.layout, item.split, item.name, item.files, skip=item.skip)
    first = item.files.parts[0].field
    shape = (example.paths[first], example.sizes[first]) if first in example.sizes else None
    return _Finding(example.problems, shape)


def _odd_shapes(shapes: list[tuple[Path, ImageSize]]) -> list[Problem]:
    """The images whose ratio of sides is not the usual one of the folder."""
    if not shapes:
        return []
    usual, _ = Counter(size for _, size in shapes).most_common(1)[0]
    remedy = "Crop or pad the images of this example"
    found = (aspect_problem(path, size, usual, "the other images", remedy) for path, size in shapes)
    return [problem for problem in found if problem]


def folder_uses(root: str | Path, layout: FolderLayout = "auto") -> dict[str, str]:
    """What a folder without problems can be used for, and why not; an empty reason where it can.

    Training wants a split ``train``, some presets files that others do not, for every listed person; evaluation wants a
    split ``test`` in which somebody gets another garment, and for ALIAS ("evaluate alias") everybody's label map. The
    same rules speak when training or evaluation begins. Book: sec-folders.

    Raises:
        FolderError: if no layout, or more than one, is recognised.
    """
    root, kind = at(Path(root), layout)
    splits, _ = index_folder(root, kind)
    lists = {split: kind.list_path(root, split, kind.sections[0]) for split in kind.lists}
    absent = {split: f"{path} is {'empty' if lies_at(path) else 'not there'}" for split, path in lists.items()}
    if kind.persons_only:
        absent["train"] = persons_alone(root, "").found
    uses = {"train": "" if "train" in splits else absent["train"]}
    uses["evaluate"] = _unfit(root, kind, splits) if "test" in splits else absent["test"]
    for preset in dict.fromkeys(preset for part in kind.persons.parts for preset in part.needed_by):
        use = preset if preset.startswith(EVALUATE) else f"train {preset}"
        uses[use] = uses[use.split()[0]] or _lacks(root, kind, preset)
    return {use: uses[use] for use in sorted(uses, key=lambda use: use.split()[0] != "train")}


def _unfit(root: Path, kind: Layout, splits: dict[Split, SplitIndex]) -> str:
    """Why nothing can be evaluated with the split test, which is there; empty if it can."""
    problem = own_garments(root, kind, "test", splits["test"].pairs, splits["test"].own)
    return f"{problem.file} gives everyone their own garment" if problem else ""


def _lacks(root: Path, kind: Layout, use: str) -> str:
    """Why a folder lacks what ``use`` needs; empty if it does not."""
    if kind.transfers_pose:
        return f"{root} is {other_use(root, kind).found}"
    splits, _ = index_folder(root, kind, use)
    absent = [f"{problem.file} is not there" for index in splits.values() for problem in index.problems]
    absent += [f"{problem.file}: {problem.found}" for problem in lacking(root, kind, splits, use)]
    return next(iter(absent), "")


def check_folder(
    root: str | Path, layout: FolderLayout = "auto", *, workers: int = 4, progress: bool = False
) -> list[Problem]:
    """Everything wrong with a folder of any layout; an empty list for a sound one.

    Looks at the lists, the folders, and every file of every listed person and garment: presence, place, format,
    mode, size, shape, whether masks are masks of the right polarity and fit the agnostic pictures, whether anybody is
    in two splits, and whether only some have an optional file. Files that no list names are not looked at. Changes
    nothing. ``layout`` names the layout where it is not to be recognised.

    Book: sec-folders.
    """
    try:
        root, kind = at(Path(root), layout)
    except FolderError as error:
        return [error.problem]
    splits, problems = index_folder(root, kind)
    for index in splits.values():
        problems += index.problems
    there = {split: index for split, index in splits.items() if os.path.isdir(kind.base(root, split, kind.sections[0]))}
    items = [item for split, index in there.items() for item in _items(root, kind, split, index)]
    with ThreadPoolExecutor(workers) as pool:
        looked = pool.map(_look, items)
        findings = list(
            tqdm(looked, total=len(items), desc="check", unit="file set", disable=None if progress else True)
        )
    problems += [problem for finding in findings for problem in finding.problems]
    problems += scattered(root, kind, there)
    problems += _odd_shapes(list(dict.fromkeys(finding.shape for finding in findings if finding.shape)))
    return list(dict.fromkeys(problems))  # what splits share, both find
