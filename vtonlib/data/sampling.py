"""How the world varies: bodies, poses, garments and settings as functions of their identities and a seed.

Each has its own stream of numbers. This is the only module that decides how often anything is seen.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from vtonlib.config import Laid
from vtonlib.data.palette import ACCENTS, BACKDROPS, FABRICS, HAIR, NEUTRALS, SKIN, pick
from vtonlib.data.parameters import DRESS, LOWER, UPPER, Body, Garment, Laying, Pose, Setting
from vtonlib.data.random import choose, draw, keys
from vtonlib.data.textures import PLAIN, TEXTURES, WEIGHTS

FRAMING = ((1.55, -0.29), (1.35, 0.46), (1.05, -0.02))
"""How the camera frames each category (as the field's data sets do): its zoom, and the height (y) it looks at."""

# Arm poses: outward angle of the upper arm and bend of the elbow, in degrees from hanging straight; and how often.
ARM_POSES = {
    "relaxed": (9, 24, 0, 22, 0.50),
    "away": (24, 46, 0, 30, 0.20),
    "hip": (38, 50, 78, 98, 0.14),
    "front": (8, 18, 28, 50, 0.10),
    "wave": (38, 58, -105, -80, 0.06),
}
MOST_TURNED, SMALLEST = math.radians(20), 0.65
"""Garments laid anyhow: their largest angle, and their least size as a share of what fills the picture."""


def sample_bodies(identity: Int[Tensor, " b"], seed: int) -> Body:
    """People: shapes, skin tones, hair."""
    one = (-1.0, 1.0)
    unit = (0.0, 1.0)
    names = ("build", "figure", "torso", "legs", "neck", "head", "jaw", "parting", "lips", "brows")
    u = draw(
        keys(identity, seed, "body"),
        {name: one for name in names}
        | {name: unit for name in ("waist", "skin", "hair", "style", "fringe", "beard", "glasses")},
    )
    tones = torch.tensor(SKIN, device=identity.device)
    place = u["skin"] * (len(SKIN) - 1)
    low = place.floor().long()
    skin = torch.lerp(tones[low], tones[(low + 1).clamp_max(len(SKIN) - 1)], (place - low)[:, None])
    style = choose(u["style"], (0.27, 0.2, 0.22, 0.12, 0.13, 0.06))
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
        hair_style=style,
        parting=u["parting"],
        fringe=u["fringe"],
        lips=u["lips"],
        brows=u["brows"],
        beard=(u["beard"] < 0.35) & ((style == 0) | (style == 5)) & (u["figure"] < 0.2),
        glasses=u["glasses"] < 0.14,
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
    kind = torch.where(dress, choose(u["kind"], (0.5, 0.3, 0.1, 0.1)), choose(u["kind"], (0.2, 0.42, 0.08, 0.3)))
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
    "accent", "scale", "angle", "v0", "v1", "v2", "v3",
)  # fmt: skip


def sample_layings(identity: Int[Tensor, " b"], seed: int, laid: Laid) -> Laying:
    """How garments lie in their pictures. The numbers are a stream of their own: a garment stays what it is."""
    if laid == "straight":
        nothing = torch.zeros(len(identity), device=identity.device)
        return Laying(turn=nothing, zoom=nothing + 1, place=torch.stack((nothing, nothing), 1))
    ranges = {"turn": (-MOST_TURNED, MOST_TURNED), "zoom": (SMALLEST, 1.0), "x": (-1.0, 1.0), "y": (-1.0, 1.0)}
    u = draw(keys(identity, seed, "laying"), ranges)
    return Laying(turn=u["turn"], zoom=u["zoom"], place=torch.stack((u["x"], u["y"]), 1))


def sample_garments(
    identity: Int[Tensor, " b"], category: Int[Tensor, " b"], seed: int, laid: Laid = "straight"
) -> Garment:
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
        laid=sample_layings(identity, seed, laid),
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
        laid=sample_layings(identity, seed, "straight"),  # it has no picture of its own
        **_cut(u, other),
    )


def sample_settings(identity: Int[Tensor, " b"], category: Int[Tensor, " b"], seed: int, *, street: bool) -> Setting:
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
