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
    """Number of the person."""
    build: Float[Tensor, " b"]
    """-1 slim to 1 heavy."""
    figure: Float[Tensor, " b"]
    """-1 broad shoulders to 1 broad hips."""
    waist: Float[Tensor, " b"]
    """How deep the waist is cut, 0 to 1."""
    torso: Float[Tensor, " b"]
    """Length of the trunk."""
    legs: Float[Tensor, " b"]
    """Length of the legs."""
    neck: Float[Tensor, " b"]
    """Length of the neck."""
    head: Float[Tensor, " b"]
    """Size of the head."""
    jaw: Float[Tensor, " b"]
    """Width of the jaw."""
    skin: Float[Tensor, "b 3"]
    """Colour, RGB in [0, 1]."""
    hair: Float[Tensor, "b 3"]
    """Colour, RGB in [0, 1]."""
    hair_style: Int[Tensor, " b"]
    """Number in ``HAIR_STYLES``."""
    parting: Float[Tensor, " b"]
    """Where the fringe parts, -1 to 1."""
    fringe: Float[Tensor, " b"]
    """How long the fringe is."""
    lips: Float[Tensor, " b"]
    """How red the lips are."""
    brows: Float[Tensor, " b"]
    """How strong the brows are."""
    beard: Bool[Tensor, " b"]
    """Whether there is one."""
    glasses: Bool[Tensor, " b"]
    """Whether they are worn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose(BatchRecord):
    """How the person stands and how the camera frames them. Angles in radians."""

    lean: Float[Tensor, " b"]
    """How far the spine leans sideways."""
    sway: Float[Tensor, " b"]
    """How far the spine sways sideways."""
    turn: Float[Tensor, " b"]
    """How far the body is turned about its axis."""
    head_tilt: Float[Tensor, " b"]
    """Angle of the head."""
    gaze: Float[Tensor, " b"]
    """How far the face looks sideways."""
    stance: Float[Tensor, " b"]
    """How far the legs are apart."""
    arm_angle: Float[Tensor, "b 2"]
    """Outward angle of the upper arm (wearer's left, right)."""
    elbow: Float[Tensor, "b 2"]
    """Bend of the elbow, towards the body."""
    zoom: Float[Tensor, " b"]
    """Of the camera: a larger one shows the person larger."""
    shift: Float[Tensor, "b 2"]
    """Of the person in the picture (x, y), in the canvas's units."""


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
    """Number of the garment."""
    category: Int[Tensor, " b"]
    """Number in ``CATEGORIES``."""
    trousers: Bool[Tensor, " b"]
    """Whether a lower garment is trousers, not a skirt."""
    sleeve: Float[Tensor, " b"]
    """Where the sleeve ends: 1 elbow, 2 wrist; negative: none."""
    ease: Float[Tensor, " b"]
    """How much wider it is than the body."""
    boxy: Float[Tensor, " b"]
    """0 follows the waist, 1 hangs straight."""
    flare: Float[Tensor, " b"]
    """How much wider it gets towards the hem."""
    hem: Float[Tensor, " b"]
    """Height (y) of the hem on the mannequin."""
    neck_width: Float[Tensor, " b"]
    """Half width of the neckline."""
    neck_depth: Float[Tensor, " b"]
    """How deep the neckline is cut."""
    neck_style: Int[Tensor, " b"]
    """0 V, 1 round, 2 square."""
    texture: Int[Tensor, " b"]
    """Number in ``TEXTURES``."""
    colours: Float[Tensor, "b 3 3"]
    """Ground, figure, accent."""
    scale: Float[Tensor, " b"]
    """Size of the pattern."""
    angle: Float[Tensor, " b"]
    """Of the pattern, in radians."""
    variant: Float[Tensor, "b 4"]
    """Four numbers in [0, 1) that textures use as they like (letters, logo, phase)."""
    laid: Laying
    """How it lies in its picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(BatchRecord):
    """Background, light and accessories; ``variant`` numbers are in [0, 1)."""

    street: Bool[Tensor, " b"]
    """Whether the backdrop is a street, not a studio."""
    colours: Float[Tensor, "b 2 3"]
    """Of the backdrop, two RGB colours in [0, 1]."""
    light: Float[Tensor, " b"]
    """-1 from the image's left, 1 from its right."""
    tucked: Bool[Tensor, " b"]
    """The lower garment is worn over the upper one."""
    necklace: Bool[Tensor, " b"]
    """Whether one is worn."""
    strap: Float[Tensor, " b"]
    """0: no bag; else the shoulder it hangs from, -1 or 1."""
    accent: Float[Tensor, "b 3"]
    """Colour of the bag, RGB in [0, 1]."""
    variant: Float[Tensor, "b 24"]
    """Numbers that details of backdrop and accessories use as they like."""
