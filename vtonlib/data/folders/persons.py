"""The layout of persons alone, of whose garments there are no pictures: SHHQ-1.0, as a cross-dataset test reads it.

::

    test_pairs_unpaired.txt                     lines "000001.png 00006_00.jpg": a person, and a garment to put on
    image/000001.png                            the person
    image-densepose/000001.png                  DensePose, as a picture
    agnostic-mask/000001_mask.png               white where to paint; or, of which it is made,
    image-parse-v3/000001.png                       labels of CIHP as a palette image (otherwise optional)
    agnostic-v3.2/000001.png                    the person with that painted grey (optional: made of the mask)
    openpose_json/000001_keypoints.json         OpenPose's body keypoints (optional)
    garments/                                   a folder of VITON-HD or DressCode, or a link to one

The files are VITON-HD's, since that is how such pictures are prepared. The garments are those of the other folder's
test split, by the names they have there (of DressCode: with the category, ``upper_body/000003_1.jpg``). Only the
unpaired task can be asked for: nobody has a picture of the garment that a person wears. All persons are of the split
``test``.

Source: StableVITON (Kim et al. 2024) trains on VITON-HD and is tested on SHHQ-1.0 (Fu et al. 2022), which has pictures
alone. The layout is ours.
"""

from __future__ import annotations

from dataclasses import replace

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.folders.layout import FileSet, Layout, Names, Recipe
from vtonlib.data.folders.made import mask_of_labels, painted_grey
from vtonlib.data.folders.viton_hd import PERSON_PARTS
from vtonlib.data.source import EVALUATE

GARMENTS = "garments"
"""The folder, or link, that holds the other data set."""
OPTIONAL = {"agnostic", "parse", "keypoints"}
"""What of VITON-HD's files a person need not have."""
READ = ("person", "dense_pose", "parse", "agnostic_mask", "agnostic", "keypoints")
"""The fields that are read, what others are made of before these."""
_BY_FIELD = {part.field: part for part in PERSON_PARTS}


def _nobody(number: int, other: int, example: TryOnBatch, suffix: str) -> Names:
    raise ValueError("folders of persons alone are read, and not written: copy image/ and what lies beside it")


PERSONS = Layout(
    name="persons",
    title="persons alone",
    place="",
    persons=FileSet(
        tuple(
            replace(
                _BY_FIELD[field],
                required="never" if field in OPTIONAL else "always",
                needed_by=tuple(use for use in _BY_FIELD[field].needed_by if use.startswith(EVALUATE)),
            )
            for field in READ
        ),
        (
            Recipe("agnostic_mask", ("parse",), lambda a, _: mask_of_labels(a, "upper_body"), "a garment or arms"),
            Recipe("agnostic", ("person", "agnostic_mask"), painted_grey),
        ),
    ),
    garments=FileSet(()),
    lists={"test": "test_pairs_unpaired.txt"},
    list_aliases={"test": ("test_pairs.txt",)},
    unpaired="{split}_pairs_unpaired.txt",
    persons_only=True,
    nested=True,
    name_pair=_nobody,
)
