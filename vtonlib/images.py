"""Pictures: from [-1, 1] to bytes, side by side, and onto the disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from vtonlib.disk import whole_file

SLACK = 0.01
"""How far half precision and resizing may lead out of a range."""


def to_uint8(images: Float[Tensor, "*b 3 h w"]) -> UInt8[Tensor, "*b h w 3"]:
    """Images in [-1, 1] as bytes, channels last, on the CPU; values beyond the range are clipped.

    Raises:
        ValueError: for another number of channels, or a value that is not a number.
    """
    if images.ndim < 3 or images.shape[-3] != 3:
        raise ValueError(f"images have shape {tuple(images.shape)}, expected [... 3 h w]")
    if images.isnan().any():
        raise ValueError("images contain NaN, expected values in [-1, 1]")
    scaled = (images.detach().float().clamp(-1, 1) + 1) * 127.5
    return scaled.round().to(torch.uint8).movedim(-3, -1).cpu().contiguous()


def check_ranges(images: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> None:
    """Refuse images outside [-1, 1] and masks outside [0, 1], such as bytes that nobody scaled; rounding is let pass.

    Raises:
        ValueError: naming the first that is outside, or not finite.
    """
    for low, tensors in ((0, masks), (-1, images)):
        for name, tensor in tensors.items():
            found = [float(end) for end in tensor.detach().aminmax()] if tensor.numel() else [0.0]
            if not all(low - SLACK <= end <= 1 + SLACK for end in found):
                raise ValueError(f"{name} has values from {found[0]:.4g} to {found[-1]:.4g}: expected {low} to 1")


def grid(columns: Sequence[Float[Tensor, "n 3 h w"]], *, gap: int = 2) -> Float[Tensor, "3 H W"]:
    """One picture with a row for each example and a column for each kind of image, ``gap`` white pixels apart.

    ``columns`` might be (garments, agnostic images, results, persons); all have the same shape.

    Raises:
        ValueError: when there are no columns, or their shapes differ.
    """
    shapes = {tuple(column.shape) for column in columns}
    if len(shapes) != 1:
        found = ", ".join(map(str, sorted(shapes))) or "none"
        raise ValueError(f"columns of one shape [n 3 h w] are expected, found {found}")
    tiles = torch.stack([column.detach().float().cpu() for column in columns], dim=1)  # [n columns 3 h w]
    tiles = torch.nn.functional.pad(tiles, (0, gap, 0, gap), value=1.0)
    rows, count, _, height, width = tiles.shape
    picture = tiles.permute(2, 0, 3, 1, 4).reshape(3, rows * height, count * width)
    return picture[:, : rows * height - gap, : count * width - gap]


def save_png(path: Path | str, image: Float[Tensor, "3 h w"]) -> None:
    """Write an image in [-1, 1] as PNG. An interrupted write leaves what was there before.

    Raises:
        FileExistsError: where something lies at ``path`` that is no file, such as a device.
    """
    pixels = to_uint8(image).numpy()
    with whole_file(Path(path)) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")
