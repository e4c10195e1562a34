"""What goes wrong where photographs are prepared: a sound batch as a reader would have it after the slip.

A slip changes what a model is told, and leaves what is true alone (person, flow, regions), so that what it costs can be
measured. The examples ``stored`` are the same people in their own garments, as photographs show them, and larger.

Book: sec-slips.
"""

from __future__ import annotations

import colorsys
import io
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vtonlib.data.batch import PARSE_LABELS, TryOnBatch
from vtonlib.data.folders.layout import UNKNOWN_LABEL
from vtonlib.data.folders.read import hide, to_images, to_one_hot
from vtonlib.data.folders.viton_hd import CIHP
from vtonlib.data.moving import MIRRORED_LABELS, MIRRORED_PARTS
from vtonlib.data.truth import BODY_PARTS
from vtonlib.images import to_uint8

QUALITY = 50
"""Of a JPEG file that was compressed too much."""
RIM = 2
"""Pixels by which a mask is too small."""
AWAY = (2, 3)
"""Rows and columns by which a dense pose is cut out elsewhere than the picture."""
STEPS = (len(BODY_PARTS) - 1) / 2
"""Body parts from -1 to 0."""


@dataclass(frozen=True, slots=True)
class Slip:
    """Something that goes wrong between a photograph and its files."""

    file: str
    """Which of a person's or garment's files is wrong."""
    happens: str
    """How it comes about."""
    apply: Callable[[TryOnBatch, TryOnBatch], TryOnBatch]
    """What is read: of the sound examples, and the photographs as they are stored."""


def jpeg(images: Float[Tensor, "b 3 h w"], quality: int) -> Float[Tensor, "b 3 h w"]:
    """Images after they were a JPEG file, with colours at half the resolution, as is usual."""
    found = []
    for pixels in to_uint8(images).numpy():
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        found.append(np.asarray(Image.open(file)))
    return to_images(np.stack(found))


def resized(images: Float[Tensor, "b 3 H W"], height: int, width: int, filter: Image.Resampling) -> Tensor:
    """Images [b 3 height width] as Pillow resizes their bytes."""
    pixels = to_uint8(images).numpy()
    return to_images(np.stack([np.asarray(Image.fromarray(one).resize((width, height), filter)) for one in pixels]))


def reread_labels(
    parse: Float[Tensor, "b k H W"], height: int, width: int, filter: Image.Resampling
) -> Float[Tensor, "b k height width"]:
    """A segmentation stored as CIHP's numbers, resized as if these were brightness, and read again.

    Between the numbers of two labels lie those of others. Book: sec-slips.
    """
    numbers = np.array([CIHP.written()[name] for name in PARSE_LABELS], dtype=np.uint8)[parse.argmax(1).numpy()]
    small = np.stack([np.asarray(Image.fromarray(one).resize((width, height), filter)) for one in numbers])
    ours = CIHP.table()[small]
    return to_one_hot(np.where(ours == UNKNOWN_LABEL, 0, ours).astype(np.uint8))


def _masked(batch: TryOnBatch, mask: Tensor, agnostic: Tensor | None = None) -> TryOnBatch:
    """The batch with another mask, and with what a reader leaves of the agnostic picture under it."""
    shown = hide(batch.agnostic if agnostic is None else agnostic, mask)
    return replace(batch, agnostic_mask=mask, agnostic=shown)


def _eroded(batch: TryOnBatch, stored: TryOnBatch) -> TryOnBatch:
    mask = 1 - F.max_pool2d(1 - batch.agnostic_mask, 2 * RIM + 1, 1, RIM)
    photograph = resized(stored.person, *batch.size, Image.Resampling.BILINEAR)
    return replace(batch, agnostic_mask=mask, agnostic=photograph * (1 - mask))


def _soft(batch: TryOnBatch, stored: TryOnBatch) -> TryOnBatch:
    grey = jpeg((batch.agnostic_mask * 2 - 1).repeat(1, 3, 1, 1), QUALITY)
    return _masked(batch, (grey[:, :1] + 1) / 2)


def _posed(change: Callable[[Tensor], Tensor]) -> Callable[[TryOnBatch, TryOnBatch], TryOnBatch]:
    return lambda batch, stored: replace(batch, dense_pose=change(batch.dense_pose))


def _parts(dense_pose: Tensor) -> Tensor:
    """The number of the body part of each pixel."""
    return ((dense_pose[:, 0] + 1) * STEPS).round().long()


def _sides(dense_pose: Tensor) -> Tensor:
    swapped = torch.tensor(MIRRORED_PARTS)[_parts(dense_pose)] / STEPS - 1
    return torch.cat((swapped[:, None], dense_pose[:, 1:]), 1)


def _coloured(dense_pose: Tensor) -> Tensor:
    """Each part in a colour of its own, as pictures of dense poses are drawn for people."""
    hues = [colorsys.hsv_to_rgb(part * 0.381966 % 1, 0.7, 0.9 * (part > 0)) for part in range(len(BODY_PARTS))]
    return torch.tensor(hues)[_parts(dense_pose)].movedim(-1, 1) * 2 - 1


