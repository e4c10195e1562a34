"""VITON-HD's segmentation generator (``seg_final``): a U-Net whose released code ends in a sigmoid for each label."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from vtonlib.models.segmentation import SegmentationGenerator
from vtonlib.official.release import Release


def build(state: Mapping[str, Tensor]) -> SegmentationGenerator:
    """The generator with the sizes of the tensors. It returns logits: apply the sigmoid to get the released output."""
    widths = [len(state[f"conv{level}.0.weight"]) for level in range(1, 6)]
    labels, in_channels = len(state["conv9.6.weight"]), state["conv1.0.weight"].shape[1]
    return SegmentationGenerator(in_channels, labels, channels=widths)


def rename(key: str) -> str:
    """conv1 to conv5 go down, up6 to up9 enlarge, conv6 to conv9 join what comes from beside; the last gives logits."""
    key = re.sub(r"^conv9\.6\.", "to_logits.", key)
    key = re.sub(r"^conv([1-5])\.", lambda found: f"down.{int(found[1]) - 1}.", key)
    key = re.sub(r"^up([6-9])\.", lambda found: f"up.{int(found[1]) - 6}.", key)
    return re.sub(r"^conv([6-9])\.", lambda found: f"join.{int(found[1]) - 6}.", key)


RELEASE = Release(build=build, rename=rename)
