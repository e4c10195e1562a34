"""What is made of other files where a data set has none: masks from label maps, agnostic pictures from masks.

Every function takes the decoded arrays of an example, of one size, and the section its name lies in (DressCode's
category), and gives an image ``[h w 3]`` or a mask ``[h w]`` of bytes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.folders.layout import Array

WIDER = 1 / 24
"""How far a mask made of a label map reaches beyond it, as a share of the picture's height."""
ALMOST_WHITE = 250
"""The darkest channel of a ground that counts as white."""
GARMENTS = {
    "upper_body": ("upper_garment", "dress"),
    "lower_body": ("lower_garment", "dress"),
    "dresses": ("dress", "upper_garment", "lower_garment"),
}
"""Labels of what is worn in each of DressCode's categories: parsers confuse tunics and skirts with dresses."""
LIMBS = {
    "upper_body": ("torso_skin", "left_arm", "right_arm"),
    "lower_body": ("left_leg", "right_leg"),
    "dresses": ("torso_skin", "left_arm", "right_arm", "left_leg", "right_leg"),
}
"""Labels that another garment of the category could cover."""
KEPT = ("face", "hair", "shoes")
"""Labels that stay visible, however near the garment is: they say who it is."""

Arrays = Mapping[str, Array]


def _among(parse: Array, labels: tuple[str, ...]) -> Array:
    return np.isin(parse, [PARSE_LABELS.index(label) for label in labels])


def _widened(inside: Array, radius: int) -> Array:
    """Every pixel that a square of this radius around a pixel inside covers."""
    for axis in (0, 1):
        count = np.cumsum(np.pad(inside.astype(np.int32), _only(axis, (radius + 1, radius))), axis)
        size, width = inside.shape[axis], 2 * radius + 1
        inside = (np.take(count, range(width, width + size), axis) - np.take(count, range(size), axis)) > 0
    return inside


def _only(axis: int, pad: tuple[int, int]) -> list[tuple[int, int]]:
    return [pad if axis == number else (0, 0) for number in (0, 1)]


def _bytes(inside: Array) -> Array:
    return np.where(inside, 255, 0).astype(np.uint8)


def mask_of_labels(arrays: Arrays, category: str) -> Array:
    """Where to paint: the garment and the limbs that another one could cover, and a margin of ``WIDER``.

    Face, hair and shoes stay. The mask follows what is worn, so it tells a model how wide and long that is: masks that
    come with a data set are better, where there are any.

    Equation: eq-mask-of-labels. Book: sec-folders.
    """
    parse = arrays["parse"]
    inside = _among(parse, (*GARMENTS[category], *LIMBS[category]))
    inside = _widened(inside, max(1, round(WIDER * parse.shape[0])))
    return _bytes(inside & ~_among(parse, KEPT))


def region_of_labels(arrays: Arrays, category: str) -> Array:
    """Where the category's garment is worn and visible."""
    return _bytes(_among(arrays["parse"], GARMENTS[category]))


def painted_grey(arrays: Arrays, category: str) -> Array:
    """The person with the agnostic mask painted mid grey.

    Equation: eq-agnostic-picture. Book: sec-folders.
    """
    share = arrays["agnostic_mask"][..., None].astype(np.float32) / 255
    return (arrays["person"] * (1 - share) + 127.5 * share).round().astype(np.uint8)


def beside_white(arrays: Arrays, category: str) -> Array:
    """Where the garment's picture is not white."""
    return _bytes(arrays["garment"].min(-1) < ALMOST_WHITE)


def whole_reference(arrays: Arrays, category: str) -> Array:
    """All of the reference picture: nobody says where the person in it is."""
    return np.full(arrays["garment"].shape[:2], 255, dtype=np.uint8)


def whole_picture(arrays: Arrays, category: str) -> Array:
    """All of the person's picture."""
    return np.full(arrays["person"].shape[:2], 255, dtype=np.uint8)


def body_surface(arrays: Arrays, category: str) -> Array:
    """Where the dense pose shows a body."""
    return _bytes(arrays["dense_pose"].max(-1) > 0)
