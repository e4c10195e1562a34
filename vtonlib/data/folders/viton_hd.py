"""The layout of VITON-HD.

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

The garment of the paired task lies under the person's own name. ``test_pairs_unpaired.txt`` (CatVTON's name) gives
other garments where ``test_pairs.txt`` gives everyone their own.

Source: VITON-HD (image, cloth, parse, keypoints), StableVITON (agnostic-v3.2, agnostic-mask, gt_cloth_warped_mask).
"""

from __future__ import annotations

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.folders.layout import FileSet, Labels, Layout, Names, Part

CIHP = Labels(
    expected="CIHP's labels 0 to 19 (or 20, the neck)",
    numbers={
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
    },
)
"""CIHP's labels, of VITON-HD's parse maps."""

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
        needed_by=("segmentation", "alias", "evaluate alias"),
        labels=CIHP,
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
"""The files that belong to a person."""

GARMENT_PARTS = (
    Part("garment", "cloth", aliases=("clothes", "clothing")),
    Part("garment_mask", "cloth-mask", "mask", aliases=("cloth_mask", "clothes-mask")),
)
"""The files that belong to a garment."""


def _names(number: int, other: int, example: TryOnBatch, suffix: str) -> Names:
    own = f"{number:06d}_00{suffix}"
    return Names(own, own, f"{number:06d}_01{suffix}")


VITON_HD = Layout(
    name="viton_hd",
    title="VITON-HD",
    place="{split}",
    persons=FileSet(PERSON_PARTS),
    garments=FileSet(GARMENT_PARTS),
    lists={"train": "train_pairs.txt", "test": "test_pairs.txt", "cross": "cross_pairs.txt"},
    unpaired="{split}_pairs_unpaired.txt",
    own_by_name=True,
    name_pair=_names,
)
