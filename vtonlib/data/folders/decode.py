"""One file at a time, read whole or not at all: pictures, masks, label maps, keypoints and flows as arrays."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
import torch
from PIL import Image

from vtonlib.data.batch import KEYPOINTS, PARSE_LABELS
from vtonlib.data.folders.layout import BODY_25, CIHP_LABELS, SIDES, Content, FolderError, Problem
from vtonlib.data.folders.lists import leaves_root
from vtonlib.grids import resize_flow

Array = np.ndarray
ImageSize = tuple[int, int]
"""(width, height), Pillow's order."""

MODES: dict[Content, tuple[str, ...]] = {"image": ("RGB", "L"), "mask": ("L", "1", "RGB"), "labels": ("P", "L")}
FILTERS = {"image": Image.Resampling.BILINEAR, "mask": Image.Resampling.BOX, "labels": Image.Resampling.NEAREST}
COPY_AGAIN = "Copy the file again, or remove its line from the list"
EXIF_ORIENTATION = 0x0112
UNKNOWN_LABEL = 255


def _our_label_of_cihp() -> Array:
    table = np.full(256, UNKNOWN_LABEL, dtype=np.uint8)
    for label, name in enumerate(PARSE_LABELS):
        table[list(CIHP_LABELS[name])] = label
    return table


OUR_LABEL = _our_label_of_cihp()


def _fail(path: Path, found: str, expected: str, remedy: str = COPY_AGAIN) -> FolderError:
    return FolderError(Problem(path, found, expected, remedy))


def read_bytes(path: Path, root: Path) -> bytes:
    """All of a file that lies inside ``root``."""
    if path.is_symlink() and leaves_root(path, root):
        raise _fail(path, "a link out of the root", "a file inside the root", "Copy the file here")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        remedy = "Copy the file there, or remove its line from the list"
        raise _fail(path, "nothing", "a file for the listed name", remedy) from None
    except PermissionError:
        raise _fail(path, "a file without permission to read", "a readable file", "Change its permissions") from None
    except OSError as error:
        raise _fail(path, f"something unreadable ({error.strerror})", "a file") from None
    if not data:
        raise _fail(path, "an empty file (0 bytes)", "a file with content")
    return data


