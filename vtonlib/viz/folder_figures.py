"""Folders of data sets as pictures: what lies where, beside what it shows.

Book: sec-folders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from vtonlib.viz.figures import _picture

PICTURES = (".png", ".jpg", ".jpeg")
SHARE = 1.35
"""Width of a tree, in pictures of seven."""


def tree(root: Path, files: Sequence[Path]) -> str:
    """The files below ``root`` as a drawn tree: folders once, what they hold indented."""
    lines: list[str] = []
    above: tuple[str, ...] = ()
    for file in sorted(files, key=lambda file: file.relative_to(root).parts):
        *folders, name = file.relative_to(root).parts
        shared = next((k for k, (a, b) in enumerate(zip(folders, above, strict=False)) if a != b), None)
        first = min(len(folders), len(above)) if shared is None else shared
        lines += [f"{'  ' * depth}{folders[depth]}/" for depth in range(first, len(folders))]
        lines.append(f"{'  ' * len(folders)}{name}")
        above = tuple(folders)
    return "\n".join(lines)


def files_of(root: Path, *names: str) -> list[Path]:
    """The files below ``root`` whose path holds one of the names, and the lists at the top."""
    found = sorted(file for file in root.rglob("*") if file.is_file())
    return [f for f in found if any(name in f.relative_to(root).as_posix() for name in names)]


def folder_figure(folders: Mapping[str, tuple[Path, Sequence[Path]]], *, columns: int = 5) -> Figure:
    """For each folder its tree, and beside it every picture that the tree names, with the name of its folder.

    Args:
        folders: by title, the root and the files to show.
        columns: pictures in a row.
    """
    shown = {title: [f for f in files if f.suffix in PICTURES] for title, (_, files) in folders.items()}
    rows = [max(1, -(-len(pictures) // columns)) for pictures in shown.values()]
    figure = plt.figure(figsize=(8.4, 1.62 * sum(rows) + 0.25), layout="constrained")
    parts = figure.subfigures(len(folders), 2, width_ratios=(0.55, 1.6), height_ratios=rows, squeeze=False)
    for (left, right), (title, (root, files)), count in zip(parts, folders.items(), rows, strict=True):
        left.text(0.02, 0.98, title, va="top", weight="bold", fontsize=9)
        left.text(0.02, 0.91 if count > 1 else 0.85, tree(root, files), va="top", family="monospace", fontsize=6.2)
        axes = right.subplots(count, columns, squeeze=False).flat
        for one in axes:
            one.axis("off")
        for one, file in zip(right.axes, shown[title], strict=False):
            _picture(one, _seen(file), _title(file))
            one.title.set_fontsize(6)
    plt.close(figure)
    return figure


def _title(file: Path) -> str:
    """The folder's name; of a folder that is a person's own, the file's."""
    return file.stem if file.parent.name.startswith("id_") else file.parent.name[:17]


def _seen(file: Path) -> np.ndarray:
    """The pixels of a picture, labels in the colours of their palette."""
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))