def _numbers(dense_pose: Tensor) -> Tensor:
    return (_parts(dense_pose)[:, None].expand(-1, 3, -1, -1) / 127.5 - 1).to(dense_pose.dtype)


def _pose_by(filter: Image.Resampling) -> Callable[[TryOnBatch, TryOnBatch], TryOnBatch]:
    return lambda batch, stored: replace(batch, dense_pose=resized(stored.dense_pose, *batch.size, filter))


def _garment(change: Callable[[Tensor], Tensor]) -> Callable[[TryOnBatch, TryOnBatch], TryOnBatch]:
    return lambda batch, stored: replace(batch, garment=change(batch.garment))


def _on_black(batch: TryOnBatch, stored: TryOnBatch) -> TryOnBatch:
    inside = batch.garment_mask
    return replace(batch, garment=batch.garment * inside - (1 - inside))


def _turned(images: Tensor) -> Tensor:
    """A picture that lies on its side, stretched to the size that is asked for."""
    return F.adaptive_avg_pool2d(images.rot90(1, (-2, -1)), (images.shape[-2], images.shape[-1]))


def _stored_as(quality: int) -> Callable[[TryOnBatch, TryOnBatch], TryOnBatch]:
    """Every picture as a JPEG file, or with a quality of 0 as PNG."""

    def apply(batch: TryOnBatch, stored: TryOnBatch) -> TryOnBatch:
        def file(images: Tensor) -> Tensor:
            return jpeg(images, quality) if quality else to_images(to_uint8(images).numpy())

        names = ("garment", "agnostic", "dense_pose")
        return replace(batch, **{name: file(getattr(batch, name)) for name in names})

    return apply


SLIPS: dict[str, Slip] = {
    "PNG": Slip("all", "control: every picture in bytes, nothing else", _stored_as(0)),
    "JPEG 95": Slip("all", "pictures compressed a little, as data sets have them", _stored_as(95)),
    "JPEG 50": Slip("all", "pictures compressed too much", _stored_as(QUALITY)),
    "mask inverted": Slip("mask", "255 where to keep", lambda b, _: _masked(b, 1 - b.agnostic_mask)),
    "mask of 0 and 1": Slip("mask", "1 stored for 255", lambda b, _: _masked(b, b.agnostic_mask / 255)),
    "mask too small": Slip("mask", f"{RIM} pixels of the old garment left at its rim", _eroded),
    "mask as JPEG": Slip("mask", "a mask compressed too much", _soft),
    "pose: blue first": Slip("dense pose", "channels in the order of OpenCV", _posed(lambda x: x.flip(1))),
    "pose: another's": Slip("dense pose", "names off by a line", _posed(lambda x: x.roll(1, 0))),
    "pose: colours": Slip("dense pose", "drawn for people: a colour for each part", _posed(_coloured)),
    "pose: numbers": Slip("dense pose", "the parts' numbers alone, in all channels", _posed(_numbers)),
    "pose: sides": Slip("dense pose", "mirrored once too often: left is called right", _posed(_sides)),
    "pose: elsewhere": Slip("dense pose", "cut out elsewhere", _posed(lambda x: x.roll(AWAY, (-2, -1)))),
    "pose: bilinear": Slip("dense pose", "numbers resized as brightness", _pose_by(Image.Resampling.BILINEAR)),
    "pose: nearest": Slip("dense pose", "control: numbers resized as numbers", _pose_by(Image.Resampling.NEAREST)),
    "garment: blue first": Slip("garment", "channels in the order of OpenCV", _garment(lambda x: x.flip(1))),
    "garment: on black": Slip("garment", "ground filled with 0", _on_black),
    "garment: mirrored": Slip("garment", "mirrored without the person", _garment(lambda x: x.flip(-1))),
    "garment: turned": Slip("garment", "its EXIF tag ignored", _garment(_turned)),
}
"""Slips of what a diffusion model is told, by name, and controls."""

LATER_SLIPS: dict[str, Slip] = {
    "mask: another's": Slip("mask", "names off by a line", lambda b, _: _masked(b, b.agnostic_mask.roll(1, 0))),
}
"""Slips that were thought of when the others had been measured, so that no guess was written down for them."""


def _labels_by(filter: Image.Resampling) -> Callable[[TryOnBatch, TryOnBatch], TryOnBatch]:
    return lambda batch, stored: replace(batch, parse=reread_labels(stored.parse, *batch.size, filter))


LABEL_SLIPS: dict[str, Slip] = {
    "labels: nearest": Slip("labels", "control: numbers resized as numbers", _labels_by(Image.Resampling.NEAREST)),
    "labels: bilinear": Slip("labels", "numbers resized as brightness", _labels_by(Image.Resampling.BILINEAR)),
    "labels: sides": Slip("labels", "left is called right", lambda b, _: replace(b, parse=b.parse[:, MIRRORED_LABELS])),
    "labels: none": Slip("labels", "no file: everything unknown", lambda b, _: replace(b, parse=b.parse * 0)),
}
"""Slips of a segmentation, which VITON-HD's stages are told, and controls."""
