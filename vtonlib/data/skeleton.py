"""The skeleton as a picture: limbs as coloured strokes on black, as OpenPose draws them and VITON-HD reads them."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import KEYPOINTS
from vtonlib.grids import coordinate_grid

BONES: tuple[tuple[str, str], ...] = (
    ("neck", "right_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("neck", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("neck", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
    ("neck", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
    ("neck", "nose"),
)  # fmt: skip
"""Strokes between :data:`vtonlib.data.batch.KEYPOINTS`; the later ones lie above the earlier ones."""
THICKNESS = 1 / 48
"""Half the width of a stroke, as a share of the picture's height."""


def draw_skeleton(
    keypoints: Float[Tensor, "b j 2"], height: int, width: int, *, thickness: float = THICKNESS
) -> Float[Tensor, "b 3 h w"]:
    """The skeletons as pictures in [-1, 1], black where there is no bone.

    Args:
        keypoints: joints (x, y) in [-1, 1], in the order of ``KEYPOINTS``; no bone is drawn to an unknown one (NaN).
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        thickness: half the width of a stroke, as a share of the height.

    Raises:
        ValueError: for another number of joints.

    Source: OpenPose's drawing, VITON-HD's P; joints of the face are not known here. Book: sec-alias-generator.
    """
    if keypoints.shape[1] != len(KEYPOINTS):
        raise ValueError(f"keypoints are {tuple(keypoints.shape)}: expected {len(KEYPOINTS)} joints, [b j 2]")
    scale = keypoints.new_tensor([(width - 1) / 2, (height - 1) / 2])
    pixels = coordinate_grid(height, width, device=keypoints.device, dtype=keypoints.dtype) * scale
    places = keypoints * scale
    image = keypoints.new_full((len(keypoints), 3, height, width), -1)
    for number, (start, end) in enumerate(BONES):
        a, b = (places[:, KEYPOINTS.index(joint), None, None] for joint in (start, end))
        along = ((pixels - a) * (b - a)).sum(-1) / (b - a).square().sum(-1).clamp_min(1e-12)
        gap = (pixels - a - along.clamp(0, 1)[..., None] * (b - a)).norm(dim=-1)
        covered = (thickness * height + 0.5 - gap).clamp(0, 1).nan_to_num(0.0)[:, None]
        image = torch.lerp(image, _colour(number).to(image)[None, :, None, None].expand_as(image), covered)
    return image


def _colour(number: int) -> Float[Tensor, " 3"]:
    """A bone's colour in [-1, 1]: around the circle of hues, from red on."""
    hue = number * 6 / len(BONES)
    rgb = torch.tensor([hue, hue - 2, hue + 2])  # distances to red, green and blue along the circle
    distance = (rgb - 6 * (rgb / 6).round()).abs()
    return (2 - distance).clamp(0, 1) * 2 - 1
