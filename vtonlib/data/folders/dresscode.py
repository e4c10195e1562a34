"""The layout of DressCode: three categories, one folder each, with lists and pictures of their own.

::

    upper_body/  lower_body/  dresses/
        train_pairs.txt                     lines "000000_0.jpg 000000_1.jpg": a person, and the garment they wear
        test_pairs_paired.txt               the same of the test persons
        test_pairs_unpaired.txt             the same persons with other garments
        images/000000_0.jpg                 the person
        images/000000_1.jpg                 the garment on a white ground
        image-densepose/000000_0.jpg        DensePose, as a picture; or, as DressCode has it,
        dense/000000_5.png                      the part numbers 0 to 24 alone
        label_maps/000000_4.png             labels of ATR (optional where the masks lie there)
        agnostic_masks/000000_0.png         white where to paint (CatVTON's; optional where label maps lie there)
        keypoints/000000_2.json             rows x, y, confidence, number of 18 joints, in a 384x512 picture (optional)
        cloth_mask/000000_1.png             white where the garment is (optional)
        gt_cloth_warped_mask/000000_0.png   white where the garment is worn and visible (optional, ours)
        warped-cloth/  misalign-mask/       an imperfect warp of the garment and where it fails (optional, ours)
        true-flow/000000_0.safetensors      the true correspondence (optional, ours: photographs have none)
        skeletons/000000_5.jpg              the skeleton, drawn (written, not read)

The root holds one, two or three categories, whose examples then come in turn; or it is one category's folder. What an
example lacks is made: agnostic masks and worn regions of label maps, garment masks of what is not white, agnostic
pictures of masks (:mod:`vtonlib.data.folders.made`). Label maps know no neck and no torso skin: they are its face.

Source: DressCode (Morelli et al. 2022); IDM-VTON (image-densepose); CatVTON (agnostic_masks).
"""

from __future__ import annotations

from vtonlib.data.batch import PARSE_LABELS, TryOnBatch
from vtonlib.data.folders.layout import FileSet, Labels, Layout, NameRule, Names, Part, Recipe
from vtonlib.data.folders.made import beside_white, mask_of_labels, painted_grey, region_of_labels

CATEGORIES = ("upper_body", "lower_body", "dresses")
JOINTS_IN = (384, 512)
"""Size of the pictures in whose pixels DressCode counts its joints, whatever size the pictures have."""

ATR = Labels(
    expected="ATR's labels 0 to 17",
    numbers={
        "background": (0,),
        "hair": (2,),
        "face": (11,),
        "neck": (),
        "torso_skin": (),
        "left_arm": (14,),
        "right_arm": (15,),
        "left_leg": (12,),
        "right_leg": (13,),
        "upper_garment": (4,),
        "lower_garment": (6, 5),
        "dress": (7,),
        "shoes": (9, 10),
        "accessory": (17, 1, 3, 8, 16),
    },
    merged={"neck": "face", "torso_skin": "face"},
)
"""ATR's labels, of DressCode's label maps."""

PERSONS = FileSet(
    (
        Part("person", "images", aliases=("image",)),
        Part("dense_pose", "image-densepose", aliases=("image_densepose", "densepose")),
        Part("dense_pose", "dense", "parts", "_5.png", "_0"),
        Part(
            "parse",
            "label_maps",
            "labels",
            "_4.png",
            "_0",
            required="never",
            aliases=("label_map",),
            needed_by=("segmentation", "alias", "evaluate alias"),
            labels=ATR,
        ),
        Part("agnostic_mask", "agnostic_masks", "mask", "_0.png", "_0", aliases=("agnostic_mask", "agnostic-mask")),
        Part("garment_region", "gt_cloth_warped_mask", "mask", "_0.png", "_0", required="train"),
        Part(
            "keypoints",
            "keypoints",
            "joints",
            "_2.json",
            "_0",
            required="never",
            aliases=("keypoint",),
            joints_in=JOINTS_IN,
        ),
        Part("warped_garment", "warped-cloth", required="never", needed_by=("alias",)),
        Part("misalign_mask", "misalign-mask", "mask", "_0.png", "_0", required="never", needed_by=("alias",)),
        Part("flow", "true-flow", "flow", ".safetensors", required="never", aliases=("flow",)),
    ),
    (
        Recipe("agnostic_mask", ("parse",), mask_of_labels, "a garment, arms or legs"),
        Recipe("garment_region", ("parse",), region_of_labels, "the category's garment"),
        Recipe("agnostic", ("person", "agnostic_mask"), painted_grey),
    ),
)
GARMENTS = FileSet(
    (
        Part("garment", "images", aliases=("image",)),
        Part("garment_mask", "cloth_mask", "mask", "_1.png", "_1", required="never", aliases=("cloth-mask", "masks")),
    ),
    (Recipe("garment_mask", ("garment",), beside_white, "a garment beside white"),),
)


def category_of(example: TryOnBatch) -> str:
    """The category of a batch of one: that of the label which most of the worn garment's pixels have.

    Raises:
        ValueError: if the example's parse or garment region is not known.
    """
    worn = (example.parse * (example.garment_region > 0.5)).sum((0, 2, 3))
    labels = ("upper_garment", "lower_garment", "dress")
    shares = [worn[PARSE_LABELS.index(label)].item() for label in labels]
    if not max(shares):
        number = int(example.index[0])
        raise ValueError(f"example {number}: its parse shows no garment, so nobody knows its category of DressCode")
    return CATEGORIES[shares.index(max(shares))]


def _names(number: int, other: int, example: TryOnBatch, suffix: str) -> Names:
    category = category_of(example)
    return Names(*(f"{category}/{name}{suffix}" for name in (f"{number:06d}_0", f"{number:06d}_1", f"{other:06d}_1")))


DRESSCODE = Layout(
    name="dresscode",
    title="DressCode",
    place="{section}",
    persons=PERSONS,
    garments=GARMENTS,
    sections=CATEGORIES,
    lists={"train": "train_pairs.txt", "test": "test_pairs_paired.txt", "cross": "cross_pairs_paired.txt"},
    list_aliases={"train": ("train_pairs_paired.txt",), "test": ("test_pairs.txt",)},
    unpaired="{split}_pairs_unpaired.txt",
    rules=(
        NameRule(r"(?P<id>[^/]+)_0\.[^.]+", "a person's name such as 000000_0.jpg"),
        NameRule(r"(?P<id>[^/]+)_1\.[^.]+", "a garment's name such as 000000_1.jpg"),
    ),
    name_pair=_names,
)
