"""Every problem of a folder at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from vtonlib.data.folders.decode import ImageSize
from vtonlib.data.folders.example import aspect_problem, load_example
from vtonlib.data.folders.layout import GARMENT_PARTS, PERSON_PARTS, Part, Problem
from vtonlib.data.folders.lists import SplitIndex, index_folder, list_path, own_garments


@dataclass(frozen=True, slots=True)
class _Item:
    """A person or a garment to look at."""

    split: str
    name: str
    parts: tuple[Part, ...]
    skip: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Finding:
    """The problems of an item, and the file and size that stand for its shape."""

    problems: list[Problem]
    shape: tuple[Path, ImageSize] | None


def _items(split: str, index: SplitIndex) -> Iterable[_Item]:
    """Each person and each garment of a split once."""
    persons = dict.fromkeys(pair.person for pair in index.pairs)
    garments = dict.fromkeys([*persons, *(pair.garment for pair in index.pairs)])
    for names, parts in ((persons, PERSON_PARTS), (garments, GARMENT_PARTS)):
        yield from (_Item(split, name, parts, index.missing) for name in names)


def _look(root: Path, item: _Item) -> _Finding:
    example = load_example(root, item.split, item.name, item.parts, skip=item.skip)
    first = item.parts[0].field
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


def folder_uses(root: str | Path) -> dict[str, str]:
    """What a folder without problems can be used for, and why not; an empty reason where it can.

    Training wants a split ``train``, some presets files that others do not; evaluation wants a split ``test`` in which
    somebody gets another garment. The same rules speak when training or evaluation begins. Book: sec-folders.
    """
    root = Path(root)
    splits, _ = index_folder(root)
    uses = {"train": "" if "train" in splits else f"{list_path(root, 'train')} is not there"}
    for preset in dict.fromkeys(preset for part in PERSON_PARTS for preset in part.needed_by):
        needed = (problem for index in index_folder(root, preset)[0].values() for problem in index.problems)
        uses[f"train {preset}"] = uses["train"] or next((f"{problem.file} is not there" for problem in needed), "")
    if "test" not in splits:
        uses["evaluate"] = f"{list_path(root, 'test')} is not there"
    else:
        problem = own_garments(root, "test", splits["test"].pairs)
        uses["evaluate"] = f"{problem.file} gives everyone their own garment" if problem else ""
    return uses


def check_folder(root: str | Path, *, workers: int = 4, progress: bool = False) -> list[Problem]:
    """Everything wrong with a folder in the layout of VITON-HD; an empty list for a sound one. Changes nothing.

    Looks at the lists, the folders, and every file of every listed person and garment: presence, place, format,
    mode, size, shape, and whether masks are masks of the right polarity. Files that no list names are not looked at.

    Book: sec-folders.
    """
    root = Path(root)
    splits, problems = index_folder(root)
    for index in splits.values():
        problems += index.problems
    items = [item for split, index in splits.items() if os.path.isdir(root / split) for item in _items(split, index)]
    with ThreadPoolExecutor(workers) as pool:
        looked = pool.map(lambda item: _look(root, item), items)
        findings = list(
            tqdm(looked, total=len(items), desc="check", unit="file set", disable=None if progress else True)
        )
    for finding in findings:
        problems += finding.problems
    return problems + _odd_shapes([finding.shape for finding in findings if finding.shape])
