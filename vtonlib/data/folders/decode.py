"""One picture at a time, read whole or not at all: images, masks and label maps as arrays."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from vtonlib.data.folders.files import fail, read_bytes
from vtonlib.data.folders.jpeg import jpeg_fault
from vtonlib.data.folders.layout import UNKNOWN_LABEL, Array, Content, ImageSize, Labels
from vtonlib.data.folders.viton_hd import CIHP
from vtonlib.settings import SIDES

MODES: dict[Content, tuple[str, ...]] = {
    "image": ("RGB", "L"),
    "mask": ("L", "1", "RGB"),
    "labels": ("P", "L"),
    "parts": ("P", "L"),
}
NAMES: dict[Content, str] = {
    "image": "an image",
    "mask": "a mask",
    "labels": "a label map",
    "parts": "a map of DensePose's parts",
}
"""The same in words."""
NUMBERS = "Store a palette (P) PNG with label numbers"
FILTERS = {
    "image": Image.Resampling.BILINEAR,
    "mask": Image.Resampling.BOX,
    "labels": Image.Resampling.NEAREST,
    "parts": Image.Resampling.NEAREST,
}
BODY_PARTS = 24
"""Parts of DensePose's body surface, beside 0 for what is none."""
EXIF_ORIENTATION = 0x0112
LOOK = 768
"""Longest side at which a picture is looked at when no size is asked for: 12 megapixels show no more faults."""


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
        remedy = f"{NUMBERS}, not colours" if content in ("labels", "parts") else f"Convert it to {MODES[content][0]}"
        raise fail(path, f"mode {image.mode}", f"{' or '.join(MODES[content])} for {NAMES[content]}", remedy)


def _judge_exif(path: Path, image: Image.Image) -> None:
    """Refuse pixels that are meant to be turned; of a PNG file the tag may follow the pixels."""
    if "exif" in image.info and image.getexif().get(EXIF_ORIENTATION, 1) != 1:
        raise fail(path, "a picture turned by its EXIF tag", "upright pixels", "Store it turned, without the tag")


def decode_picture(
    path: Path, root: Path, content: Content, size: ImageSize | None, labels: Labels = CIHP
) -> tuple[Array, ImageSize]:
    """An image ``[h w 3]``, a mask ``[h w]`` or labels ``[h w]`` as uint8, and the size in which it is stored.

    Parts of the body are an image whose channels are all the part's number, as Leffa reads them. Resized to ``size``,
    or until no side is longer than ``LOOK``: images bilinearly (anti-aliased), masks by area, labels and parts by the
    nearest pixel. Large JPEG images are decoded at the smallest scale that is at least twice the size, which is much
    faster.

    Equation: eq-nearest-label. Book: sec-folders.
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
    image = _plain(path, image, content, labels)
    if image.size != size:
        image = image.resize(size, FILTERS[content], reducing_gap=2.0 if content == "image" else None)
    return np.asarray(image), stored


def _at_most(size: ImageSize, longest: int) -> ImageSize:
    """``size``, shrunk until no side is longer than ``longest``."""
    factor = min(1.0, longest / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _plain(path: Path, image: Image.Image, content: Content, labels: Labels) -> Image.Image:
    """The image in the one mode its content has here."""
    if content == "image":
        return image.convert("RGB")
    if content == "labels":
        ours = labels.table()[np.asarray(image)]
        if (ours == UNKNOWN_LABEL).any():
            unknown = int(np.asarray(image)[ours == UNKNOWN_LABEL][0])
            whose = labels.expected.split("'")[0]
            raise fail(path, f"label {unknown}", labels.expected, f"{NUMBERS} of {whose}, not colours")
        return Image.fromarray(ours)
    if content == "parts":
        return _parts(path, np.asarray(image))
    if image.mode == "RGB":
        pixels = np.asarray(image).astype(np.int16)
        if np.ptp(pixels, axis=-1).max() > 48:
            remedy = "Store a black and white mask; the agnostic image is not one"
            raise fail(path, "a colour image", "a mask", remedy)
    return image.convert("L")


def _parts(path: Path, numbers: Array) -> Image.Image:
    """Numbers of body parts in all three channels."""
    if numbers.max() > BODY_PARTS or not numbers.any():
        found = f"part {numbers.max()}" if numbers.any() else "no part of a body"
        raise fail(path, found, f"DensePose's parts 1 to {BODY_PARTS}, and 0", "Store the numbers of the parts")
    return Image.fromarray(np.repeat(numbers[..., None].astype(np.uint8), 3, axis=-1))
