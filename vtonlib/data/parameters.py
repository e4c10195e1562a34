"""What there is to see: parameters of people, poses, garments and surroundings, as batched tensors."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float, Int
from torch import Tensor

from vtonlib.records import BatchRecord

CATEGORIES = ("upper", "lower", "dress")
UPPER, LOWER, DRESS = range(3)
HAIR_STYLES = ("cropped", "bob", "long", "bun", "curly", "bald")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body(BatchRecord):
    """One person's shape and looks; every number is about 0 on average unless said otherwise."""

    identity: Int[Tensor, " b"]
    build: Float[Tensor, " b"]
    """-1 slim to 1 heavy."""
    figure: Float[Tensor, " b"]
    """-1 broad shoulders to 1 broad hips."""
    waist: Float[Tensor, " b"]
    """How deep the waist is cut, 0 to 1."""
    torso: Float[Tensor, " b"]
    legs: Float[Tensor, " b"]
    neck: Float[Tensor, " b"]
    head: Float[Tensor, " b"]
    jaw: Float[Tensor, " b"]
    skin: Float[Tensor, "b 3"]
    hair: Float[Tensor, "b 3"]
    hair_style: Int[Tensor, " b"]
    parting: Float[Tensor, " b"]
    """Where the fringe parts, -1 to 1."""
    fringe: Float[Tensor, " b"]
    lips: Float[Tensor, " b"]
    brows: Float[Tensor, " b"]
    beard: Bool[Tensor, " b"]
    glasses: Bool[Tensor, " b"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose(BatchRecord):
    """How the person stands and how the camera frames them. Angles in radians."""

    lean: Float[Tensor, " b"]
    sway: Float[Tensor, " b"]
    turn: Float[Tensor, " b"]
    head_tilt: Float[Tensor, " b"]
    gaze: Float[Tensor, " b"]
    stance: Float[Tensor, " b"]
    arm_angle: Float[Tensor, "b 2"]
    """Outward angle of the upper arm (wearer's left, right)."""
    elbow: Float[Tensor, "b 2"]
    """Bend of the elbow, towards the body."""
    zoom: Float[Tensor, " b"]
    shift: Float[Tensor, "b 2"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Laying(BatchRecord):
    """How a garment lies in its picture; all of it 0, but ``zoom`` 1, for one laid straight."""

    turn: Float[Tensor, " b"]
    """Angle in radians, about the garment's middle."""
    zoom: Float[Tensor, " b"]
    """Size, as a share of what fills the picture."""
    place: Float[Tensor, "b 2"]
    """Where within the room that is left (x, y): -1 far left or up, 0 the middle, 1 far right or down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Garment(BatchRecord):
    """One garment: cut and fabric. Lengths are in the units of the mannequin (see ``body.py``)."""

    identity: Int[Tensor, " b"]
    category: Int[Tensor, " b"]
    trousers: Bool[Tensor, " b"]
    sleeve: Float[Tensor, " b"]
    """Where the sleeve ends: 1 elbow, 2 wrist; negative: none."""
    ease: Float[Tensor, " b"]
    boxy: Float[Tensor, " b"]
    """0 follows the waist, 1 hangs straight."""
    flare: Float[Tensor, " b"]
    hem: Float[Tensor, " b"]
    """Height (y) of the hem on the mannequin."""
    neck_width: Float[Tensor, " b"]
    neck_depth: Float[Tensor, " b"]
    neck_style: Int[Tensor, " b"]
    """0 V, 1 round, 2 square."""
    texture: Int[Tensor, " b"]
    colours: Float[Tensor, "b 3 3"]
    """Ground, figure, accent."""
    scale: Float[Tensor, " b"]
    angle: Float[Tensor, " b"]
    variant: Float[Tensor, "b 4"]
    """Four numbers in [0, 1) that textures use as they like (letters, logo, phase)."""
    laid: Laying


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(BatchRecord):
    """Background, light and accessories; ``variant`` numbers are in [0, 1)."""

    street: Bool[Tensor, " b"]
    colours: Float[Tensor, "b 2 3"]
    light: Float[Tensor, " b"]
    """-1 from the image's left, 1 from its right."""
    tucked: Bool[Tensor, " b"]
    """The lower garment is worn over the upper one."""
    necklace: Bool[Tensor, " b"]
    strap: Float[Tensor, " b"]
    """0: no bag; else the shoulder it hangs from, -1 or 1."""
    accent: Float[Tensor, "b 3"]
    variant: Float[Tensor, "b 24"]
