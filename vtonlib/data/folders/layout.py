"""What a layout of a data set is: the files of an example, where they lie, what they hold, which lists name them.

A layout is a small description; reading, checking and writing are the same for all. See
:mod:`vtonlib.data.folders.viton_hd`, :mod:`~vtonlib.data.folders.dresscode`, :mod:`~vtonlib.data.folders.deepfashion`
and :mod:`~vtonlib.data.folders.persons`, each of which draws its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from vtonlib.data.batch import PARSE_LABELS, TryOnBatch
from vtonlib.data.source import Split, splits_of

Array = np.ndarray
ImageSize = tuple[int, int]
"""(width, height), Pillow's order."""
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
UNKNOWN_LABEL = 255

Content = Literal["image", "mask", "labels", "parts", "keypoints", "joints", "flow"]
"""What a file holds: a picture, a mask, labels of a segmentation, DensePose's part numbers alone, OpenPose's body,
DressCode's rows of joints, or a true correspondence."""


@dataclass(frozen=True, slots=True)
class Labels:
    """How a data set numbers what a segmentation shows."""

    expected: str
    """Its labels in words, for errors."""
    numbers: Mapping[str, tuple[int, ...]]
    """Its numbers of each of ``PARSE_LABELS``; the first is the one written."""
    merged: Mapping[str, str] = field(default_factory=dict)
    """Labels that it does not tell from others: as which they are written."""

    def __post_init__(self) -> None:
        assert tuple(self.numbers) == PARSE_LABELS

    def table(self) -> Array:
        """Our label of each number from 0 to 255; ``UNKNOWN_LABEL`` of one that means nothing."""
        table = np.full(256, UNKNOWN_LABEL, dtype=np.uint8)
        for label, name in enumerate(PARSE_LABELS):
            table[list(self.numbers[name])] = label
        return table

    def written(self) -> dict[str, int]:
        """The number that is written for each of ``PARSE_LABELS``."""
        return {name: self.numbers[self.merged.get(name, name)][0] for name in self.numbers}


@dataclass(frozen=True, slots=True)
class Part:
    """One file of an example: which field of ``TryOnBatch`` it fills, where it lies, what it holds.

    Two parts of one field are alternatives: the first that lies there is read, and the first of all is written.
    """

    field: str
    """The field of ``TryOnBatch``."""
    folder: str
    """Where such files lie, below the folder that ``Layout.place`` names."""
    content: Content = "image"
    """How the file is decoded."""
    ending: str = ""
    """Replaces the extension of the listed name; empty: the name itself, with any image extension."""
    cut: str = ""
    """The end of the listed name, before its extension, that ``ending`` replaces, too."""
    required: Literal["always", "train", "never"] = "always"
    """In which splits every example must have it, unless a :class:`Recipe` makes it."""
    aliases: tuple[str, ...] = ()
    """Names that READMEs and other data sets give to the folder, for the remedy when it is missing."""
    needed_by: tuple[str, ...] = ()
    """Presets whose training needs it, where it is not required anyway, and "evaluate PRESET" where evaluation does."""
    labels: Labels | None = None
    """Of labels: their numbers."""
    joints_in: ImageSize | None = None
    """Of joints: the size of the picture whose pixels they count; None: the person's own."""

    def required_in(self, split: str, preset: str = "") -> bool:
        """Whether examples of ``split`` must have this file, for a use of ``needed_by`` or what needs little."""
        return self.required in ("always", split) or (preset in self.needed_by and split in splits_of(preset))

    def found_as(self, place: Path) -> str:
        """The name of a folder that lies in the place of the part's: one of the aliases, or nearly its own name."""
        return found_as(place, self.folder, self.aliases)

    def path(self, folder: Path, name: str) -> Path:
        """Where the part of the example ``name`` lies in the part's folder, or would lie. An image may have any of
        the extensions."""
        path = folder / name
        if self.ending:
            return path.with_name(path.stem.removesuffix(self.cut) + self.ending)
        others = (path, *(path.with_suffix(suffix) for suffix in IMAGE_SUFFIXES))
        return next((other for other in others if os.path.lexists(other)), path)


def found_as(place: Path, name: str, aliases: tuple[str, ...] = ()) -> str:
    """The folder in ``place`` that has one of the aliases, or nearly the name; empty if there is none."""
    if not os.path.isdir(place) or not os.access(place, os.R_OK):
        return ""
    known = {_letters(known) for known in (name, *aliases)}
    names = (entry for entry in os.listdir(place) if entry != name and os.path.isdir(place / entry))
    return next((found for found in sorted(names) if _letters(found) in known), "")


