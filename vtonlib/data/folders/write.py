"""Write examples of any source as a folder of VITON-HD, DressCode or DeepFashion. How examples are named:

- VITON-HD: example i of a split is ``00000i_00``; its garment has the same name in ``cloth/``, and in ``test/`` and
  ``cross/`` the garment of the unpaired task is ``00000i_01``. ``train_pairs.txt`` gives everyone their own garment and
  ``test_pairs.txt`` the other one.
- DressCode: examples are counted through all splits, which share their folders; number i is ``00000i_0`` in the folder
  of its garment's category, with its own garment ``00000i_1``. Garments of the unpaired task are counted on. A category
  of which a split has no example gets an empty list.
- DeepFashion: number i, counted so, is ``WOMEN/World/id_0000000i/02_1_front``, to be made of ``01_1_front``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.folders.encode import example_files
from vtonlib.data.folders.layout import FileSet, Layout, Names
from vtonlib.data.folders.layouts import LAYOUTS
from vtonlib.data.folders.problem import FolderError, Problem
from vtonlib.data.source import Split, TryOnSource, ordered_batches
from vtonlib.disk import hold

ImageFormat = Literal["png", "jpg"]
BATCH = 32


def write_folder(
    source: TryOnSource,
    root: str | Path,
    *,
    train: int,
    test: int,
    cross: int = 0,
    layout: str = "viton_hd",
    image_format: ImageFormat = "jpg",
    progress: bool = False,
) -> None:
    """The first examples of each split of ``source`` as a folder that :class:`Folder` and the released loaders read.

    What the source does not know of an example (correspondence, warp, parse, keypoints) gets no file. A large data set
    is shrunk once and for all by writing a :class:`Folder` of it anew.

    Args:
        source: The procedural world, or another folder; for DeepFashion one of pose transfer.
        root: Must not exist, or be empty.
        train, test, cross: Numbers of examples; 0 leaves the split out.
        layout: ``viton_hd``, ``dresscode`` or ``deepfashion``.
        image_format: ``jpg`` (quality 95) is what the data sets have; released loaders read nothing else. ``png`` keeps
            every byte.
        progress: Show a progress bar.

    Raises:
        FolderError: if something lies at ``root`` already, or no folder can be made there.
        ValueError: if the source has fewer examples, or does not tell what DressCode's category of one is.

    Nothing appears at ``root`` before all of it is written. Book: sec-folders.
    """
    kind, counts = known_layout(layout), _counts(source, {"train": train, "test": test, "cross": cross})
    first, total = 0, sum(counts.values())
    with _new_folder(Path(root)) as folder, tqdm(total=total, desc="write", disable=None if progress else True) as bar:
        for split, count in counts.items():
            _Writer(folder, kind, split, f".{image_format}", first, total).write(source, count, bar)
            first += count if kind.shares_pictures else 0
        _write_empty_lists(folder, kind, tuple(counts))


def _counts(source: TryOnSource, wanted: dict[Split, int]) -> dict[Split, int]:
    """The splits to write and their numbers of examples, which ``source`` has."""
    counts = {split: count for split, count in wanted.items() if count}
    for split, count in counts.items():
        has = source.size(split)
        if not 0 < count <= has:
            raise ValueError(f"{split}={count}: expected 0 to {has}, the number of examples of the split")
    if not counts:
        raise ValueError("train, test and cross are all 0: expected at least one example")
    return counts


def _write_empty_lists(folder: Path, layout: Layout, splits: tuple[Split, ...]) -> None:
    """Empty lists where a category has examples, but none of a split: of other data sets every list is written."""
    if layout.sections == ("",):
        return
    for section in layout.sections:
        for split in splits if (folder / section).is_dir() else ():
            layout.list_path(folder, split, section).touch()
            if split != "train":
                layout.unpaired_path(folder, split, section).touch()


@contextmanager
def _new_folder(root: Path) -> Iterator[Path]:
    """A temporary folder beside ``root`` that becomes ``root`` when the block ends, and vanishes if it fails."""
    if os.path.lexists(root) and (root.is_symlink() or not root.is_dir() or any(root.iterdir())):
        found = "a link" if root.is_symlink() else "files" if root.is_dir() else "a file"
        raise FolderError(Problem(root, found, "nothing, or an empty folder", "Name another folder, or move this away"))
    folder = root.with_name(f".{root.name}.tmp")
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
    except OSError as error:
        found = f"a place where no folder can be made ({error.strerror})"
        raise FolderError(Problem(root, found, "a place to write", "Name another folder")) from None
    with hold(folder):  # which lasts until the writer ends, however it ends
        for leftover in folder.iterdir():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        try:
            yield folder
            if root.exists():
                root.rmdir()
            os.replace(folder, root)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def known_layout(name: str) -> Layout:
    """The layout of a name, to be written.

    Raises:
        ValueError: for an unknown one, and for persons alone, whose folders are read only.
    """
    written = [known for known, layout in LAYOUTS.items() if not layout.persons_only]
    if name not in written:
        raise ValueError(f"layout={name!r}: expected one of {', '.join(written)}")
    return LAYOUTS[name]


@dataclass(slots=True)
class _Writer:
    """Writes one split."""

    folder: Path
    layout: Layout
    split: Split
    suffix: str
    first: int
    """The number of the split's first example, where all splits are counted through."""
    others: int
    """What to add for the number of the garment of the unpaired task, where they are."""
    lists: dict[Path, list[Names]] = field(default_factory=dict)
    """What to list, by the path of the list of own garments."""

    def write(self, source: TryOnSource, count: int, bar: tqdm) -> None:
        """Write ``count`` examples and their lists."""
        own_only = self.split == "train"
        rest = None if own_only else ordered_batches(source, self.split, count=count, batch_size=BATCH, unpaired=True)
        with ThreadPoolExecutor(4) as pool:
            for batch in ordered_batches(source, self.split, count=count, batch_size=BATCH):
                other = next(rest).to("cpu") if rest else None
                names = self._write_batch(pool, batch.to("cpu"), other)
                for name in names:
                    section = self.layout.divided(name.person)[0]
                    self.lists.setdefault(self.layout.list_path(self.folder, self.split, section), []).append(name)
                self.first += len(batch)
                bar.update(len(batch))
        for path, listed in self.lists.items():
            self._write_lists(path, listed, own_only=own_only)

    def _write_batch(self, pool: ThreadPoolExecutor, batch: TryOnBatch, other: TryOnBatch | None) -> list[Names]:
        kind, names, jobs = self.layout, [], []
        for row in range(len(batch)):
            number, example = self.first + row, batch[row : row + 1]
            names.append(kind.name_pair(number, number + self.others, example, self.suffix))
            jobs.append((example, names[row].person, kind.persons))
            jobs.append((example, names[row].own, kind.garments))
            if other:
                jobs.append((other[row : row + 1], names[row].other, kind.garments))
        for done in [pool.submit(self._write_example, *job) for job in jobs]:
            done.result()
        return names

    def _write_example(self, example: TryOnBatch, name: str, files: FileSet) -> None:
        section, plain = self.layout.divided(name)
        base = self.layout.base(self.folder, self.split, section)
        for path, data in example_files(base, self.layout, example, plain, files):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def _write_lists(self, path: Path, listed: list[Names], *, own_only: bool) -> None:
        """One list of own and one of other garments; just the latter where a person's name is its garment's."""
        section = path.parent.relative_to(self.folder)
        own = [(names.person, names.own) for names in listed]
        other = [(names.person, names.other) for names in listed]
        lists = {path: own if own_only or not self.layout.own_by_name else other}
        if not own_only and not self.layout.own_by_name:
            lists[self.layout.unpaired_path(self.folder, self.split, str(section))] = other
        for file, pairs in lists.items():
            file.write_text(self._lines(pairs), encoding="utf-8", newline="\n")

    def _lines(self, pairs: list[tuple[str, str]]) -> str:
        plain = [tuple(self.layout.divided(name)[1] for name in pair) for pair in pairs]
        if self.layout.columns is None:
            return "".join(f"{person} {garment}\n" for person, garment in plain)
        return f"{self.layout.line}\n" + "".join(f"{garment},{person}\n" for person, garment in plain)
