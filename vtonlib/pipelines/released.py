"""How Leffa's released scripts bring pictures in and out, for whoever wants its numbers.

Everything else here resizes as the data modules do, and keeps the pixels outside the mask as they are.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageFilter
from torch import Tensor

from vtonlib.images import to_uint8


def released_pictures(
    *,
    garment: Image.Image,
    person: Image.Image | None = None,
    agnostic_mask: Image.Image | None = None,
    dense_pose: Image.Image,
    height: int,
    width: int,
) -> dict[str, Float[Tensor, "1 c h w"]]:
    """What Leffa's scripts make of pictures: ``pipeline(**released_pictures(...))``.

    Everything is resized by Lanczos' filter, masks too, which are then binarised at 1/2; what they hide of the person
    becomes 0, mid grey. Without ``person`` and ``agnostic_mask``, as for pose transfer, everything is to be painted.

    Raises:
        ValueError: where only one of ``person`` and ``agnostic_mask`` is given.
    """
    if (person is None) != (agnostic_mask is None):
        found, missing = ("agnostic_mask", "person") if person is None else ("person", "agnostic_mask")
        raise ValueError(f"{found} is given without {missing}: expected both or neither")

    def resized(picture: Image.Image, mode: str) -> Tensor:
        pixels = np.asarray(picture.convert(mode).resize((width, height), Image.Resampling.LANCZOS))
        return torch.from_numpy(pixels / np.float32(255)).view(1, height, width, -1).movedim(-1, 1)

    pictures = {"garment": 2 * resized(garment, "RGB") - 1, "dense_pose": 2 * resized(dense_pose, "RGB") - 1}
    if person is not None and agnostic_mask is not None:
        mask = (resized(agnostic_mask, "L") >= 0.5).float()
        pictures |= {"agnostic": (2 * resized(person, "RGB") - 1) * (1 - mask), "agnostic_mask": mask}
    return pictures


def released_repaint(
    made: Float[Tensor, "b 3 h w"], person: Float[Tensor, "b 3 h w"], mask: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """Leffa's repainting, off by default there: ``made`` inside the blurred ``mask`` (1 = paint), ``person`` outside.

    The blur's radius is a hundredth of the height, made odd, and the result is cut down to whole bytes, not rounded.
    Where the blurred edge reaches into the mask, the hidden *person* shines through: paired numbers then contain a
    little of the answer. :func:`vtonlib.pipelines.pictures.blend_pixels` needs nothing hidden.
    """
    radius = made.shape[-2] // 100 | 1
    pairs = zip(to_uint8(made).numpy(), to_uint8(person).numpy(), mask.float().cpu().numpy(), strict=True)
    bytes_ = []
    for painted, true, (paint,) in pairs:
        soft = Image.fromarray((255 * paint).round().astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
        share = (np.asarray(soft) / 255)[..., None]
        bytes_.append((true * (1 - share) + painted * share).astype(np.uint8))
    return torch.from_numpy(np.stack(bytes_)).movedim(-1, 1).to(made) / 127.5 - 1
