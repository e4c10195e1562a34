"""The layout of DeepFashion's in-shop pictures, for pose transfer: the same person from one picture to another.

::

    train_pairs.csv  test_pairs.csv                     header "from,to": the reference, and the picture to make of it
    test_pairs_unpaired.csv                             other references for the same pictures (optional)
    img/{MEN,WOMEN}/CATEGORY/id_00000001/
        01_1_front.jpg                                  a picture of the person
        01_1_front_iuv.png                              its DensePose: part, u and v as a picture; or it lies in
    densepose/{MEN,WOMEN}/CATEGORY/id_00000001/             a tree of its own
    silhouette/.../01_1_front.png                       white where a reference shows the person (optional, ours)
    true-region/.../01_1_front.png                      white where a picture shows them (optional, ours)
    openpose_json/  image-parse/                        as in VITON-HD, but for names (optional, ours)
    true-flow/.../01_1_front.safetensors                the true correspondence with the reference (optional, ours)

In a batch ``garment`` is the reference, ``person`` the picture to make and ``dense_pose`` its pose; ``agnostic_mask``
is all ones and ``agnostic`` grey, since everything is to be painted. Lists name pictures below ``img/``; the flat names
of the usual lists (``fashionWOMENDressesid0000000201_1front.jpg``) are understood. The data set's 256x256 pictures have
white borders: cut to their middle 176 columns they have the usual 256x176. Those of ``img_highres`` suit 512x352.

Source: DeepFashion (Liu et al. 2016), In-shop Clothes Retrieval; Leffa (Zhou et al. 2025), Sec. 4.1.
"""

from __future__ import annotations

import re

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.folders.layout import FileSet, Layout, NameRule, Names, Part, Recipe
from vtonlib.data.folders.made import body_surface, painted_grey, whole_picture, whole_reference
from vtonlib.data.folders.viton_hd import CIHP

FLAT = re.compile(
    r"(?:fashion)?(?P<who>WOMEN|MEN)(?P<what>[A-Za-z_]+?)id(?P<id>\d{8})(?P<number>\d{2})_(?P<view>\d)(?P<name>\w+)"
    r"(?P<suffix>\.\w+)"
)
"""A picture's name as the usual lists of pairs write it: without folders."""
LOOKS = "a picture below img/ such as WOMEN/Dresses/id_00000002/02_1_front.jpg"
RULE = NameRule(r"(?P<id>(?:WOMEN|MEN)/[^/]+/id_\d+)/[^/]+\.[^./]+", LOOKS)


def unfolded(name: str) -> str:
    """A listed name as a path below ``img/``."""
    if found := FLAT.fullmatch(name):
        return "{who}/{what}/id_{id}/{number}_{view}_{name}{suffix}".format(**found.groupdict())
    return name.removeprefix("img/")


def _names(number: int, other: int, example: TryOnBatch, suffix: str) -> Names:
    person, reference = (f"WOMEN/World/id_{{:08d}}/0{picture}_1_front{suffix}" for picture in (2, 1))
    return Names(person.format(number), reference.format(number), reference.format(other))


PICTURES = "img"
DEEPFASHION = Layout(
    name="deepfashion",
    title="DeepFashion",
    place="",
    persons=FileSet(
        (
            Part("person", PICTURES, aliases=("img_highres", "image", "images")),
            Part("dense_pose", PICTURES, ending="_iuv.png"),
            Part("dense_pose", "densepose", ending="_iuv.png"),
            Part(
                "parse",
                "image-parse",
                "labels",
                ".png",
                required="never",
                needed_by=("segmentation", "alias"),
                labels=CIHP,
            ),
            Part("garment_region", "true-region", "mask", ".png", required="never"),
            Part("keypoints", "openpose_json", "keypoints", "_keypoints.json", required="never"),
            Part("flow", "true-flow", "flow", ".safetensors", required="never"),
        ),
        (
            Recipe("agnostic_mask", ("person",), whole_picture),
            Recipe("agnostic", ("person", "agnostic_mask"), painted_grey),
            Recipe("garment_region", ("dense_pose",), body_surface, "a body"),
        ),
    ),
    garments=FileSet(
        (
            Part("garment", PICTURES, aliases=("img_highres", "image", "images")),
            Part("garment_mask", "silhouette", "mask", ".png", required="never"),
        ),
        (Recipe("garment_mask", ("garment",), whole_reference),),
    ),
    lists={"train": "train_pairs.csv", "test": "test_pairs.csv", "cross": "cross_pairs.csv"},
    list_aliases={
        "train": ("fasion-resize-pairs-train.csv", "fasion-pairs-train.csv", "fashion-pairs-train.csv"),
        "test": ("fasion-resize-pairs-test.csv", "fasion-pairs-test.csv", "fashion-pairs-test.csv"),
    },
    unpaired="{split}_pairs_unpaired.csv",
    columns=("to", "from"),
    transfers_pose=True,
    nested=True,
    rules=(RULE, RULE),
    rename=unfolded,
    name_pair=_names,
)
