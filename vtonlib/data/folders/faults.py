"""What only the contents of files show: blank pictures, masks that are none, inverted polarity.

Every rule wants strong evidence, since a reader refuses what fails it: anti-aliased edges, JPEG noise and the
differences between VITON-HD's own agnostic images and masks must pass.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from vtonlib.data.folders.layout import Array
from vtonlib.data.folders.problem import Problem

INVERTED = "an inverted mask: the agnostic image hides what the mask leaves black"
NEW_MASK = "Make the mask again, or remove the line from the list"


GREY_AREA = 0.1
"""Share of a picture that may be grey in a mask: feathered edges may, the grey garment of an agnostic image may not."""


SHOWN = 0.05
"""Share of a mask in which an agnostic image may show the person: more, and they were not made of one another."""
RIM = 1 / 48
"""Width of a mask's rim, in heights, in which edges and compression may differ."""
ALIKE = 24
"""Bytes by which compressed colours differ."""


def _inside(mask: Array) -> Array:
    return mask > 127


def is_grey(mask: Array) -> bool:
    """Whether too many pixels are grey in the midst of grey: neither sharp edges nor traces of compression."""
    grey = (mask >= 32) & (mask < 224)
    if grey.mean() <= GREY_AREA:
        return False
    eroded = Image.fromarray(grey.astype(np.uint8)).filter(ImageFilter.MinFilter(3))
    return bool(np.asarray(eroded).mean() > GREY_AREA)


def _mask_problem(path: Path, mask: Array, *, may_be_empty: bool) -> Problem | None:
    """What is wrong with a mask on its own."""
    if is_grey(mask):
        remedy = "Store a black and white mask; the grey agnostic image is not one"
        return Problem(path, "a grey mask", "a mask of 0 and 255", remedy)
    share = _inside(mask).mean()
    if share == 0 and not may_be_empty:
        return Problem(path, f"an empty mask (brightest value {mask.max()})", "255 inside", NEW_MASK)
    if share > 0.995:
        return Problem(path, "a mask that covers everything", "black outside", NEW_MASK)
    return None


def _blank_problem(path: Path, image: Array) -> Problem | None:
    """A picture of one colour."""
    blank = int(image.max()) - int(image.min()) <= 4
    return Problem(path, "a blank image", "a picture", "Make or copy the file again") if blank else None


def _shown(person: Array, agnostic: Array, mask: Array) -> float:
    """The share of the mask, without its rim, in which the agnostic image is the person and not grey."""
    eroded = ImageFilter.MinFilter(2 * max(1, round(mask.shape[0] * RIM)) + 1)
    inner = np.asarray(Image.fromarray(_inside(mask).astype(np.uint8)).filter(eroded)) > 0
    as_person = np.abs(person.astype(np.int16) - agnostic).max(-1) <= ALIKE
    no_grey = np.abs(agnostic.astype(np.int16) - 127).max(-1) > ALIKE
    return float((as_person & no_grey)[inner].mean()) if inner.any() else 0.0


def _agnostic_elsewhere(person: Array, agnostic: Array, mask: Array) -> str:
    """How the agnostic image shows the person inside the mask and hides them outside; empty if it does not.

    Of an inverted mask the rest is hidden nearly everywhere, of a mask of another place only in part.
    """
    hidden = np.abs(person.astype(np.int16) - agnostic).mean(-1, dtype=np.float32)
    inside, outside = hidden[_inside(mask)].mean(), hidden[~_inside(mask)].mean()
    if outside <= 6 or inside >= outside / 2:
        share = _shown(person, agnostic, mask)
        seen = f"another's mask, or of another place: the agnostic image shows {100 * share:.0f} % of what it hides"
        return seen if share > SHOWN else ""
    return INVERTED if (hidden[~_inside(mask)] > 6).mean() > 0.5 else "another place than the agnostic image hides"


def _garment_inverted(mask: Array) -> bool:
    """Whether the mask covers most of the border, and less of the centre: a garment lies inside its picture."""
    inside = _inside(mask)
    h, w = mask.shape
    border = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]]).mean()
    return bool(border > 0.5 and border > inside[h // 4 : h - h // 4, w // 4 : w - w // 4].mean())


def _region_outside(region: Array, agnostic_mask: Array) -> bool:
    """Whether most of the worn garment lies where nothing is to be painted."""
    return bool(_inside(region).any() and _inside(agnostic_mask)[_inside(region)].mean() < 0.5)


def _misplaced(arrays: dict[str, Array]) -> tuple[str, str]:
    """The field whose mask is white in the wrong place, and how that shows; two empty strings if all are right."""
    if "garment_mask" in arrays and _garment_inverted(arrays["garment_mask"]):
        return "garment_mask", "an inverted mask: it covers the border, not the garment"
    if {"person", "agnostic", "agnostic_mask"} <= arrays.keys() and (
        evidence := _agnostic_elsewhere(arrays["person"], arrays["agnostic"], arrays["agnostic_mask"])
    ):
        return "agnostic_mask", evidence
    if {"garment_region", "agnostic_mask"} <= arrays.keys() and _region_outside(
        arrays["garment_region"], arrays["agnostic_mask"]
    ):
        return "garment_region", "an inverted mask: it lies outside agnostic-mask"
    return "", ""


def content_problems(arrays: dict[str, Array], paths: dict[str, Path], may_be_empty: frozenset[str]) -> list[Problem]:
    """The problems of pictures ``[h w 3]`` and masks ``[h w]`` of one size, by field; at most one for a file."""
    found: dict[str, Problem | None] = {
        name: _mask_problem(paths[name], array, may_be_empty=name in may_be_empty)
        if array.ndim == 2
        else _blank_problem(paths[name], array)
        for name, array in arrays.items()
        if array.ndim == 2 or name != "warped_garment"
    }
    field, evidence = _misplaced({name: array for name, array in arrays.items() if not found.get(name)})
    if field:
        remedy = "Invert the mask: 255 is inside, and where to paint" if "inverted" in evidence else NEW_MASK
        found[field] = Problem(paths[field], evidence, "255 inside", remedy)
    return [problem for problem in found.values() if problem]
