"""Augmentation as StableVITON does it: the same examples mirrored, shifted, scaled and in other colours.

Book: sec-augmentation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.moving import Border, DensePose, Move, mirror, move, rows_of
from vtonlib.settings import Range, Settings, Share
from vtonlib.shares import drawn


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmentation(Settings):
    """How examples are varied before a model sees them; by default not at all, :data:`RELEASED` as in the paper.

    In StableVITON's released code the documented command leaves shifting and scaling out: it asks for "shiftscale3",
    the loader knows "shiftscale".
    """

    flip: Share = 0.0
    """Probability of mirroring person and garment together."""
    shift_scale: Share = 0.0
    """Probability of moving the person's pictures, and of moving the garment's, each drawn for itself."""
    shift: Share = 0.2
    """Farthest shift of a moved picture along each axis, as a share of its side."""
    scale: Annotated[float, Range(0, 0.9)] = 0.2
    """A moved picture is scaled by 1 - ``scale`` to 1 + ``scale``."""
    border: Border = "continued"
    """What comes into view from outside a moved picture: its last pixels ``continued``, which for garments is their
    white ground, or ``black`` as in the released code."""
    colour: Share = 0.0
    """Probability of another hue, saturation and value, and likewise of another brightness and contrast, the same in
    person, agnostic image and garment."""

    @property
    def active(self) -> bool:
        """Whether anything is varied."""
        return max(self.flip, self.shift_scale, self.colour) > 0


RELEASED = Augmentation(flip=0.5, shift_scale=0.5, border="black", colour=0.5)
"""What the paper describes, in the numbers of the released code."""
HUE, SATURATION, VALUE = 5 / 180, 5 / 255, 5 / 255
"""Largest shifts, as shares of the whole range."""
BRIGHTNESS, CONTRAST = (-0.1, 0.02), (-0.3, 0.3)


def augment(
    batch: TryOnBatch, settings: Augmentation, *, generator: torch.Generator, dense_pose: DensePose = "surface"
) -> TryOnBatch:
    """A varied batch, and all that is true of it: a function of the batch and of the generator's state.

    Persons and garments are mirrored together, moved apart (:func:`vtonlib.data.moving.move`) and coloured together;
    the hidden part of the agnostic image stays mid grey.

    Args:
        batch: what to vary.
        settings: how.
        generator: of a CPU; all draws are made whatever the settings, so the same state gives the same draws.
        dense_pose: what that field holds, see :func:`vtonlib.data.moving.mirror`.

    Source: StableVITON, its code's loader. Book: sec-augmentation.
    """
    count, device = len(batch), batch.person.device
    draws = drawn(lambda rows: torch.rand(rows, 16, generator=generator), count)
    chosen, amounts = draws[:, :5].to(device), (draws[:, 5:] * 2 - 1).to(device)
    probabilities = (settings.flip, settings.shift_scale, settings.shift_scale, settings.colour, settings.colour)
    flip, person, garment, hsv, light = (chosen < chosen.new_tensor(probabilities)).unbind(1)
    if flip.any():
        batch = rows_of(batch, mirror(batch, dense_pose=dense_pose), flip)
    if (person | garment).any():
        moves = (_move(amounts[:, :3], person, settings), _move(amounts[:, 3:6], garment, settings))
        batch = rows_of(batch, move(batch, *moves, border=settings.border), person | garment)
    if (hsv | light).any():
        batch = _coloured(batch, amounts[:, 6:] * torch.stack((*[hsv] * 3, *[light] * 2), 1), hsv | light)
    return batch


def varied(batch: TryOnBatch, step: int, *, settings: Augmentation, seed: int, dense_pose: DensePose) -> TryOnBatch:
    """The batch of a step, varied: a function of (batch, settings, seed, step)."""
    return augment(batch, settings, generator=seeded(seed, step), dense_pose=dense_pose)


def seeded(*numbers: int) -> torch.Generator:
    """A generator of the CPU whose state is a function of some whole numbers."""
    state = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
    return torch.Generator().manual_seed(state)


def _move(amounts: Float[Tensor, "b 3"], chosen: Bool[Tensor, " b"], settings: Augmentation) -> Move:
    """The move of the chosen examples; the others stay."""
    amounts = amounts * chosen[:, None]
    scale = 1 + settings.scale * amounts[:, :1]
    return Move(scale.expand(-1, 2), 2 * settings.shift * amounts[:, 1:])


def _coloured(batch: TryOnBatch, amounts: Float[Tensor, "b 5"], chosen: Bool[Tensor, " b"]) -> TryOnBatch:
    """The batch in other colours; an amount of 0 changes nothing."""
    hue, saturation, value, brightness, contrast = amounts.unbind(1)
    light = (_between(brightness, BRIGHTNESS), _between(contrast, CONTRAST))

    def paint(image: Tensor) -> Tensor:
        shifted = shift_colours(image, hue * HUE, saturation * SATURATION, value * VALUE)
        return change_light(shifted, *light)

    coloured = replace(
        batch,
        person=paint(batch.person),
        garment=paint(batch.garment),
        agnostic=paint(batch.agnostic) * (1 - batch.agnostic_mask),
        warped_garment=paint(batch.warped_garment),
    )
    return rows_of(batch, coloured, chosen)


def _between(amount: Float[Tensor, " b"], ends: tuple[float, float]) -> Float[Tensor, " b"]:
    """Amounts in [-1, 1] as numbers between two ends; 0, the sign of what was not drawn, stays 0."""
    low, high = ends
    return torch.where(amount == 0, 0.0, low + (high - low) * (amount + 1) / 2)


def shift_colours(
    image: Float[Tensor, "b 3 h w"],
    hue: Float[Tensor, " b"],
    saturation: Float[Tensor, " b"],
    value: Float[Tensor, " b"],
) -> Float[Tensor, "b 3 h w"]:
    """Images in [-1, 1] with other hue (1: all around), saturation and value (the HSV cone's, each in [0, 1]).

    Saturation and value are clamped to [0, 1].
    """
    rgb = (image + 1) / 2
    top, strongest = rgb.max(dim=1)
    chroma = top - rgb.amin(dim=1)
    red, green, blue = rgb.unbind(1)
    span = chroma.clamp_min(torch.finfo(rgb.dtype).tiny)
    sixths = torch.stack(((green - blue) / span, 2 + (blue - red) / span, 4 + (red - green) / span), dim=1)
    h = sixths.gather(1, strongest[:, None])[:, 0] / 6 + hue.view(-1, 1, 1)
    s = (chroma / top.clamp_min(torch.finfo(rgb.dtype).tiny) + saturation.view(-1, 1, 1)).clamp(0, 1)
    v = (top + value.view(-1, 1, 1)).clamp(0, 1)
    k = (torch.tensor((5, 3, 1), device=rgb.device).view(1, 3, 1, 1) + 6 * h[:, None]) % 6
    moved = v[:, None] * (1 - s[:, None] * torch.minimum(k, 4 - k).clamp(0, 1))
    return moved * 2 - 1


def change_light(
    image: Float[Tensor, "b 3 h w"], brightness: Float[Tensor, " b"], contrast: Float[Tensor, " b"]
) -> Float[Tensor, "b 3 h w"]:
    """Images in [-1, 1] whose values v in [0, 1] become (1 + contrast) v + brightness, clamped."""
    gain, offset = 1 + contrast.view(-1, 1, 1, 1), brightness.view(-1, 1, 1, 1)
    return ((image + 1) / 2 * gain + offset).clamp(0, 1) * 2 - 1
