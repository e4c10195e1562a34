"""One picture at a time, read whole or not at all: images, masks and label maps as arrays."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from vtonlib.data.batch import PARSE_LABELS
from vtonlib.data.folders.files import fail, read_bytes
from vtonlib.data.folders.jpeg import jpeg_fault
from vtonlib.data.folders.layout import CIHP_LABELS, Content
from vtonlib.settings import SIDES

Array = np.ndarray
ImageSize = tuple[int, int]
"""(width, height), Pillow's order."""

MODES: dict[Content, tuple[str, ...]] = {"image": ("RGB", "L"), "mask": ("L", "1", "RGB"), "labels": ("P", "L")}
FILTERS = {"image": Image.Resampling.BILINEAR, "mask": Image.Resampling.BOX, "labels": Image.Resampling.NEAREST}
EXIF_ORIENTATION = 0x0112
LOOK = 768
"""Longest side at which a picture is looked at when no size is asked for: 12 megapixels show no more faults."""
UNKNOWN_LABEL = 255


def _our_label_of_cihp() -> Array:
    table = np.full(256, UNKNOWN_LABEL, dtype=np.uint8)
    for label, name in enumerate(PARSE_LABELS):
        table[list(CIHP_LABELS[name])] = label
    return table


OUR_LABEL = _our_label_of_cihp()


def _open(path: Path, data: bytes) -> Image.Image:
    """The image of ``data``, judged by its header; nothing is decoded yet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
    except Image.DecompressionBombError:
        expected = f"sides of {SIDES[0]} to {SIDES[1]} pixels"
        raise fail(path, "an image of hundreds of megapixels", expected, "Store it smaller") from None
    except (OSError, SyntaxError, ValueError):
        raise fail(path, "no image", "a PNG or JPEG file") from None


def _judge_header(path: Path, image: Image.Image, content: Content) -> None:
    """Refuse what would be read as something else than was meant."""
    width, height = image.size
    if min(image.size) < SIDES[0] or max(image.size) > SIDES[1]:
        expected = f"sides of {SIDES[0]} to {SIDES[1]} pixels"
        raise fail(path, f"an image of {width}x{height} pixels", expected, "Store it at the size of the others")
    if getattr(image, "n_frames", 1) > 1:
        raise fail(path, "an animated image", "one picture", "Store one frame")
    if image.mode not in MODES[content]:
        remedy = "Store class indices, not colours" if content == "labels" else f"Convert it to {MODES[content][0]}"
        raise fail(path, f"mode {image.mode}", f"{' or '.join(MODES[content])} for this {content}", remedy)


def _judge_exif(path: Path, image: Image.Image) -> None:
    """Refuse pixels that are meant to be turned; of a PNG file the tag may follow the pixels."""
    if "exif" in image.info and image.getexif().get(EXIF_ORIENTATION, 1) != 1:
        raise fail(path, "a picture turned by its EXIF tag", "upright pixels", "Store it turned, without the tag")


def decode_picture(path: Path, root: Path, content: Content, size: ImageSize | None) -> tuple[Array, ImageSize]:
    """An image ``[h w 3]``, a mask ``[h w]`` or labels ``[h w]`` as uint8, and the size in which it is stored.

    Resized to ``size``, or until no side is longer than ``LOOK``: images bilinearly (anti-aliased), masks by area,
    labels by the nearest pixel. Large JPEG images are decoded at the smallest scale that is at least twice the size,
    which is much faster.
    """
    data = read_bytes(path, root)
    image = _open(path, data)
    _judge_header(path, image, content)
    stored = image.size
    size = size or _at_most(stored, LOOK)
    try:
        image.draft(None, (2 * size[0], 2 * size[1]))
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise fail(path, f"a damaged image ({error})", "a whole image") from None
    if image.format == "PNG" and b"IEND" not in data:
        raise fail(path, "a truncated PNG file", "a whole image")
    if image.format == "JPEG" and (fault := jpeg_fault(data)):
        raise fail(path, f"a damaged image ({fault})", "a whole image")
    _judge_exif(path, image)
    image = _plain(path, image, content)
    if image.size != size:
        image = image.resize(size, FILTERS[content], reducing_gap=2.0 if content == "image" else None)
    return np.asarray(image), stored


def _at_most(size: ImageSize, longest: int) -> ImageSize:
    """``size``, shrunk until no side is longer than ``longest``."""
    factor = min(1.0, longest / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _plain(path: Path, image: Image.Image, content: Content) -> Image.Image:
    """The image in the one mode its content has here."""
    if content == "image":
        return image.convert("RGB")
    if content == "labels":
        labels = OUR_LABEL[np.asarray(image)]
        if (labels == UNKNOWN_LABEL).any():
            unknown = int(np.asarray(image)[labels == UNKNOWN_LABEL][0])
            raise fail(path, f"label {unknown}", "CIHP's labels 0 to 19 (or 20, the neck)", "Store CIHP's labels")
        return Image.fromarray(labels)
    if image.mode == "RGB":
        pixels = np.asarray(image).astype(np.int16)
        if np.ptp(pixels, axis=-1).max() > 48:
            remedy = "Store a black and white mask; the agnostic image is not one"
            raise fail(path, "a colour image", "a mask", remedy)
    return image.convert("L")
