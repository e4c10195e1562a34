"""One person and one garment from single files, for trying on outside any list."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import KEYPOINTS, PARSE_LABELS, TryOnBatch
from vtonlib.data.folders.decode import decode_picture
from vtonlib.data.folders.deepfashion import DEEPFASHION, PICTURES
from vtonlib.data.folders.dresscode import DRESSCODE
from vtonlib.data.folders.faults import content_problems
from vtonlib.data.folders.files import lies_at, read_bytes
from vtonlib.data.folders.layout import Array, ImageSize, Layout, Part
from vtonlib.data.folders.made import beside_white
from vtonlib.data.folders.problem import FolderError, Problem
from vtonlib.data.folders.read import to_images, to_masks, to_one_hot
from vtonlib.data.folders.viton_hd import CIHP, VITON_HD


@dataclass(frozen=True, slots=True)
class _Person:
    """A person's picture, and what lies beside it if it lies in a known layout."""

    file: Path
    layout: Layout
    root: Path
    split: str
    name: str

    @classmethod
    def of(cls, file: Path) -> _Person:
        """``file`` in the layout that its folders' names tell; VITON-HD if they tell none."""
        path = Path(os.path.abspath(file))
        pictures = next((folder for folder in path.parents if folder.name == PICTURES), None)
        if pictures:
            return cls(file, DEEPFASHION, pictures.parent, "", path.relative_to(pictures).as_posix())
        category = path.parent.parent
        if path.parent.name == "images" and category.name in DRESSCODE.sections:
            return cls(file, DRESSCODE, category.parent, "", f"{category.name}/{path.name}")
        return cls(file, VITON_HD, file.parent.parent.parent, file.parent.parent.name, file.name)

    def beside(self, field: str) -> tuple[Path, Part] | None:
        """Where a field lies, or would lie, and what part of the layout that is; None if it has none."""
        parts = self.layout.persons.by_field().get(field, ())
        places = [(self.layout.path(self.root, self.split, part, self.name), part) for part in parts]
        return next((place for place in places if lies_at(place[0])), places[0] if places else None)

    def chosen(self, field: str, given: Path | None, option: str) -> tuple[Path, Part]:
        """The file of a field: the one given, or the one beside the person, which must be there."""
        beside = self.beside(field)
        if given:
            return given, Part(field, "", "mask" if field == "agnostic_mask" else "image")
        if beside is None or not lies_at(beside[0]):
            what = f"the {field.replace('_', ' ')} of {self.file.name}"
            raise FolderError(Problem(beside[0] if beside else self.file, "nothing", what, f"Name it with {option}"))
        return beside


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

    Where ``agnostic_mask`` (white: to be painted) or ``dense_pose`` is not given, ``person`` must lie in one of the
    layouts and they are taken from there, or made as its folder makes them: of DressCode's label map, and all ones for
    DeepFashion, where ``garment`` is a reference. So is ``parse`` (with the layout's labels), which may be missing.
    The agnostic image is the person with the mask painted grey. Everything is resized to ``height`` x ``width``; a
    picture of another ratio is stretched, as the field does.

    Raises:
        FolderError: naming the file that is missing or at fault, what was found and expected, and a remedy.

    Book: sec-folders.
    """
    read_bytes(person, person.parent)  # before what lies beside it
    size, about = (width, height), _Person.of(person)
    known = {"person": _picture(person, size), "garment": _picture(garment, size)} | _parse(about, parse, size)
    mask = to_masks(_mask(about, agnostic_mask, known, size)[None])
    pose_path, part = about.chosen("dense_pose", dense_pose, "--dense-pose")
    cover = about.layout.garments.recipe("garment_mask")
    batch = {
        "person": to_images(known["person"][None]),
        "garment": to_images(known["garment"][None]),
        "garment_mask": to_masks((cover.make if cover else beside_white)(known, "")[None]),
        "agnostic_mask": mask,
        "dense_pose": to_images(_picture(pose_path, size, part)[None]),
    }
    batch["agnostic"] = batch["person"] * (1 - mask)
    if "parse" in known:
        batch["parse"] = to_one_hot(known["parse"][None])
    return TryOnBatch(**(_unknown(height, width) | batch))


def _parse(about: _Person, given: Path | None, size: ImageSize) -> dict[str, Array]:
    """The segmentation, if it is given or lies beside the person."""
    beside = about.beside("parse")
    if beside and (given or lies_at(beside[0])):
        return {"parse": _read(given or beside[0], beside[1], size)}
    return {}


def _mask(about: _Person, given: Path | None, known: dict[str, Array], size: ImageSize) -> Array:
    """The agnostic mask: read, or made of what is known, as a folder's would be."""
    beside, recipe = about.beside("agnostic_mask"), about.layout.persons.recipe("agnostic_mask")
    if not given and recipe and not (beside and lies_at(beside[0])) and set(recipe.of) <= known.keys():
        return recipe.make(known, about.layout.divided(about.name)[0])
    path, part = about.chosen("agnostic_mask", given, "--mask")
    mask = _read(path, part, size)
    if problems := content_problems({"agnostic_mask": mask}, {"agnostic_mask": path}, frozenset()):
        raise FolderError(*problems)
    return mask


def _read(path: Path, part: Part, size: ImageSize) -> Array:
    """A picture at ``size``, (width, height)."""
    return np.array(decode_picture(path, path.parent, part.content, size, part.labels or CIHP)[0])


def _picture(path: Path, size: ImageSize, part: Part = Part("person", "")) -> Array:  # noqa: B008
    """An image of more than one colour at ``size``; DensePose's parts alone may be few."""
    pixels = _read(path, part, size)
    problems = content_problems({part.field: pixels}, {part.field: path}, frozenset())
    if problems and part.content == "image":
        raise FolderError(*problems)
    return pixels


def read_image(path: Path, *, height: int, width: int) -> Float[Tensor, "1 3 h w"]:
    """An image of more than one colour as a batch of one, resized; one of another ratio is stretched.

    Raises:
        FolderError: naming the file if it is missing or at fault, what was found and expected, and a remedy.
    """
    return to_images(_picture(path, (width, height))[None])


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
