"""The files of one person, or of one garment, read together."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vtonlib.data.folders.decode import decode_picture
from vtonlib.data.folders.faults import content_problems, is_grey
from vtonlib.data.folders.files import fail, instead, lies_at
from vtonlib.data.folders.layout import Array, FileSet, ImageSize, Layout, Part, Recipe
from vtonlib.data.folders.numbers import decode_flow, decode_joints, decode_keypoints
from vtonlib.data.folders.problem import FolderError, Problem
from vtonlib.data.folders.viton_hd import CIHP

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
    example.paths[part.field] = path
    try:
        match part.content:
            case "keypoints":
                array = decode_keypoints(path, root)
            case "joints":
                array = _in_picture(decode_joints(path, root), part, example)
            case "flow":
                array, example.sizes[part.field] = decode_flow(path, root, size)
            case content:
                array, example.sizes[part.field] = decode_picture(path, root, content, size, part.labels or CIHP)
    except FolderError as error:
        example.problems.append(error.problem)
        return
    example.arrays[part.field] = array


def _in_picture(joints: Array, part: Part, example: Example) -> Array:
    """Joints in pixels of the person's picture, where they were counted in a picture of another size."""
    if part.joints_in is None or "person" not in example.sizes:
        return joints
    return joints * (np.asarray(example.sizes["person"]) / np.asarray(part.joints_in)).astype(np.float32)


def load_example(
    root: Path,
    layout: Layout,
    split: str,
    name: str,
    files: FileSet,
    *,
    size: ImageSize | None = None,
    skip: frozenset[Path] = frozenset(),
    preset: str = "",
) -> Example:
    """The files of ``name``, at ``size`` or nearly as stored, and what is made of them, with every problem found.

    ``skip`` are folders to pass over; ``preset`` is what the example is to train.
    """
    example = Example()
    base = layout.base(root, split, layout.divided(name)[0])
    contents: dict[str, str] = {}
    for field_name, parts in (fields := files.by_field()).items():
        paths = [layout.path(root, split, part, name) for part in parts]
        found = [(part, path) for part, path in zip(parts, paths, strict=True) if lies_at(path)]
        if skip & {base / part.folder for part in parts}:
            continue
        required = any(part.required_in(split, preset) for part in parts)
        made_of = recipe.of if (recipe := files.recipe(field_name)) else ()
        if found:
            contents[field_name] = found[0][0].content
            _decode(example, root, *found[0], size)
        elif required and not (made_of and set(made_of) <= example.paths.keys()):
            sources = [layout.path(root, split, fields[source][0], name) for source in made_of]
            example.problems.append(_nothing(paths[0], [*paths[1:], *sources], instead(paths[0])))
    pictures = {name for name, content in contents.items() if content in {"image", "mask"}}
    may_be_empty = {part.field for part in files.parts if not part.required_in(split)}
    if uncovered := _uncovered(example, files, layout.divided(name)[0]):
        example.problems.append(uncovered)
        pictures -= {"agnostic_mask"}
    _judge(example, pictures, frozenset(may_be_empty))
    for recipe in files.recipes:
        _make(example, recipe, layout.divided(name)[0])
    return example


def _nothing(path: Path, others: list[Path], misnamed: str = "") -> Problem:
    """The problem that a listed file is not there, nor another in its stead, or only ``misnamed``."""
    if misnamed:
        return Problem(path, f"{misnamed} in its place", f"a file in {path.suffix}", f"Store it as {path.suffix}")
    instead = f", or {' or '.join(map(str, others))}" if others else ""
    remedy = f"Copy the file there{instead}, or remove its line from the list"
    return fail(path, "nothing", "a file for the listed name", remedy).problem


def _judge(example: Example, pictures: set[str], may_be_empty: frozenset[str]) -> None:
    """Add the problems that only several files, or their contents, show."""
    if stray := _stray_joint(example):
        example.problems.append(stray)
    odd = _odd_sizes(example)
    example.problems.extend(odd.values())
    arrays = {name: array for name, array in example.arrays.items() if name in pictures - odd.keys()}
    example.problems.extend(content_problems(arrays, example.paths, may_be_empty))


def _uncovered(example: Example, files: FileSet, section: str) -> Problem | None:
    """The problem that a mask leaves visible what a label map says is worn."""
    recipe = files.recipe("garment_region")
    if not recipe or not {"agnostic_mask", *recipe.of} <= example.arrays.keys() or "parse" not in recipe.of:
        return None
    mask, worn = example.arrays["agnostic_mask"] > 127, recipe.make(example.arrays, section) > 0
    if mask.shape != worn.shape or not worn.any() or not mask.any() or is_grey(example.arrays["agnostic_mask"]):
        return None
    if mask[worn].mean() >= 0.5:
        return None
    found = "a mask, inverted or of another place, that leaves most of the label map's garment visible"
    return Problem(example.paths["agnostic_mask"], found, "255 where to paint", "Invert the mask, or make it again")


def _make(example: Example, recipe: Recipe, section: str) -> None:
    """Make a field that has no file of those that have, unless these have problems."""
    at_fault = {problem.file for problem in example.problems}
    known = recipe.field in example.paths or not set(recipe.of) <= example.arrays.keys()
    if known or any(example.paths.get(source) in at_fault for source in recipe.of):
        return
    array = recipe.make(example.arrays, section)
    if recipe.wanted and not array.any():
        path, what = example.paths[recipe.of[0]], recipe.field.replace("_", " ")
        found = f"nothing of which to make the {what}"
        example.problems.append(Problem(path, found, recipe.wanted, "Correct the file, or remove the line"))
        return
    example.arrays[recipe.field] = array


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
