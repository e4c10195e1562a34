"""The files of one person, or of one garment, read together."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vtonlib.data.folders.decode import Array, ImageSize, decode_picture
from vtonlib.data.folders.faults import content_problems
from vtonlib.data.folders.files import lies_at
from vtonlib.data.folders.layout import FolderError, Part, Problem
from vtonlib.data.folders.numbers import decode_flow, decode_keypoints

ASPECT_TOLERANCE = 0.05
"""Largest difference of log(height / width) that resizing may stretch."""


@dataclass(frozen=True, slots=True)
class Example:
    """What was read of the parts of one name, by the field of ``TryOnBatch`` they fill."""

    arrays: dict[str, Array] = field(default_factory=dict)
    """What the files hold, decoded."""
    paths: dict[str, Path] = field(default_factory=dict)
    """The files."""
    sizes: dict[str, ImageSize] = field(default_factory=dict)
    """(width, height) as stored."""
    problems: list[Problem] = field(default_factory=list)
    """What is wrong with them."""


def _decode(example: Example, root: Path, part: Part, path: Path, size: ImageSize | None) -> None:
    """Read one part into ``example``: its array and path, its size or its problem."""
    try:
        if part.content == "keypoints":
            array = decode_keypoints(path, root)
        elif part.content == "flow":
            array, example.sizes[part.field] = decode_flow(path, root, size)
        else:
            array, example.sizes[part.field] = decode_picture(path, root, part.content, size)
    except FolderError as error:
        example.problems.append(error.problem)
        return
    example.arrays[part.field] = array
    example.paths[part.field] = path


def load_example(
    root: Path,
    split: str,
    name: str,
    parts: tuple[Part, ...],
    *,
    size: ImageSize | None = None,
    skip: frozenset[str] = frozenset(),
    preset: str = "",
) -> Example:
    """The parts of ``name``, at ``size`` or nearly as stored, with every problem found.

    ``skip`` are folders to pass over; ``preset`` is what the example is to train.
    """
    example = Example()
    for part in parts:
        path = part.path(root / split, name)
        if part.folder not in skip and (part.required_in(split, preset) or lies_at(path)):
            _decode(example, root, part, path, size)
    if stray := _stray_joint(example):
        example.problems.append(stray)
    odd = _odd_sizes(example)
    example.problems.extend(odd.values())
    pictures = {p.field for p in parts if p.content in {"image", "mask"}} - odd.keys()
    may_be_empty = frozenset(part.field for part in parts if not part.required_in(split))
    arrays = {name: array for name, array in example.arrays.items() if name in pictures}
    example.problems.extend(content_problems(arrays, example.paths, may_be_empty))
    return example


def _stray_joint(example: Example) -> Problem | None:
    """A joint further from the image than the image is large."""
    if not {"keypoints", "person"} <= example.arrays.keys():
        return None
    joints, sides = example.arrays["keypoints"], np.asarray(example.sizes["person"])
    stray = joints[((joints < -sides) | (joints > 2 * sides)).any(-1)]
    if not len(stray):
        return None
    x, y = stray[0].tolist()
    expected = f"pixels of the image, {sides[0]}x{sides[1]}"
    return Problem(example.paths["keypoints"], f"a joint at ({x:.4g}, {y:.4g})", expected, "Detect the pose again")


def _odd_sizes(example: Example) -> dict[str, Problem]:
    """The files whose stored size is not that of most (when there is no majority, of the first)."""
    if not example.sizes:
        return {}
    (width, height), _ = Counter(example.sizes.values()).most_common(1)[0]
    expected = f"{width}x{height} as the other files of the example"
    return {
        name: Problem(example.paths[name], f"{w}x{h} pixels", expected, "Resize the file")
        for name, (w, h) in example.sizes.items()
        if (w, h) != (width, height)
    }


def aspect_problem(path: Path, size: ImageSize, expected: ImageSize, whose: str, remedy: str) -> Problem | None:
    """The problem that an image would be stretched, if its sides have another ratio than expected."""
    ratio, wanted = size[1] / size[0], expected[1] / expected[0]
    if abs(math.log(ratio / wanted)) <= ASPECT_TOLERANCE:
        return None
    found = f"{size[0]}x{size[1]} pixels (height/width {ratio:.3g})"
    return Problem(path, found, f"height/width {wanted:.3g} as {whose}", remedy)
