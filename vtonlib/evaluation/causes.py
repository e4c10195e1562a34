"""Why does it fail: the same person with one thing more, all else equal.

The world draws necklaces, bags on a strap, long hair, arms before the body with their hands, hems that are tucked in,
and streets. Each can be put into a scene or taken out of it, so its share of an error is measured and not guessed. It
cannot draw an arm across the middle of the body, fingers, a scarf or a jacket over the garment, other people, cloth
that folds over itself, or a back view: of these nothing is said.

Book: sec-failure-gallery.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from vtonlib.data.batch import TryOnBatch
from vtonlib.data.parameters import HAIR_STYLES
from vtonlib.data.render import render
from vtonlib.data.scene import Scene

Change = Callable[[Scene], Scene]


def _setting(**values: float | bool) -> Change:
    def change(scene: Scene) -> Scene:
        old = scene.setting
        return replace(
            scene, setting=replace(old, **{k: torch.full_like(getattr(old, k), v) for k, v in values.items()})
        )

    return change


def _hair(style: str) -> Change:
    number = HAIR_STYLES.index(style)

    def change(scene: Scene) -> Scene:
        return replace(scene, body=replace(scene.body, hair_style=torch.full_like(scene.body.hair_style, number)))

    return change


def _arms(angle: float, elbow: float) -> Change:
    def change(scene: Scene) -> Scene:
        angles = (torch.full_like(scene.pose.arm_angle, math.radians(degrees)) for degrees in (angle, elbow))
        return replace(scene, pose=replace(scene.pose, **dict(zip(("arm_angle", "elbow"), angles, strict=True))))

    return change


CAUSES: dict[str, tuple[Change, Change]] = {
    "necklace": (_setting(necklace=True), _setting(necklace=False)),
    "bag": (_setting(strap=1.0), _setting(strap=0.0)),
    "long hair": (_hair("long"), _hair("cropped")),
    "arms and hands": (_arms(12.0, 50.0), _arms(14.0, 8.0)),
    "tucked in": (_setting(tucked=True), _setting(tucked=False)),
    "street": (_setting(street=True), _setting(street=False)),
}
"""By name, what puts a cause into upper garments' scenes, and what takes it out."""
HIDDEN = ("necklace", "bag", "long hair")
"""Those that lie before the garment. The world's mask keeps what it can of a bag; of a necklace and of long hair it
keeps nothing at 64 by 48 pixels, so that for these two a rough mask is the same mask."""
CHANGED = 0.1
"""Difference of two pictures in [-1, 1] from which on a pixel shows the cause."""


class Twins(NamedTuple):
    """The same people with a cause and without it."""

    present: TryOnBatch
    """With it."""
    absent: TryOnBatch
    """Without it; all else is equal."""

    @property
    def common(self) -> Float[Tensor, "b 1 h w"]:
        """Pixels that both have to paint, and in which both show the garment alone."""
        both = [b.garment_region * b.agnostic_mask > 0.999 for b in self]
        return (both[0] & both[1]).to(self.present.person.dtype)

    @property
    def thing(self) -> Float[Tensor, "b 1 h w"]:
        """Pixels that show the cause where without it one would have to paint."""
        differs = (self.present.person - self.absent.person).abs().amax(1, keepdim=True) > CHANGED
        return differs.to(self.present.person.dtype) * self.absent.agnostic_mask


def twins(scenes: Scene, cause: str, height: int, width: int) -> Twins:
    """People in upper garments with a cause of :data:`CAUSES` and without it.

    Raises:
        ValueError: for an unknown cause, listing the known ones.

    Book: sec-failure-gallery.
    """
    if cause not in CAUSES:
        raise ValueError(f"cause is {cause!r}: expected one of {', '.join(CAUSES)}")
    present, absent = (render(change(scenes), height, width) for change in CAUSES[cause])
    return Twins(present, absent)


def roughly_masked(pair: Twins) -> TryOnBatch:
    """The people with the cause, behind the mask of those without it: the thing is hidden, and has to be guessed.

    The world's own masks keep what lies before the garment. Masks of photographs are seldom so exact.
    """
    mask = pair.absent.agnostic_mask
    return replace(pair.present, agnostic_mask=mask, agnostic=pair.present.person * (1 - mask))


def survival(painted: Float[Tensor, "b 3 h w"], pair: Twins) -> Float[Tensor, " b"]:
    """Of the pixels that show the cause, the share painted nearer to it than to what is there without it.

    1: it is kept; 0: it is gone. NaN where no pixel shows it.

    Book: sec-failure-gallery.
    """
    there, gone = ((painted - batch.person).square().sum(1, keepdim=True) for batch in pair)
    thing = pair.thing
    return ((there < gone) * thing).flatten(1).sum(1) / thing.flatten(1).sum(1)
