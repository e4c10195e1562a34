"""The bytes of each file of an example, and where they go: the layout's own files, and those for the released loaders.

VITON-HD's loader wants three more files for each person, which we write and do not read::

    openpose-img/00001_00_rendered.png          the skeleton, drawn
    openpose-json/00001_00_keypoints.json       what openpose_json/ holds
    image-parse/00001_00.png                    labels 0 to 19: the neck (our 20) counts as torso skin, CIHP's 10

It makes these names, as StableVITON's makes those of its masks, by putting other endings in place of ``.jpg``.

Source: the layout of VITON-HD's data as its README draws it. Book: sec-folders.
"""

from __future__ import annotations

import colorsys
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vtonlib.data.batch import KEYPOINTS, PARSE_LABELS, TryOnBatch
from vtonlib.data.folders.layout import BODY_25, CIHP_LABELS, PERSON_PARTS, Part
from vtonlib.data.skeleton import draw_skeleton

OUR_LABELS = {name: numbers[0] for name, numbers in CIHP_LABELS.items()}
VITON_HD_LABELS = OUR_LABELS | {"neck": OUR_LABELS["torso_skin"]}
"""CIHP's own labels, of which VITON-HD's loader has room for 20."""
PALETTE = [
    round(255 * channel)
    for label in range(21)
    for channel in colorsys.hsv_to_rgb(label * 0.381966 % 1, 0.7, 0.9 * (label > 0))
]
"""Colours of a parse map, for looking at it; the labels are the palette's numbers."""
RELEASED_FOLDERS = ("openpose-img", "openpose-json", "image-parse")
"""Folders that only VITON-HD's loader reads."""


def example_files(
    folder: Path, example: TryOnBatch, name: str, parts: tuple[Part, ...]
) -> Iterator[tuple[Path, bytes]]:
    """Where the parts of a batch of one lie under the name ``name``, and their bytes; unknown ones have no file."""
    for part in parts:
        data = _encode(part, example, Path(name).suffix)
        if data is not None:
            yield part.path(folder, name), data
    if parts[0] in PERSON_PARTS:
        yield from _for_viton_hd(folder, example, Path(name).stem)


def _for_viton_hd(folder: Path, example: TryOnBatch, stem: str) -> Iterator[tuple[Path, bytes]]:
    if example.keypoints.isfinite().any():
        skeleton = (draw_skeleton(example.keypoints, *example.size)[0] + 1) * 127.5
        yield folder / "openpose-img" / f"{stem}_rendered.png", _picture(skeleton.movedim(0, -1), ".png")
        yield folder / "openpose-json" / f"{stem}_keypoints.json", _keypoints(example.keypoints[0], example.size)
    if example.parse.any():
        yield folder / "image-parse" / f"{stem}.png", _labels(example.parse[0], VITON_HD_LABELS)


def _encode(part: Part, example: TryOnBatch, suffix: str) -> bytes | None:
    """The file of a part of a batch of one; None if the example does not know it."""
    value = getattr(example, part.field)[0]
    if part.field in {"warped_garment", "misalign_mask"} and not _knows_warp(example):
        return None
    match part.content:
        case "image":
            return _picture(((value + 1) * 127.5).movedim(0, -1), suffix)
        case "mask":
            return _picture(value[0] * 255, Path(part.ending).suffix or suffix)
        case "labels":
            return _labels(value, OUR_LABELS) if value.any() else None
        case "keypoints":
            return _keypoints(value, example.size) if value.isfinite().any() else None
        case "flow":
            return _flow(value, example.flow_mask[0, 0]) if example.flow_mask.any() else None


def _knows_warp(example: TryOnBatch) -> bool:
    """Whether there is a warp: an unknown one is all white."""
    return bool((example.warped_garment < 1).any())


def _picture(pixels: Tensor, suffix: str) -> bytes:
    """Values 0 to 255 ([h w] or [h w 3]) as a PNG or JPEG file."""
    image = Image.fromarray(pixels.round().clamp(0, 255).to(torch.uint8).numpy())
    buffer = io.BytesIO()
    if suffix == ".png":
        image.save(buffer, "PNG", compress_level=3)
    else:
        image.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def _labels(parse: Float[Tensor, "k h w"], numbers: Mapping[str, int]) -> bytes:
    """A one-hot parse map as a palette image of labels."""
    written = np.array([numbers[name] for name in PARSE_LABELS], dtype=np.uint8)
    image = Image.fromarray(written[parse.argmax(0).numpy()])
    image.putpalette(PALETTE)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _keypoints(joints: Float[Tensor, "j 2"], size: tuple[int, int]) -> bytes:
    """Joints in [-1, 1] as an OpenPose file, in pixels; unknown joints are zeros, as OpenPose writes them."""
    height, width = size
    points = np.zeros((25, 3))
    for name, (x, y) in zip(KEYPOINTS, joints.double().tolist(), strict=True):
        if np.isfinite(x + y):
            points[BODY_25[name]] = (x + 1) / 2 * (width - 1), (y + 1) / 2 * (height - 1), 1
    triples = [round(value, 5) for value in points.ravel().tolist()]
    return json.dumps({"version": 1.3, "people": [{"pose_keypoints_2d": triples}]}).encode()


def _flow(flow: Float[Tensor, "h w 2"], mask: Float[Tensor, "h w"]) -> bytes:
    """Flow and mask as a safetensors file."""
    arrays = {"flow": flow.float().contiguous().numpy(), "flow_mask": (mask > 0.5).to(torch.uint8).numpy()}
    return safetensors.numpy.save(arrays)
