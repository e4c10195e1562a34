"""The record that flows from data to models, losses, pipelines and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from jaxtyping import Float, Int
from torch import Tensor

from vtonlib.records import BatchRecord

PARSE_LABELS = (
    "background", "hair", "face", "neck", "torso_skin", "left_arm", "right_arm", "left_leg", "right_leg",
    "upper_garment", "lower_garment", "dress", "shoes", "accessory",
)  # fmt: skip
"""Labels of ``TryOnBatch.parse``, in channel order. Left and right are the wearer's, as in COCO."""

KEYPOINTS = (
    "nose", "neck", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""Joints of ``TryOnBatch.keypoints``, in order."""


class TryOnInputs(TypedDict):
    """What a try-on model is told of a batch, by the names of a pipeline's arguments; see :class:`TryOnBatch`."""

    garment: Float[Tensor, "b 3 h w"]
    """What is to be worn."""
    agnostic: Float[Tensor, "b 3 h w"]
    """Who is to wear it."""
    agnostic_mask: Float[Tensor, "b 1 h w"]
    """Where to paint."""
    dense_pose: Float[Tensor, "b 3 h w"]
    """The body's surface."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TryOnBatch(BatchRecord):
    """A batch of try-on examples.

    Images are in [-1, 1], masks in [0, 1] with 1 = inside, coordinates (x, y) in [-1, 1].

    Book: sec-world.
    """

    person: Float[Tensor, "b 3 h w"]
    """The person wearing the garment: the target image."""
    garment: Float[Tensor, "b 3 h w"]
    """The garment laid flat on a white ground."""
    garment_mask: Float[Tensor, "b 1 h w"]
    """Where the flat garment is."""
    agnostic: Float[Tensor, "b 3 h w"]
    """The person with ``agnostic_mask`` painted mid grey (0): everything a try-on model may know of the person."""
    agnostic_mask: Float[Tensor, "b 1 h w"]
    """Where to paint: 1 = to be painted (StableVITON's polarity is the opposite; the model inverts it itself)."""
    dense_pose: Float[Tensor, "b 3 h w"]
    """Body surface, as DensePose's IUV: part index, u, v, scaled to [-1, 1]; -1 on the background."""
    keypoints: Float[Tensor, "b j 2"]
    """Joint positions (x, y) in [-1, 1], in the order of ``KEYPOINTS``; NaN where a joint is not known."""
    parse: Float[Tensor, "b k h w"]
    """Segmentation, one channel per entry of ``PARSE_LABELS``, one-hot; all zero where it is not known."""
    garment_region: Float[Tensor, "b 1 h w"]
    """Where the garment is worn and visible on the person (StableVITON's ``gt_cloth_warped_mask``)."""
    flow: Float[Tensor, "b h w 2"]
    """True correspondence: for each person pixel, its place in the flat garment. 0 where ``flow_mask`` is 0."""
    flow_mask: Float[Tensor, "b 1 h w"]
    """Where ``flow`` is known to be true, 0 or 1; empty for real photographs, whose truth nobody knows."""
    warped_garment: Float[Tensor, "b 3 h w"]
    """A deliberately imperfect thin-plate warp of the garment onto the person."""
    misalign_mask: Float[Tensor, "b 1 h w"]
    """Where that warp fails to cover the garment's region: VITON-HD's M_misalign."""
    index: Int[Tensor, " b"]
    """Number of the example in its split."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the images."""
        return self.person.shape[-2], self.person.shape[-1]

    @property
    def inputs(self) -> TryOnInputs:
        """What a try-on model is told: ``pipeline(**batch.inputs)``."""
        return {
            "garment": self.garment,
            "agnostic": self.agnostic,
            "agnostic_mask": self.agnostic_mask,
            "dense_pose": self.dense_pose,
        }
