"""Write examples of any source as a folder in the layout of VITON-HD."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.folders.encode import RELEASED_FOLDERS, example_files
from vtonlib.data.folders.layout import GARMENT_PARTS, PERSON_PARTS, FolderError, Part, Problem
from vtonlib.data.folders.lists import list_path
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
    image_format: ImageFormat = "jpg",
    progress: bool = False,
) -> None:
    """The first examples of each split of ``source`` as a folder that :class:`Folder` and the released loaders read.

    Example i is named ``00000i_00``; its garment has the same name in ``cloth/``, and in ``test/`` and ``cross/`` the
    garment of the unpaired task is ``00000i_01``. As in VITON-HD, ``train_pairs.txt`` gives everyone their own garment
    and ``test_pairs.txt`` the other one. What the source does not know of an example (correspondence, warp, parse,
    keypoints) gets no file. A large data set is shrunk once and for all by writing a :class:`Folder` of it anew.

    Args:
        source: The procedural world, or another folder.
        root: Must not exist, or be empty.
        train, test, cross: Numbers of examples; 0 leaves the split out.
        image_format: ``jpg`` (quality 95) is what VITON-HD has; the loaders of StableVITON and VITON-HD read nothing
            else. ``png`` keeps every byte.
        progress: Show a progress bar.

    Raises:
        FolderError: if something lies at ``root`` already.
        ValueError: if the source has fewer examples.

    Nothing appears at ``root`` before all of it is written. Book: sec-folders.
    """
    root = Path(root)
    counts = _counts(source, {"train": train, "test": test, "cross": cross})
    with (
        _new_folder(root) as folder,
        tqdm(total=sum(counts.values()), desc="write", disable=None if progress else True) as bar,
    ):
        for split, count in counts.items():
            _write_split(source, folder, split, count, image_format, bar)


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


@contextmanager
def _new_folder(root: Path) -> Iterator[Path]:
    """A temporary folder beside ``root`` that becomes ``root`` when the block ends, and vanishes if it fails."""
    if os.path.lexists(root) and (root.is_symlink() or not root.is_dir() or any(root.iterdir())):
        found = "a link" if root.is_symlink() else "files" if root.is_dir() else "a file"
        raise FolderError(Problem(root, found, "nothing, or an empty folder", "Name another folder, or move this away"))
    root.parent.mkdir(parents=True, exist_ok=True)
    folder = root.with_name(f".{root.name}.tmp")
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


def _write_split(
    source: TryOnSource, folder: Path, split: Split, count: int, image_format: ImageFormat, bar: tqdm
) -> None:
    own_only = split == "train"
    unpaired = None if own_only else ordered_batches(source, split, count=count, batch_size=BATCH, unpaired=True)
    lines: list[str] = []
    with ThreadPoolExecutor(4) as pool:
        for batch in ordered_batches(source, split, count=count, batch_size=BATCH):
            batch = batch.to("cpu")
            first = len(lines)
            names = [f"{first + row:06d}_00.{image_format}" for row in range(len(batch))]
            others = [name.replace("_00.", "_00." if own_only else "_01.") for name in names]
            lines += [f"{name} {other}\n" for name, other in zip(names, others, strict=True)]
            _write_batch(pool, folder / split, batch, names, (*PERSON_PARTS, *GARMENT_PARTS))
            if unpaired:
                _write_batch(pool, folder / split, next(unpaired).to("cpu"), others, GARMENT_PARTS)
            bar.update(len(batch))
    list_path(folder, split).write_text("".join(lines), encoding="utf-8", newline="\n")


def _write_batch(
    pool: ThreadPoolExecutor, folder: Path, batch: TryOnBatch, names: list[str], parts: tuple[Part, ...]
) -> None:
    released = RELEASED_FOLDERS if parts[0] in PERSON_PARTS else ()
    for name in (*(part.folder for part in parts), *released):
        (folder / name).mkdir(parents=True, exist_ok=True)
    jobs = [pool.submit(_write_example, folder, batch[row : row + 1], name, parts) for row, name in enumerate(names)]
    for job in jobs:
        job.result()


def _write_example(folder: Path, example: TryOnBatch, name: str, parts: tuple[Part, ...]) -> None:
    for path, data in example_files(folder, example, name, parts):
        path.write_bytes(data)