def _letters(name: str) -> str:
    """A folder's name as people remember it."""
    return "".join(filter(str.isalnum, name.lower()))


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a field is made of others, where no file of it lies there."""

    field: str
    """The field of ``TryOnBatch`` that is made."""
    of: tuple[str, ...]
    """The fields it is made of."""
    make: Callable[[Mapping[str, Array], str], Array]
    """Makes it of these fields' arrays, as they were decoded, and the section (DressCode's category)."""
    wanted: str = ""
    """What the first of those fields must show for the result not to be empty; "": it may be empty."""


@dataclass(frozen=True, slots=True)
class FileSet:
    """Everything that belongs to one person, or to one garment."""

    parts: tuple[Part, ...]
    """The files. What others are made of comes before them."""
    recipes: tuple[Recipe, ...] = ()
    """How to make what has no file, in order."""

    def by_field(self) -> dict[str, tuple[Part, ...]]:
        """The alternatives for each field."""
        fields = dict.fromkeys(part.field for part in self.parts)
        return {name: tuple(part for part in self.parts if part.field == name) for name in fields}

    def recipe(self, name: str) -> Recipe | None:
        """How the field ``name`` is made, if it can be."""
        return next((recipe for recipe in self.recipes if recipe.field == name), None)


@dataclass(frozen=True, slots=True)
class NameRule:
    """What the listed names of a data set look like."""

    pattern: str
    """A regular expression of the whole name; its group ``id`` is whom or what the picture shows."""
    looks: str
    """The same in words."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a written example."""

    person: str
    """Of the person."""
    own: str
    """Of the garment that the person wears."""
    other: str
    """Of the garment of the unpaired task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A data set's layout."""

    name: str
    """How settings call it."""
    title: str
    """How people call it."""
    place: str
    """The folder below the root in which the parts' folders lie; may hold ``{split}`` and ``{section}``."""
    persons: FileSet
    """What belongs to a person; its first part is the picture."""
    garments: FileSet
    """What belongs to a garment (in pose transfer: to the reference); its first part is the picture."""
    lists: Mapping[Split, str]
    """The list of each split, in the section's folder below the root."""
    unpaired: str
    """The list of other garments, of ``{split}``; looked up by person."""
    name_pair: Callable[[int, int, TryOnBatch, str], Names]
    """The names of an example to be written: of its number, the other garment's number, itself, and the extension."""
    sections: tuple[str, ...] = ("",)
    """The parts of the data set that have lists of their own: DressCode's categories."""
    list_aliases: Mapping[Split, tuple[str, ...]] = field(default_factory=dict)
    """Other names of the lists, for the remedy when one is missing."""
    columns: tuple[str, str] | None = None
    """Of lists with commas and a header: the columns of the person and the garment. None: lines 'person garment'."""
    transfers_pose: bool = False
    """Whether the garment is the same person in another picture, as it would be warped: not at all."""
    persons_only: bool = False
    """Whether there are no pictures of what is worn: the garments to put on lie in a folder of another data set."""
    own_by_name: bool = False
    """Whether the person's own garment has the person's name, and the list names another."""
    nested: bool = False
    """Whether listed names lead into folders."""
    rules: tuple[NameRule, NameRule] | None = None
    """What names of persons and of garments look like; None: any plain file name."""
    rename: Callable[[str], str] = str
    """A listed name as the file is called."""

    @property
    def line(self) -> str:
        """A list's line, in words."""
        if self.columns is None:
            return "person garment"
        return ",".join(sorted(self.columns))

    def base(self, root: Path, split: str, section: str = "") -> Path:
        """Where the folders of the parts lie."""
        return root / self.place.format(split=split, section=section)

    def path(self, root: Path, split: str, part: Part, name: str) -> Path:
        """The file of a part under a listed name."""
        section, plain = self.divided(name)
        return part.path(self.base(root, split, section) / part.folder, plain)

    def divided(self, name: str) -> tuple[str, str]:
        """The section that a name begins with, and the rest."""
        if self.sections == ("",):
            return "", name
        section, _, plain = name.partition("/")
        return section, plain

    def joined(self, section: str, name: str) -> str:
        """The name with its section, as :class:`Pair` holds it."""
        return f"{section}/{name}" if section else name

    def list_path(self, root: Path, split: Split, section: str = "") -> Path:
        """The list of a split."""
        return root / section / self.lists[split]

    def unpaired_path(self, root: Path, split: Split, section: str = "") -> Path:
        """The list of other garments, which may be missing."""
        return root / section / self.unpaired.format(split=split)

    @property
    def shares_pictures(self) -> bool:
        """Whether all splits lie in the same folders, so that names tell whether splits overlap."""
        return "{split}" not in self.place
