"""The bytes of each file of an example, and where they go: the layout's own files, and those for the released loaders.

VITON-HD's loader wants three more files for each person, which we write and do not read::

    openpose-img/00001_00_rendered.png          the skeleton, drawn
    openpose-json/00001_00_keypoints.json       what openpose_json/ holds
    image-parse/00001_00.png                    labels 0 to 19: the neck (our 20) counts as torso skin, CIHP's 10

It makes these names, as StableVITON's makes those of its masks, by putting other endings in place of ``.jpg``. Of
DressCode the skeleton is drawn, too, as ``skeletons/000000_5.jpg``.

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
from vtonlib.data.folders.layout import FileSet, ImageSize, Layout, Part
from vtonlib.data.folders.numbers import BODY_18, BODY_25
from vtonlib.data.folders.viton_hd import CIHP
from vtonlib.data.skeleton import draw_skeleton

OUR_LABELS = CIHP.written()
VITON_HD_LABELS = OUR_LABELS | {"neck": OUR_LABELS["torso_skin"]}
"""CIHP's own labels, of which VITON-HD's loader has room for 20."""
PALETTE = [
    round(255 * channel)
    for label in range(21)
    for channel in colorsys.hsv_to_rgb(label * 0.381966 % 1, 0.7, 0.9 * (label > 0))
]
"""Colours of a parse map, for looking at it; the labels are the palette's numbers."""


def example_files(
    base: Path, layout: Layout, example: TryOnBatch, name: str, files: FileSet
) -> Iterator[tuple[Path, bytes]]:
    """Where the files of a batch of one lie under the plain name ``name``, and their bytes; unknown ones have none.

    ``base`` is where the parts' folders lie.
    """
    written = set()
    for part in files.parts:
        data = None if part.field in written else _encode(part, example, Path(name).suffix)
        if data is not None:
            written.add(part.field)
            yield part.path(base / part.folder, name), data
    if files is layout.persons:
        match layout.name:
            case "viton_hd":
                yield from _for_viton_hd(base, example, Path(name).stem)
            case "dresscode" if example.keypoints.isfinite().any():
                stem = Path(name).stem.removesuffix("_0")
                yield base / "skeletons" / f"{stem}_5.jpg", _picture(_skeleton(example), ".jpg")


def _skeleton(example: TryOnBatch) -> Tensor:
    """The drawn skeleton, values 0 to 255 [h w 3]."""
    return ((draw_skeleton(example.keypoints, *example.size)[0] + 1) * 127.5).movedim(0, -1)


def _for_viton_hd(base: Path, example: TryOnBatch, stem: str) -> Iterator[tuple[Path, bytes]]:
    if example.keypoints.isfinite().any():
        yield base / "openpose-img" / f"{stem}_rendered.png", _picture(_skeleton(example), ".png")
        yield base / "openpose-json" / f"{stem}_keypoints.json", _keypoints(example.keypoints[0], example.size)
    if example.parse.any():
        yield base / "image-parse" / f"{stem}.png", _labels(example.parse[0], VITON_HD_LABELS)


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
            return _labels(value, (part.labels or CIHP).written()) if value.any() else None
        case "keypoints":
            return _keypoints(value, example.size) if value.isfinite().any() else None
        case "joints":
            counted_in = part.joints_in or example.size[::-1]
            return _joints(value, example.size, counted_in) if value.isfinite().any() else None
        case "flow":
            return _flow(value, example.flow_mask[0, 0]) if example.flow_mask.any() else None
        case "parts":
            return None


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


def _pixels(joints: Float[Tensor, "j 2"], size: tuple[int, int]) -> dict[str, tuple[float, float]]:
    """The known joints in pixels of a picture of (height, width)."""
    height, width = size
    places = zip(KEYPOINTS, joints.double().tolist(), strict=True)
    return {n: ((x + 1) / 2 * (width - 1), (y + 1) / 2 * (height - 1)) for n, (x, y) in places if np.isfinite(x + y)}


def _keypoints(joints: Float[Tensor, "j 2"], size: tuple[int, int]) -> bytes:
    """Joints in [-1, 1] as an OpenPose file, in pixels; unknown joints are zeros, as OpenPose writes them."""
    points = np.zeros((25, 3))
    for name, place in _pixels(joints, size).items():
        points[BODY_25[name]] = *place, 1
    triples = [round(value, 5) for value in points.ravel().tolist()]
    return json.dumps({"version": 1.3, "people": [{"pose_keypoints_2d": triples}]}).encode()


def _joints(joints: Float[Tensor, "j 2"], size: tuple[int, int], counted_in: ImageSize) -> bytes:
    """Joints in [-1, 1] as a DressCode file: rows x, y, confidence, number; unknown joints are -1, -1, 0, -1."""
    rows = [[-1.0, -1.0, 0.0, -1.0] for _ in range(18)]
    for name, (x, y) in _pixels(joints, size).items():
        place = round(x * counted_in[0] / size[1], 5), round(y * counted_in[1] / size[0], 5)
        rows[BODY_18[name]] = [*place, 1.0, float(BODY_18[name])]
    return json.dumps({"keypoints": rows}).encode()


def _flow(flow: Float[Tensor, "h w 2"], mask: Float[Tensor, "h w"]) -> bytes:
    """Flow and mask as a safetensors file."""
    arrays = {"flow": flow.float().contiguous().numpy(), "flow_mask": (mask > 0.5).to(torch.uint8).numpy()}
    return safetensors.numpy.save(arrays)
