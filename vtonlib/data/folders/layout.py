"""The layout of VITON-HD: which files an example has, where they lie and what they hold.

::

    train_pairs.txt  test_pairs.txt             lines "person garment": two names in image/ and cloth/
    train/  test/
        image/00001_00.jpg                      the person
        image-densepose/00001_00.jpg            DensePose, as a picture
        agnostic-v3.2/00001_00.jpg              the person with the garment painted grey
        agnostic-mask/00001_00_mask.png         white where to paint
        gt_cloth_warped_mask/00001_00.jpg       white where the garment is worn and visible; required in train/ only
        image-parse-v3/00001_00.png             labels of CIHP as a palette image (optional)
        openpose_json/00001_00_keypoints.json   OpenPose's body keypoints (optional)
        warped-cloth/  misalign-mask/           an imperfect warp of the garment and where it fails (optional, ours)
        true-flow/00001_00.safetensors          the true correspondence (optional, ours: photographs have none)
        cloth/00001_00.jpg                      the garment on a white ground
        cloth-mask/00001_00.jpg                 white where the garment is

Source: VITON-HD (image, cloth, parse, keypoints), StableVITON (agnostic-v3.2, agnostic-mask, gt_cloth_warped_mask).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vtonlib.data.batch import PARSE_LABELS

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")

Content = Literal["image", "mask", "labels", "keypoints", "flow"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a folder: where, what was found, what was expected, and what to do about it."""

    file: Path
    """Where it is wrong."""
    found: str
    """What is there."""
    expected: str
    """What should be there."""
    remedy: str
    """What to do about it, as a sentence without its full stop."""

    def __str__(self) -> str:
        return f"{self.file}: found {self.found}, expected {self.expected}. {self.remedy}."


class FolderError(ValueError):
    """A folder, or a file in it, cannot be read; the message is that of the first :class:`Problem`."""

    def __init__(self, problem: Problem, *others: Problem) -> None:
        root_hint = f" (and {len(others)} more: python -m vtonlib data check lists them all)" if others else ""
        super().__init__(f"{problem}{root_hint}")
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Part:
    """One file of an example: which field of ``TryOnBatch`` it fills, where it lies, what it holds."""

    field: str
    """The field of ``TryOnBatch``."""
    folder: str
    """Where such files lie, below the split's folder."""
    content: Content = "image"
    """How the file is decoded."""
    ending: str = ""
    """Replaces the extension of the listed name; empty: the name itself, with any image extension."""
    required: Literal["always", "train", "never"] = "always"
    """In which splits every example must have it."""
    aliases: tuple[str, ...] = ()
    """Names that READMEs and other data sets give to the folder, for the remedy when it is missing."""
    needed_by: tuple[str, ...] = ()
    """Presets that cannot be trained without it, where it is not required anyway."""

    def required_in(self, split: str, preset: str = "") -> bool:
        """Whether examples of ``split`` must have this file, for training ``preset`` or for all that needs little."""
        return self.required in ("always", split) or preset in self.needed_by

    def found_as(self, split_folder: Path) -> str:
        """The name of a folder that lies in the place of the part's: one of the aliases, or nearly its own name."""
        if not os.path.isdir(split_folder) or not os.access(split_folder, os.R_OK):
            return ""
        known = {_letters(name) for name in (self.folder, *self.aliases)}
        names = (entry.name for entry in os.scandir(split_folder) if entry.is_dir() and entry.name != self.folder)
        return next((name for name in sorted(names) if _letters(name) in known), "")

    def path(self, split_folder: Path, name: str) -> Path:
        """Where the part of the example ``name`` lies, or would lie. An image may have any of the extensions."""
        path = split_folder / self.folder / name
        if self.ending:
            return path.with_name(path.stem + self.ending)
        others = (path, *(path.with_suffix(suffix) for suffix in IMAGE_SUFFIXES))
        return next((other for other in others if os.path.lexists(other)), path)


def _letters(name: str) -> str:
    """A folder's name as people remember it."""
    return "".join(filter(str.isalnum, name.lower()))


PERSON_PARTS = (
    Part("person", "image", aliases=("images",)),
    Part("dense_pose", "image-densepose", aliases=("image_densepose", "densepose")),
    Part("agnostic", "agnostic-v3.2", aliases=("agnostic", "agnostic-v3", "agnostic_v3.2")),
    Part("agnostic_mask", "agnostic-mask", "mask", "_mask.png", aliases=("agnostic_mask", "agnostic_masks")),
    Part("garment_region", "gt_cloth_warped_mask", "mask", required="train", aliases=("gt-cloth-warped-mask",)),
    Part(
        "parse",
        "image-parse-v3",
        "labels",
        ".png",
        required="never",
        aliases=("image-parse", "image-parse-v2", "parse"),
        needed_by=("segmentation", "alias"),
    ),
    Part(
        "keypoints",
        "openpose_json",
        "keypoints",
        "_keypoints.json",
        required="never",
        aliases=("openpose", "keypoints"),
    ),
    Part("warped_garment", "warped-cloth", required="never", needed_by=("alias",)),
    Part("misalign_mask", "misalign-mask", "mask", required="never", needed_by=("alias",)),
    Part("flow", "true-flow", "flow", ".safetensors", required="never", aliases=("flow",)),
)
"""The files that belong to a person. The garment of the paired task lies under the person's own name."""

GARMENT_PARTS = (
    Part("garment", "cloth", aliases=("clothes", "clothing")),
    Part("garment_mask", "cloth-mask", "mask", aliases=("cloth_mask", "clothes-mask")),
)
"""The files that belong to a garment."""

CIHP_LABELS: dict[str, tuple[int, ...]] = {
    "background": (0,),
    "hair": (2,),
    "face": (13,),
    "neck": (20,),  # ours: CIHP counts the neck as torso skin
    "torso_skin": (10,),
    "left_arm": (14,),
    "right_arm": (15,),
    "left_leg": (16,),
    "right_leg": (17,),
    "upper_garment": (5, 7),
    "lower_garment": (9, 12),
    "dress": (6,),
    "shoes": (18, 19, 8),
    "accessory": (11, 1, 3, 4),
}
"""CIHP's labels (VITON-HD's parse maps) of each of ``PARSE_LABELS``; the first is the one written."""
assert tuple(CIHP_LABELS) == PARSE_LABELS

BODY_25 = {
    "nose": 0, "neck": 1, "right_shoulder": 2, "right_elbow": 3, "right_wrist": 4, "left_shoulder": 5,
    "left_elbow": 6, "left_wrist": 7, "right_hip": 9, "right_knee": 10, "right_ankle": 11, "left_hip": 12,
    "left_knee": 13, "left_ankle": 14,
}  # fmt: skip
"""Where OpenPose's 25-point body has our joints. Its 18-point body lacks number 8, the middle of the hips."""
