"""What there is to see: parameters of people, poses, garments and surroundings, as batched tensors.

``sample_scenes`` is the only place that decides how the world varies. Everything is a function of
(seed, split, index): a body, a garment, a pose and a setting each have their own stream of numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vtonlib.config import DataConfig
from vtonlib.data.palette import ACCENTS, BACKDROPS, FABRICS, HAIR, NEUTRALS, SKIN, pick
from vtonlib.data.random import choose, draw, keys
from vtonlib.data.source import SPLITS, Split
from vtonlib.data.textures import PLAIN, TEXTURES, WEIGHTS

CATEGORIES = ("upper", "lower", "dress")
UPPER, LOWER, DRESS = range(3)
CYCLE = (UPPER, UPPER, LOWER, UPPER, DRESS, UPPER, UPPER, UPPER)
"""Category of example i: ``CYCLE[i % 8]``; so example i + 8 has the same one, and its garment suits the person."""

FRAMING = ((1.55, -0.29), (1.35, 0.46), (1.05, -0.02))
"""How the camera frames each category (as the field's data sets do): its zoom, and the height (y) it looks at."""

HAIR_STYLES = ("cropped", "bob", "long", "bun", "curly", "bald")
# Arm poses: outward angle of the upper arm and bend of the elbow, in degrees from hanging straight; and how often.
ARM_POSES = {
    "relaxed": (9, 24, 0, 22, 0.50),
    "away": (24, 46, 0, 30, 0.20),
    "hip": (38, 50, 78, 98, 0.14),
    "front": (8, 18, 28, 50, 0.10),
    "wave": (38, 58, -105, -80, 0.06),
}
T = TypeVar("T", bound="_Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """Tensors that share their first dimension, the batch."""

    def __getitem__(self, rows: slice | Tensor) -> Self:
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def to(self, device: torch.device | str) -> Self:
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def where(self: T, condition: Bool[Tensor, " b"], other: T) -> T:
        """Rows of this record where ``condition`` holds, and of ``other`` elsewhere."""

        def select(a: Any, b: Any) -> Any:
            if isinstance(a, _Record):
                return a.where(condition, b)
            return torch.where(condition.view(-1, *[1] * (a.dim() - 1)), a, b)

        return replace(self, **{f.name: select(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Body(_Record):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose(_Record):
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
class Garment(_Record):
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
    folds: Float[Tensor, "b 3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(_Record):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene(_Record):
    """A batch of complete scenes: who, how, what and where."""

    index: Int[Tensor, " b"]
    body: Body
    pose: Pose
    garment: Garment
    """The garment to try on."""
    outfit: Garment
    """The plain garment worn with it; its category is upper where the garment's is lower. None with a dress."""
    setting: Setting

    def __len__(self) -> int:
        return len(self.index)

    def wearing(self, garment: Garment) -> Scene:
        """The same persons, poses, outfits and settings in another garment of the same category.

        Raises:
            ValueError: where the category differs: the rest of the outfit would not go with it.
        """
        if len(garment.category) != len(self) or not torch.equal(garment.category, self.garment.category):
            raise ValueError(
                f"the garments' categories are {garment.category.tolist()}, the scenes need "
                f"{self.garment.category.tolist()} ({', '.join(f'{i} {c}' for i, c in enumerate(CATEGORIES))})"
            )
        return replace(self, garment=garment)


def identities(indices: Int[Tensor, " b"], split: Split) -> Int[Tensor, " b"]:
    """Numbers of the bodies and garments of these examples: no two splits share one.

    Raises:
        ValueError: for an unknown split, or an index outside [0, 2^40).
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}, expected one of {', '.join(SPLITS)}")
    if indices.dim() != 1 or indices.is_floating_point():
        raise ValueError(f"indices: expected whole numbers [b], found {indices.dtype} {tuple(indices.shape)}")
    if len(indices) and (int(indices.min()) < 0 or int(indices.max()) >= 1 << 40):
        raise ValueError(f"indices must lie in [0, 2^40), found {int(indices.min())} to {int(indices.max())}")
    return indices.long() + (SPLITS.index(split) << 40)


def category_of(indices: Int[Tensor, " b"]) -> Int[Tensor, " b"]:
    """What kind of garment each example is about."""
    return torch.tensor(CYCLE, device=indices.device)[indices % len(CYCLE)]


def sample_scenes(indices: Int[Tensor, " b"], config: DataConfig, *, split: Split) -> Scene:
    """The scenes of these examples; example i is a function of (config.seed, split, i) alone.

    Book: sec-world.
    """
    identity = identities(indices, split)
    category = category_of(indices)
    return Scene(
        index=indices.long(),
        body=sample_bodies(identity, config.seed),
        pose=framed(sample_poses(identity, config.seed), category),
        garment=sample_garments(identity, category, config.seed),
        outfit=sample_outfits(identity, category, config.seed),
        setting=sample_settings(identity, category, config.seed, street=split == "cross"),
    )


def sample_bodies(identity: Int[Tensor, " b"], seed: int) -> Body:
    """People: shapes, skin tones, hair."""
    one = (-1.0, 1.0)
    unit = (0.0, 1.0)
    names = ("build", "figure", "torso", "legs", "neck", "head", "jaw", "parting", "lips", "brows")
    u = draw(
        keys(identity, seed, "body"),
        {name: one for name in names}
        | {name: unit for name in ("waist", "skin", "skin_mix", "hair", "style", "fringe")},
    )
    tones = torch.tensor(SKIN, device=identity.device)
    place = u["skin"] * (len(SKIN) - 1)
    low = place.floor().long()
    skin = torch.lerp(tones[low], tones[(low + 1).clamp_max(len(SKIN) - 1)], (place - low)[:, None])
    return Body(
        identity=identity,
        build=u["build"],
        figure=u["figure"],
        waist=u["waist"],
        torso=u["torso"],
        legs=u["legs"],
        neck=u["neck"],
        head=u["head"],
        jaw=u["jaw"],
        skin=skin,
        hair=pick(HAIR, u["hair"]),
        hair_style=choose(u["style"], (0.26, 0.2, 0.24, 0.12, 0.13, 0.05)),
        parting=u["parting"],
        fringe=u["fringe"],
        lips=u["lips"],
        brows=u["brows"],
    )


def sample_poses(identity: Int[Tensor, " b"], seed: int) -> Pose:
    """Standing people, their arms mostly relaxed."""
    ranges = {
        "lean": (-0.09, 0.09),
        "sway": (-0.028, 0.028),
        "turn": (-0.11, 0.11),
        "head_tilt": (-0.12, 0.12),
        "gaze": (-1.0, 1.0),
        "stance": (0.0, 1.0),
        "zoom": (0.95, 1.04),
        "shift_x": (-0.05, 0.05),
        "shift_y": (-0.03, 0.03),
    }
    sides = ("left", "right")
    unit = {f"{name}_{side}": (0.0, 1.0) for name in ("pose", "angle", "elbow") for side in sides}
    u = draw(keys(identity, seed, "pose"), ranges | unit)
    table = torch.tensor(list(ARM_POSES.values()), device=identity.device)
    kind = choose(torch.stack([u[f"pose_{s}"] for s in sides], 1), table[:, 4].tolist())
    low, high, bend_low, bend_high, _ = table[kind].unbind(-1)
    angle = low + (high - low) * torch.stack([u[f"angle_{s}"] for s in sides], 1)
    bend = bend_low + (bend_high - bend_low) * torch.stack([u[f"elbow_{s}"] for s in sides], 1)
    return Pose(
        arm_angle=angle.deg2rad(),
        elbow=bend.deg2rad(),
        shift=torch.stack((u["shift_x"], u["shift_y"]), 1),
        **{name: u[name] for name in ranges if not name.startswith("shift")},
    )


def framed(pose: Pose, category: Int[Tensor, " b"]) -> Pose:
    """The pose seen by a camera that looks at where garments of this category are worn."""
    zoom, middle = torch.tensor(FRAMING, device=category.device)[category].unbind(1)
    zoom = zoom * pose.zoom
    return replace(pose, zoom=zoom, shift=pose.shift - torch.stack((torch.zeros_like(zoom), middle * zoom), 1))


def _cut(u: dict[str, Tensor], category: Int[Tensor, " b"]) -> dict[str, Tensor]:
    """Cut of a garment from uniform numbers, by category."""
    upper, lower, dress = (category == c for c in range(3))
    sleeves = torch.tensor([-1.0, 0.42, 1.02, 1.9], device=category.device)
    kind = torch.where(
        dress, choose(u["kind"], (0.5, 0.3, 0.1, 0.1)), choose(u["kind"], (0.2, 0.42, 0.08, 0.3))
    )
    sleeve = torch.where(lower, torch.full_like(u["kind"], -1.0), sleeves[kind] + (kind > 0) * 0.1 * u["sleeve"])
    trousers = lower & (u["kind"] < 0.6)
    skirt_hem = 0.56 + 0.3 * u["hem"]
    trouser_hem = torch.where(u["kind"] < 0.22, 0.6 + 0.1 * u["hem"], 1.3 + 0.15 * u["hem"])
    hem = torch.where(upper, 0.14 + 0.17 * u["hem"], torch.where(trousers, trouser_hem, skirt_hem))
    flare = torch.where(upper, 0.12 * u["flare"], torch.where(trousers, 0.03 * u["flare"], 0.08 + 0.3 * u["flare"]))
    return {
        "trousers": trousers,
        "sleeve": sleeve,
        "ease": 0.008 + 0.022 * u["ease"],
        "boxy": torch.where(upper, u["boxy"], 0.35 * u["boxy"]),
        "flare": flare,
        "hem": hem,
        "neck_width": 0.085 + 0.045 * u["neck_width"] + 0.01 * (sleeve < 0),
        "neck_depth": 0.06 + 0.1 * u["neck_depth"] + 0.03 * (sleeve < 0),
        "neck_style": choose(u["neck_style"], (0.28, 0.6, 0.12)),
    }


_GARMENT_NUMBERS = (
    "kind", "sleeve", "hem", "flare", "ease", "boxy", "neck_width", "neck_depth", "neck_style", "texture", "fabric",
    "accent", "scale", "angle", "v0", "v1", "v2", "v3", "f0", "f1", "f2",
)  # fmt: skip


def sample_garments(identity: Int[Tensor, " b"], category: Int[Tensor, " b"], seed: int) -> Garment:
    """Garments to try on: every cut in every fabric."""
    u = draw(keys(identity, seed, "garment"), {name: (0.0, 1.0) for name in _GARMENT_NUMBERS})
    return Garment(
        identity=identity,
        category=category,
        texture=choose(u["texture"], [WEIGHTS[t] for t in TEXTURES]),
        colours=pick(FABRICS, u["fabric"]),
        scale=u["scale"],
        angle=u["angle"],
        variant=torch.stack([u[f"v{i}"] for i in range(4)], 1),
        folds=torch.stack([u[f"f{i}"] for i in range(3)], 1),
        **_cut(u, category),
    )


def sample_outfits(identity: Int[Tensor, " b"], category: Int[Tensor, " b"], seed: int) -> Garment:
    """The plain garments worn with those to try on: lower with upper, upper with lower; a dress needs none."""
    u = draw(keys(identity, seed, "outfit"), {name: (0.0, 1.0) for name in _GARMENT_NUMBERS})
    other = torch.where(category == LOWER, UPPER, LOWER)
    colour = pick(NEUTRALS, u["fabric"])
    return Garment(
        identity=identity,
        category=other,
        texture=torch.full_like(identity, PLAIN),
        colours=torch.stack((colour, colour * 0.8, colour), 1),
        scale=u["scale"],
        angle=u["angle"],
        variant=torch.stack([u[f"v{i}"] for i in range(4)], 1),
        folds=torch.stack([u[f"f{i}"] for i in range(3)], 1),
        **_cut(u, other),
    )


def sample_settings(
    identity: Int[Tensor, " b"], category: Int[Tensor, " b"], seed: int, *, street: bool
) -> Setting:
    """Surroundings, light, accessories."""
    variants = [f"v{i}" for i in range(24)]
    names = ("backdrop", "light", "tucked", "necklace", "strap", "accent", *variants)
    u = draw(keys(identity, seed, "setting"), {name: (0.0, 1.0) for name in names})
    strap = (u["strap"] < 0.08).float() - ((u["strap"] >= 0.08) & (u["strap"] < 0.16)).float()
    return Setting(
        street=torch.full_like(identity, street, dtype=torch.bool),
        colours=pick(BACKDROPS, u["backdrop"]),
        light=u["light"] * 2 - 1,
        tucked=(u["tucked"] < 0.3) & (category != DRESS),
        necklace=u["necklace"] < 0.15,
        strap=strap,
        accent=pick(ACCENTS, u["accent"]),
        variant=torch.stack([u[name] for name in variants], 1),
    )
