"""Files of numbers, read whole or not at all: keypoints and flows as arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
import torch

from vtonlib.data.batch import KEYPOINTS
from vtonlib.data.folders.files import fail, read_bytes
from vtonlib.data.folders.layout import Array, ImageSize
from vtonlib.data.folders.problem import FolderError
from vtonlib.grids import resize_flow
from vtonlib.settings import SIDES

BODY_25 = {
    "nose": 0, "neck": 1, "right_shoulder": 2, "right_elbow": 3, "right_wrist": 4, "left_shoulder": 5,
    "left_elbow": 6, "left_wrist": 7, "right_hip": 9, "right_knee": 10, "right_ankle": 11, "left_hip": 12,
    "left_knee": 13, "left_ankle": 14,
}  # fmt: skip
"""Where OpenPose's 25-point body has our joints. Its 18-point body lacks number 8, the middle of the hips."""
BODY_18 = {name: number - (number > 8) for name, number in BODY_25.items()}
"""Where OpenPose's 18-point body has our joints."""
REACH = 2.0
"""Farthest coordinate of a flow: the garment's picture ends at 1, and a worn seam may lie a little outside."""
FARTHEST = 1e32
"""Joints from here on are no pixels of any picture, and no number that is stored."""
NOBODY = "Detect the pose again, or remove the line from the list"
BROKEN = (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError)
"""What reading numbers raises that are none."""
ENTRIES = ("people", "pose_keypoints_2d", "keypoints", "flow", "flow_mask")
"""The names under which files hold their numbers."""


def _in_words(error: Exception) -> str:
    """What was found where reading numbers raised ``error``."""
    match error:
        case RecursionError():
            return "JSON nested too deeply"
        case json.JSONDecodeError():
            return f"no JSON ({error.msg} in line {error.lineno})"
        case UnicodeDecodeError():
            return "no JSON (bytes that are no text)"
        case safetensors.SafetensorError():
            return f"no safetensors file ({str(error)[:200]})"
        case OverflowError() | MemoryError():
            return "numbers too large to read"
        case KeyError() if error.args[0] in ENTRIES:
            return f"no entry '{error.args[0]}'"
    return "not the expected structure"


def _joints(points: Array) -> str:
    return f"{len(points)} joint{'s' * (len(points) != 1)}"


def decode_keypoints(path: Path, root: Path) -> Array:
    """Joints [j 2] of the first person in an OpenPose file, in pixels, NaN where OpenPose did not find one."""
    expected = "OpenPose's people[0].pose_keypoints_2d with 25 (or 18) triples x, y, confidence"
    try:
        people = json.loads(read_bytes(path, root))["people"]
        if not people:
            raise fail(path, "nobody", "the joints of one person", NOBODY)
        points = np.asarray(people[0]["pose_keypoints_2d"], dtype=np.float64).reshape(-1, 3)
    except FolderError:
        raise
    except BROKEN as error:
        raise fail(path, _in_words(error), expected) from None
    if len(points) not in (18, 25):
        raise fail(path, _joints(points), expected)
    return _ours(path, points, BODY_25 if len(points) == 25 else BODY_18)


def decode_joints(path: Path, root: Path) -> Array:
    """Joints [j 2] of a DressCode file, in pixels of the picture that it counts in, NaN where there is none."""
    expected = "'keypoints' with 18 rows x, y, confidence, number"
    try:
        points = np.asarray(json.loads(read_bytes(path, root))["keypoints"], dtype=np.float64)
    except FolderError:
        raise
    except BROKEN as error:
        raise fail(path, _in_words(error), expected) from None
    if points.shape != (18, 4):
        found = _joints(points) if points.ndim == 2 and points.shape[1] == 4 else f"numbers {points.shape}"
        raise fail(path, found, expected)
    points[(points[:, 0] < 0) | (points[:, 1] < 0)] = 0
    return _ours(path, points, BODY_18)


def _ours(path: Path, points: Array, numbers: dict[str, int]) -> Array:
    """Our joints among rows x, y, confidence, ...: those of a confidence above 0."""
    joints = np.full((len(KEYPOINTS), 2), np.nan, dtype=np.float32)
    for row, name in enumerate(KEYPOINTS):
        point = points[numbers[name]]
        if not point[2] <= 0:
            if not (np.abs(point[:3]) < FARTHEST).all():
                where = f"a {name.replace('_', ' ')} at {point[:2].tolist()}"
                raise fail(path, where, "pixels of the image")
            joints[row] = point[:2]
    if np.isnan(joints).all():
        raise fail(path, "no joint", "the joints of one person", NOBODY)
    return joints


def decode_flow(path: Path, root: Path, size: ImageSize | None) -> tuple[Array, ImageSize]:
    """Flow and mask as one array [h w 3] of (x, y, 0 or 1), and the stored size.

    When it is resized, a pixel stays known only if every pixel it is mixed from is.
    """
    expected = f"'flow' [h w 2] within {-REACH} to {REACH} and 'flow_mask' [h w] of 0 and 1"
    try:
        stored = safetensors.numpy.load(read_bytes(path, root))
        flow = torch.from_numpy(stored["flow"].astype(np.float32))
        mask = torch.from_numpy(stored["flow_mask"].astype(np.float32))
    except FolderError:
        raise
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError, MemoryError) as error:
        raise fail(path, _in_words(error), expected) from None
    if flow.shape != (*mask.shape, 2) or mask.ndim != 2:
        raise fail(path, f"'flow' {list(flow.shape)} and 'flow_mask' {list(mask.shape)}", expected)
    height, width = mask.shape
    if min(mask.shape) < SIDES[0] or max(mask.shape) > SIDES[1]:
        raise fail(path, f"a flow of {width}x{height}", f"sides of {SIDES[0]} to {SIDES[1]}")
    if not flow.isfinite().all():
        raise fail(path, "values that are not finite", expected)
    if not ((mask == 0) | (mask == 1)).all():
        odd = mask[(mask != 0) & (mask != 1)][0].item()
        raise fail(path, f"a flow_mask with the value {odd:g}", expected)
    if (reach := (flow.abs() * mask[..., None]).max().item()) > REACH:
        raise fail(path, f"coordinates up to {reach:.4g}", expected, "Store coordinates of the garment, in [-1, 1]")
    if size and size != (width, height):
        coverage = resize_flow(mask[None, ..., None].expand(-1, -1, -1, 2), size[1], size[0])[0, ..., 0]
        known = coverage > 1 - 1e-4
        flow = resize_flow((flow * mask[..., None])[None], size[1], size[0])[0] * known[..., None]
        mask = known.float()
    return torch.cat((flow * mask[..., None], mask[..., None]), -1).numpy(), (width, height)
