"""The segmentation as VITON-HD's later stages use it: few groups of labels, the garment to try on one of them."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import PARSE_LABELS, TryOnBatch

GROUPS: dict[str, tuple[str, ...]] = {
    "background": ("background",),
    "garment": (),
    "other_garment": ("upper_garment", "lower_garment", "dress"),
    "skin": ("face", "neck", "torso_skin", "left_leg", "right_leg"),
    "left_arm": ("left_arm",),
    "right_arm": ("right_arm",),
    "rest": ("hair", "shoes", "accessory"),
}
"""Groups of ``PARSE_LABELS``, in channel order; "garment" is the one to try on, whichever label it has."""
GARMENT = tuple(GROUPS).index("garment")


def group_parse(
    parse: Float[Tensor, "b k h w"], garment_region: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b groups h w"]:
    """The parse map by :data:`GROUPS`, one-hot; the garment is where ``garment_region`` exceeds a half.

    A pixel whose label is not known stays without a group. VITON-HD has 7 groups too, cut a little otherwise.
    Book: sec-alias-generator.
    """
    rows = [[float(label in members) for label in PARSE_LABELS] for members in GROUPS.values()]
    groups = torch.einsum("gk, bkhw -> bghw", parse.new_tensor(rows), parse)
    worn = (garment_region > 0.5).to(parse.dtype)
    groups = groups * (1 - worn)
    groups[:, GARMENT : GARMENT + 1] = worn
    return groups


def true_groups(batch: TryOnBatch) -> Float[Tensor, "b groups h w"]:
    """The groups of the person as she wears the garment: the first stage's target."""
    return group_parse(batch.parse, batch.garment_region)


def visible_groups(batch: TryOnBatch) -> Float[Tensor, "b groups h w"]:
    """What of the groups is seen in the agnostic image: nothing where it has to be painted."""
    return group_parse(batch.parse * (1 - batch.agnostic_mask), torch.zeros_like(batch.agnostic_mask))