def _open(path: Path, data: bytes) -> Image.Image:
    """The image of ``data``, judged by its header; nothing is decoded yet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
    except Image.DecompressionBombError:
        expected = f"sides of {SIDES[0]} to {SIDES[1]} pixels"
        raise _fail(path, "an image of hundreds of megapixels", expected, "Store it smaller") from None
    except (OSError, SyntaxError, ValueError):
        raise _fail(path, "no image", "a PNG or JPEG file") from None


def _judge_header(path: Path, image: Image.Image, content: Content) -> None:
    """Refuse what would be read as something else than was meant."""
    width, height = image.size
    if min(image.size) < SIDES[0] or max(image.size) > SIDES[1]:
        expected = f"sides of {SIDES[0]} to {SIDES[1]} pixels"
        raise _fail(path, f"an image of {width}x{height} pixels", expected, "Store it at the size of the others")
    if getattr(image, "n_frames", 1) > 1:
        raise _fail(path, "an animated image", "one picture", "Store one frame")
    if image.mode not in MODES[content]:
        remedy = "Store class indices, not colours" if content == "labels" else f"Convert it to {MODES[content][0]}"
        raise _fail(path, f"mode {image.mode}", f"{' or '.join(MODES[content])} for this {content}", remedy)
    if "exif" in image.info and image.getexif().get(EXIF_ORIENTATION, 1) != 1:
        raise _fail(path, "a picture turned by its EXIF tag", "upright pixels", "Store it turned, without the tag")


def decode_picture(path: Path, root: Path, content: Content, size: ImageSize | None) -> tuple[Array, ImageSize]:
    """An image ``[h w 3]``, a mask ``[h w]`` or labels ``[h w]`` as uint8, and the size in which it is stored.

    Resized to ``size``, if given: images bilinearly (anti-aliased), masks by area, labels by the nearest pixel. Large
    JPEG images are decoded at the smallest scale that is at least twice ``size``, which is much faster.
    """
    data = read_bytes(path, root)
    image = _open(path, data)
    _judge_header(path, image, content)
    stored = image.size
    try:
        if size:
            image.draft(None, (2 * size[0], 2 * size[1]))
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise _fail(path, f"a damaged image ({error})", "a whole image") from None
    if image.format == "PNG" and b"IEND" not in data:
        raise _fail(path, "a truncated PNG file", "a whole image")
    image = _plain(path, image, content)
    if size and image.size != size:
        image = image.resize(size, FILTERS[content], reducing_gap=2.0 if content == "image" else None)
    return np.asarray(image), stored


def _plain(path: Path, image: Image.Image, content: Content) -> Image.Image:
    """The image in the one mode its content has here."""
    if content == "image":
        return image.convert("RGB")
    if content == "labels":
        labels = OUR_LABEL[np.asarray(image)]
        if (labels == UNKNOWN_LABEL).any():
            unknown = int(np.asarray(image)[labels == UNKNOWN_LABEL][0])
            raise _fail(path, f"label {unknown}", "CIHP's labels 0 to 19 (or 20, the neck)", "Store CIHP's labels")
        return Image.fromarray(labels)
    if image.mode == "RGB":
        pixels = np.asarray(image).astype(np.int16)
        if np.ptp(pixels, axis=-1).max() > 48:
            remedy = "Store a black and white mask; the agnostic image is not one"
            raise _fail(path, "a colour image", "a mask", remedy)
    return image.convert("L")


def decode_keypoints(path: Path, root: Path) -> Array:
    """Joints [j 2] of the first person in an OpenPose file, in pixels, NaN where OpenPose did not find one."""
    expected = "OpenPose's people[0].pose_keypoints_2d with 25 (or 18) triples x, y, confidence"
    joints = np.full((len(KEYPOINTS), 2), np.nan, dtype=np.float32)
    try:
        people = json.loads(read_bytes(path, root))["people"]
        if not people:
            return joints
        points = np.asarray(people[0]["pose_keypoints_2d"], dtype=np.float32).reshape(-1, 3)
    except FolderError:
        raise
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise _fail(path, f"something else ({type(error).__name__}: {error})", expected) from None
    if len(points) not in (18, 25):
        raise _fail(path, f"{len(points)} joints", expected)
    for row, name in enumerate(KEYPOINTS):
        number = BODY_25[name] - (len(points) == 18 and BODY_25[name] > 8)
        if points[number, 2] > 0:
            joints[row] = points[number, :2]
    return joints


def decode_flow(path: Path, root: Path, size: ImageSize | None) -> tuple[Array, ImageSize]:
    """Flow and mask as one array [h w 3] of (x, y, 0 or 1), and the stored size.

    When it is resized, a pixel stays known only if every pixel it is mixed from is.
    """
    expected = "'flow' [h w 2] and 'flow_mask' [h w], finite"
    try:
        stored = safetensors.numpy.load(read_bytes(path, root))
        flow = torch.from_numpy(stored["flow"].astype(np.float32))
        mask = torch.from_numpy(stored["flow_mask"].astype(np.float32))
    except FolderError:
        raise
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError) as error:
        raise _fail(path, f"something else ({type(error).__name__}: {error})", expected) from None
    if flow.shape != (*mask.shape, 2) or mask.ndim != 2:
        raise _fail(path, f"'flow' {list(flow.shape)} and 'flow_mask' {list(mask.shape)}", expected)
    if not flow.isfinite().all():
        raise _fail(path, "values that are not finite", expected)
    height, width = mask.shape
    if size and size != (width, height):
        coverage = resize_flow(mask[None, ..., None].expand(-1, -1, -1, 2), size[1], size[0])[0, ..., 0]
        known = coverage > 1 - 1e-4
        flow = resize_flow((flow * mask[..., None])[None], size[1], size[0])[0] * known[..., None]
        mask = known.float()
    return torch.cat((flow * mask[..., None], mask[..., None]), -1).numpy(), (width, height)
