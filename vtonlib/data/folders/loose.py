"""One person and one garment from single files, for trying on outside any list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import KEYPOINTS, PARSE_LABELS, TryOnBatch
from vtonlib.data.folders.decode import Array, decode_picture
from vtonlib.data.folders.faults import content_problems
from vtonlib.data.folders.files import lies_at, read_bytes
from vtonlib.data.folders.layout import PERSON_PARTS, Content, FolderError, Problem
from vtonlib.data.folders.read import to_images, to_masks, to_one_hot


def _place(person: Path, field: str) -> Path:
    """Where the layout has a person's ``field``: ``person`` lies in its folder ``image/``."""
    part = next(part for part in PERSON_PARTS if part.field == field)
    return part.path(person.parent.parent, person.name)


def _beside(person: Path, field: str, option: str) -> Path:
    """The file of a person's ``field``, which must be there."""
    path = _place(person, field)
    if not lies_at(path):
        raise FolderError(
            Problem(path, "nothing", f"the {field.replace('_', ' ')} of {person.name}", f"Name it with {option}")
        )
    return path


def read_files(
    person: Path,
    garment: Path,
    *,
    agnostic_mask: Path | None = None,
    dense_pose: Path | None = None,
    parse: Path | None = None,
    height: int,
    width: int,
) -> TryOnBatch:
    """A batch of one, of which only what a try-on pipeline needs is known.

    Where ``agnostic_mask`` (white: to be painted) or ``dense_pose`` is not given, ``person`` must lie in the VITON-HD
    layout and they are taken from there; so is ``parse`` (labels of CIHP), which may be missing. The agnostic image is
    the person with the mask painted grey. Everything is resized to ``height`` x ``width``; a picture of another ratio
    is stretched, as the field does.

    Raises:
        FolderError: naming the file that is missing or at fault, what was found and expected, and a remedy.

    Book: sec-folders.
    """
    read_bytes(person, person.parent)  # before what lies beside it
    mask_path = agnostic_mask or _beside(person, "agnostic_mask", "--mask")
    pose_path = dense_pose or _beside(person, "dense_pose", "--dense-pose")
    size = width, height
    images = {path: read_image(path, height=height, width=width) for path in (person, garment, pose_path)}
    mask = _read_mask(mask_path, size)
    known = {
        "person": images[person],
        "garment": images[garment],
        "garment_mask": (images[garment] < 0.96).any(1, keepdim=True).float(),  # the ground is white
        "agnostic": images[person] * (1 - mask),
        "agnostic_mask": mask,
        "dense_pose": images[pose_path],
    }
    parse_path = parse or _place(person, "parse")
    if parse or lies_at(parse_path):
        known["parse"] = to_one_hot(_read(parse_path, "labels", size))
    return TryOnBatch(**(_unknown(height, width) | known))


def _read(path: Path, content: Content, size: tuple[int, int]) -> Array:
    """A picture at ``size``, (width, height), as a batch of one."""
    return np.stack([decode_picture(path, path.parent, content, size)[0]])


def read_image(path: Path, *, height: int, width: int) -> Float[Tensor, "1 3 h w"]:
    """An image of more than one colour as a batch of one, resized; one of another ratio is stretched.

    Raises:
        FolderError: naming the file if it is missing or at fault, what was found and expected, and a remedy.
    """
    pixels = _read(path, "image", (width, height))
    if problems := content_problems({"person": pixels[0]}, {"person": path}, frozenset()):
        raise FolderError(*problems)
    return to_images(pixels)


def _read_mask(path: Path, size: tuple[int, int]) -> Float[Tensor, "1 1 h w"]:
    """An agnostic mask that is neither empty nor grey."""
    pixels = _read(path, "mask", size)
    if problems := content_problems({"agnostic_mask": pixels[0]}, {"agnostic_mask": path}, frozenset()):
        raise FolderError(*problems)
    return to_masks(pixels)


def _unknown(height: int, width: int) -> dict[str, Tensor]:
    """Every other field of a batch of one, saying "not known"."""
    empty = torch.zeros(1, 1, height, width)
    return {
        "keypoints": torch.full((1, len(KEYPOINTS), 2), torch.nan),
        "parse": torch.zeros(1, len(PARSE_LABELS), height, width),
        "garment_region": empty,
        "flow": torch.zeros(1, height, width, 2),
        "flow_mask": empty,
        "warped_garment": torch.ones(1, 3, height, width),
        "misalign_mask": empty,
        "index": torch.zeros(1, dtype=torch.long),
    }


def read_pose(reference: Path, dense_pose: Path, *, height: int, width: int) -> TryOnBatch:
    """A batch of one for pose transfer: the ``reference`` as its garment, a pose, and everything to be painted.

    Raises:
        FolderError: naming the file that is missing or at fault, what was found and expected, and a remedy.
    """
    images = {
        name: read_image(path, height=height, width=width)
        for name, path in {"garment": reference, "dense_pose": dense_pose}.items()
    }
    known = _unknown(height, width)
    hidden, everything = torch.zeros(1, 3, height, width), torch.ones(1, 1, height, width)
    known |= {"person": hidden, "agnostic": hidden, "agnostic_mask": everything, "garment_mask": everything}
    return TryOnBatch(**(known | images))
