"""Pictures into and out of a pipeline: PIL images, numpy arrays or tensors, one or a batch, checked before use."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers.utils import BaseOutput
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vtonlib.images import check_ranges, to_uint8

Picture = Tensor | np.ndarray | Image.Image | Sequence[Image.Image]
"""What a pipeline takes: tensors [3 h w] or [b 3 h w] in [-1, 1] (masks [h w], [1 h w] or [b 1 h w] in [0, 1]); PIL
images, one or several; or numpy arrays [h w 3] or [b h w 3] (masks [h w], [b h w] or [b h w 1]), bytes or in [0, 1]."""
GREY = 0.06
"""How far from mid grey, 0, a pixel counts as grey; JPEG leaves that much."""
PHOTOGRAPHS = ("garment", "agnostic", "dense_pose", "person")
"""Inputs that are never of one colour."""


class InputWarning(UserWarning):
    """A pipeline's input is allowed, but looks like a mistake: empty or inverted-looking masks, one-coloured images,
    images that seem to lie in [0, 1]."""


@dataclass
class PictureOutput(BaseOutput):
    """Pictures that a pipeline made.

    diffusers' pipelines take an ``output_type`` that decides what ``images`` is. Here a record's fields have one type
    each, so that readers and type checkers know it: ``images`` are always tensors, and :meth:`pil` and :meth:`numpy`
    give what diffusers gives for "pil" and "np".
    """

    images: Float[Tensor, "b 3 h w"]
    """In [-1, 1]."""

    def pil(self) -> list[Image.Image]:
        """One PIL image each; a pipeline that is given such images takes the same bytes back in."""
        return [Image.fromarray(pixels) for pixels in to_uint8(self.images).numpy()]

    def numpy(self) -> Float[np.ndarray, "b h w 3"]:
        """In [0, 1], channels last."""
        images: np.ndarray = ((self.images.detach().float().clamp(-1, 1) + 1) / 2).movedim(1, -1).cpu().numpy()
        return images


class TryOnOutput(PictureOutput):
    """The persons in their new garments."""


def read_pictures(pictures: Mapping[str, Picture], channels: Mapping[str, int]) -> dict[str, Float[Tensor, "b c h w"]]:
    """All inputs of a pipeline as batches of one size, checked; a single picture becomes a batch of one.

    Args:
        pictures: by name. All have the size of ``agnostic`` or, where it is not given, of the first.
        channels: how many each has. Three make an image in [-1, 1]; others are masks or labels in [0, 1].

    Raises:
        ValueError: naming the input that is no picture, does not fit the others, or holds values out of range, NaN or
            infinity.

    Warns:
        InputWarning: for an image of one colour, a mask that paints nothing, one that looks inverted, and images
            without a negative number.
    """
    tensors = {name: to_batch(name, picture, channels[name]) for name, picture in pictures.items()}
    first = "agnostic" if "agnostic" in tensors else next(iter(tensors))
    like = tensors[first]
    for name, tensor in tensors.items():
        expected = (len(like), channels[name], *like.shape[-2:])
        if tensor.shape != expected:
            raise ValueError(f"{name} is {tuple(tensor.shape)}: expected {expected}, for the {first} image's size")
        if not tensor.isfinite().all():
            raise ValueError(f"{name} contains NaN or infinity: expected finite numbers")
    check_ranges(tensors, {name: tensor for name, tensor in tensors.items() if channels[name] != 3})
    for message in suspicions(tensors):
        warnings.warn(message, InputWarning, stacklevel=4)
    return tensors


def to_batch(name: str, picture: Picture, channels: int) -> Float[Tensor, "b c h w"]:
    """One input as a batch: images in [-1, 1], masks in [0, 1].

    Raises:
        ValueError: naming the input, for what is no picture, and for images of whole numbers in a tensor.
    """
    if isinstance(picture, Tensor):
        if channels == 3 and not picture.is_floating_point():
            raise ValueError(f"{name} is a tensor of {picture.dtype}: expected floating point in [-1, 1]")
        tensor = picture if picture.is_floating_point() else picture.float()
        tensor = tensor[None] if tensor.ndim == 2 and channels == 1 else tensor
        return tensor[None] if tensor.ndim == 3 else tensor
    array = picture if isinstance(picture, np.ndarray) else _from_pil(name, picture, channels)
    array = array[None] if array.ndim == (2 if channels == 1 else 3) else array
    array = array[..., None] if array.ndim == 3 else array
    if array.ndim != 4:
        raise ValueError(f"{name} is an array of shape {array.shape}: expected [h w {channels}] or [b h w {channels}]")
    scaled = array / np.float32(255) if array.dtype == np.uint8 else array
    unit = torch.from_numpy(np.ascontiguousarray(scaled, dtype=np.float32)).movedim(-1, 1)
    check_ranges({}, {f"{name}, a numpy array,": unit})
    return unit * 2 - 1 if channels == 3 else unit


def _from_pil(name: str, picture: Image.Image | Sequence[Image.Image], channels: int) -> np.ndarray:
    """PIL images as bytes [b h w c]."""
    given = [picture] if isinstance(picture, Image.Image) else picture
    if isinstance(given, str | bytes) or not given or not all(isinstance(image, Image.Image) for image in given):
        found = type(picture).__name__
        raise ValueError(f"{name} is {found}: expected a tensor, a numpy array, a PIL image or a list of PIL images")
    sizes = {image.size for image in given}
    if len(sizes) > 1:
        raise ValueError(f"{name} has images of (width, height) {sorted(sizes)}: expected one size")
    if channels not in (1, 3):
        raise ValueError(f"{name} is a PIL image: expected a tensor of {channels} channels")
    return np.stack([np.asarray(image.convert("L" if channels == 1 else "RGB")) for image in given])


def suspicions(tensors: Mapping[str, Float[Tensor, "b c h w"]]) -> list[str]:
    """What looks like a mistake, in words: see :class:`InputWarning`.

    A mask looks inverted where grey fills the region to keep rather than the region to paint, or where it paints all
    four corners and keeps most of the middle. Where it paints everything, the agnostic image is rightly of one colour.
    """
    found = []
    mask = tensors["agnostic_mask"].float() if "agnostic_mask" in tensors else None
    for name, tensor in tensors.items():
        low, high = tensor.flatten(1).aminmax(dim=1)
        flat_rows = high - low < 1e-6
        if name == "agnostic" and mask is not None:
            flat_rows &= mask.flatten(1).amin(dim=1) < 1
        if name in PHOTOGRAPHS and (flat := _rows(flat_rows)):
            found.append(f"{name} {flat} has the same colour everywhere: is it the right picture?")
    images = [name for name in PHOTOGRAPHS if name in tensors]
    if images and all(tensors[name].amin() >= 0 for name in images):
        found.append(f"{', '.join(images)} hold no negative number: expected images in [-1, 1], not in [0, 1]")
    if mask is None or "agnostic" not in tensors:
        return found
    if empty := _rows(mask.flatten(1).amax(dim=1) < 1 / 255):
        found.append(f"agnostic_mask {empty} is empty (1 = paint): nothing is painted")
    if inverted := _rows(looks_inverted(mask, tensors["agnostic"].float())):
        found.append(f"agnostic_mask {inverted} looks inverted: 1 = paint, 0 = keep; give 1 - agnostic_mask if so")
    return found


def looks_inverted(mask: Float[Tensor, "b 1 h w"], agnostic: Float[Tensor, "b 3 h w"]) -> Tensor:
    """For each sample [b], whether the mask seems to say 1 = keep: see :func:`suspicions`."""
    paint = mask >= 0.5
    grey = agnostic.abs().amax(dim=1, keepdim=True) < GREY

    def share(of: Tensor, among: Tensor) -> Tensor:
        return (of & among).flatten(1).sum(1) / among.flatten(1).sum(1).clamp_min(1)

    greyed_elsewhere = share(grey, ~paint) - share(grey, paint) > 0.5
    height, width = mask.shape[-2:]
    corners = paint[:, 0][:, [0, 0, -1, -1], [0, -1, 0, -1]].all(dim=1)
    middle = paint[:, 0, height // 4 : height - height // 4, width // 4 : width - width // 4]
    return greyed_elsewhere | (corners & (middle.flatten(1).float().mean(dim=1) < 0.5))


def blend_pixels(
    made: Float[Tensor, "b 3 h w"], agnostic: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """``made`` inside ``mask`` (1 = paint), ``agnostic`` outside; pixels with mask 0 stay as they are, bitwise.

    StableVITON's ``--repaint`` computes person * (1 - mask) + made * mask with a soft mask. The agnostic image *is*
    person * (1 - mask), since grey is 0, so that is what this adds; nothing of the hidden person is needed.

    Book: sec-latent-diffusion.
    """
    return (agnostic * (mask < 1) + made * mask).clamp(-1, 1)


def _rows(which: Tensor) -> str:
    """The numbers of the samples that are so, in words; empty for none."""
    numbers = which.nonzero().flatten().tolist()
    return f"(sample {', '.join(map(str, numbers))})" if numbers else ""
